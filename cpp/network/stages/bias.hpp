// Compute: the bias of a product.
#pragma once

#include "network/stages/stage_type.hpp"

namespace steepest {

// Updates this share's part of it, or stores its gradient.
template <class T>
void update_bias(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) {
    const std::size_t d = at.parameter_index();
    const Range own = column_chunk<T>(at.stage().outputs, context.share);
    const Index j = own.begin;
    T* const bias = at.parameters().bias;
    if (!bias || own.size() == 0) return;
    T* const sums = step.gradients ? step.gradients[d].bias : at.delta().row(step.samples);
    context.kernels.column_sums(read_only(at.delta().rows()), step.samples, j, own.end, sums);
    if (step.gradients) return;
    context.kernels.update(step.updates.biases[d], sums + j, bias + j, step.state.of_bias(d, j), own.size());
}

} // namespace steepest
