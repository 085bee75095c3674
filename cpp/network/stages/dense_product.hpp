// Plan: how a dense stage's forward product is computed. By its size alone, so that its bits are the same
// whoever asks; every thread may.
#pragma once

#include "kernels/table.hpp"

namespace steepest {

// Whether vectors along a row of so many outputs would be partly empty.
template <class T> [[nodiscard]] bool has_few_outputs(Index outputs) { return outputs < few_outputs<T>; }

// Whether the product needs the weight's transpose.
template <class T> [[nodiscard]] bool needs_transpose(Index inputs, Index outputs) {
    return has_few_outputs<T>(outputs) && inputs > few_outputs<T>;
}

// The kernel that computes it.
template <class T> [[nodiscard]] auto forward_kernel(const Kernels<T>& kernels, Index inputs, Index outputs) {
    return needs_transpose<T>(inputs, outputs) ? kernels.forward_transposed
           : has_few_outputs<T>(outputs)       ? kernels.forward_few_inputs
                                               : kernels.forward;
}

} // namespace steepest
