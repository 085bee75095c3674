// Compute: what updates of some rows of a weight have in common.
#pragma once

#include "network/stages/stage_type.hpp"

namespace steepest {

// Adds the slope of a penalty to the gradient of a weight row.
template <class T>
void add_penalty_slope(const Kernels<T>& kernels, const Update<T>& update, const T* w, T* gradient, Index n) {
    if (update.l2_slope != 0) kernels.add_scaled(gradient, w, update.l2_slope, gradient, n);
    for (Index k = 0; update.l1 != 0 && k < n; ++k)
        gradient[k] += w[k] > 0 ? update.l1 : w[k] < 0 ? -update.l1 : T(0);
}

// Whether rows of the weight, and of all that the optimizer keeps of it, lie one behind the other.
template <class T> [[nodiscard]] bool rows_adjoin(const StageView<T>& at, const StepUpdate<T>& step) {
    const Index n = at.stage().outputs;
    bool adjoin = at.parameters().weight.stride == n;
    const WeightSlots<T> slots = step.state.of_weight(at.parameter_index(), 0);
    for (int k = 0; k < step.state.count; ++k) adjoin = adjoin && slots.slot[k].stride == n;
    return adjoin;
}

} // namespace steepest
