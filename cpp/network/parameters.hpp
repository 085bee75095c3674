// Plan: views of what the caller owns and training changes: parameters, what an optimizer keeps of them, and
// the numbers of one update.
#pragma once

#include "base/buffer.hpp"
#include "kernels/arguments.hpp"

#include <vector>

namespace steepest {

// Parameters of a stage that has some, or their gradients, or one of each in an optimizer's state. No bias:
// null. The weight of a normalization is one row.
template <class T> struct Parameters {
    MatrixView<T> weight;
    T* bias;
};

// What an optimizer keeps of every parameter: some slots, each an array with an entry for each stage that has
// parameters.
template <class T> struct OptimizerState {
    const Parameters<T>* slots[most_slots] = {};
    int count = 0;

    // The slots of the weight of a stage, by its parameter_index, from a column on.
    [[nodiscard]] WeightSlots<T> of_weight(std::size_t d, Index column) const {
        WeightSlots<T> views;
        for (int k = 0; k < count; ++k) views.slot[k] = from(slots[k][d].weight, 0, column);
        return views;
    }
    // Those of a row of it, and of its bias.
    [[nodiscard]] RowSlots<T> of_row(std::size_t d, Index row, Index column = 0) const {
        RowSlots<T> rows;
        for (int k = 0; k < count; ++k) rows.slot[k] = from(slots[k][d].weight, row, column).data;
        return rows;
    }
    [[nodiscard]] RowSlots<T> of_bias(std::size_t d, Index column = 0) const {
        RowSlots<T> rows;
        for (int k = 0; k < count; ++k) rows.slot[k] = slots[k][d].bias + column;
        return rows;
    }
};

// What descent keeps of a velocity, by the plain rule or by Nesterov's.
struct Momentum {
    double value = 0;
    bool nesterov = false;
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
    // Of each stage that has parameters; biases are updated like scales.
    std::vector<Update<T>> weights, biases;
    std::vector<bool> frozen; // whether its parameters stay as they are; empty: none does
    bool lazy = false;        // of a sparse first stage only rows of features that the batch has are updated
    // The penalty whose terms the update of a sparse first stage renews, while the rows are in the cache;
    // null: none does.
    const Penalty* renewed = nullptr;
    [[nodiscard]] bool freezes(std::size_t d) const { return !frozen.empty() && frozen[d]; }
};

} // namespace steepest
