// Plan: views of what the caller owns and training changes: parameters, what an optimizer keeps of them, and
// the numbers of one update.
#pragma once

#include "base/types.hpp"

#include <vector>

namespace steepest {

// Parameters of a stage that has some, or their gradients, or one of each in an optimizer's state. No bias:
// null. The weight of a normalization is one row.
template <class T> struct Parameters {
    MatrixView<T> weight;
    T* bias;
};

// What an optimizer keeps of every parameter: v and s of `Update`; null where its rule has none.
template <class T> struct State {
    const Parameters<T>*first = nullptr, *second = nullptr;
    [[nodiscard]] Parameters<T> first_of(std::size_t d) const { return first ? first[d] : Parameters<T>{}; }
    [[nodiscard]] Parameters<T> second_of(std::size_t d) const {
        return second ? second[d] : Parameters<T>{};
    }
};

// The penalty of a weight.
struct Penalty {
    double l2 = 0, l1 = 0; // of sum(w^2) and sum|w|
    bool proximal = false; // the update shrinks |w|, instead of following the slope of l1
    // What it is of a share of the samples.
    [[nodiscard]] Penalty operator*(double share) const { return {l2 * share, l1 * share, proximal}; }
};

// How one step updates the weight of each stage that has parameters, by parameter_index, and all biases.
template <class T> struct Updates {
    std::vector<Update<T>> weights;
    Update<T> biases;
};

} // namespace steepest
