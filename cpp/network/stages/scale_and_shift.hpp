// Compute: what kinds with a scale and a shift for each column share.
#pragma once

#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {

// Updates some columns of scale and shift from the gradients of all columns, or stores these where the step
// asks for them. Neither a penalty nor decay is for scales: they are updated as biases are. dshift is null
// for kinds without a bias. Every share, its columns.
template <class T>
void update_scale_and_shift(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step,
                            Range columns, const T* dscale, const T* dshift) {
    const std::size_t d = at.parameter_index();
    const Index j = columns.begin, n = columns.size();
    if (step.gradients) {
        std::copy_n(dscale + j, n, step.gradients[d].weight.data + j);
        if (dshift) std::copy_n(dshift + j, n, step.gradients[d].bias + j);
        return;
    }
    const Parameters<T>& parameters = at.parameters();
    const Update<T>& update = step.updates.biases[d];
    context.kernels.update(update, dscale + j, parameters.weight.data + j, step.state.of_row(d, 0, j), n);
    if (dshift) context.kernels.update(update, dshift + j, parameters.bias + j, step.state.of_bias(d, j), n);
}

} // namespace steepest
