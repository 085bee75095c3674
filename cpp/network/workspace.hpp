// Compute: the buffers of one batch on its way through a network.
#pragma once

#include "base/buffer.hpp"

#include <vector>

namespace steepest {

// Reserved by the caller alone. In a step every share writes its part, and barriers divide writing from
// reading.
template <class T> struct Workspace {
    // Of each stage: its outputs, the gradients of its sums, with one more row for those of its bias, and
    // what it saves of a batch on the way forward for the way back.
    std::vector<Matrix<T>> outputs, deltas, saved;
    // By parameter_index: gradients, the bias as one more row of its weight, and weights as their products
    // need them: the transposes of stages of few outputs, the curves that ramps make.
    std::vector<Matrix<T>> gradients, arranged;
    // By parameter_index, for every 8 rows of a weight: its penalty, and the squares of its gradient, with
    // one more for the bias.
    std::vector<Buffer<double>> penalty_terms, gradient_norm_terms;
    Buffer<T> scratch; // of all threads, `scratch_stride` apart
    Index scratch_stride = 0;

    Workspace(std::size_t stages, std::size_t parametric)
        : outputs(stages), deltas(stages), saved(stages), gradients(parametric), arranged(parametric),
          penalty_terms(parametric), gradient_norm_terms(parametric) {}

    [[nodiscard]] T* scratch_of(int thread) const { return scratch.data() + thread * scratch_stride; }
};

} // namespace steepest
