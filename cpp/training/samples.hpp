// Plan: what a run learns from: samples, their loss, and a loss of the program's own. Every thread may read
// them.
#pragma once

#include "kernels/dispatch.hpp"
#include "network/sparse/batch.hpp"

#include <functional>
#include <limits>

namespace steepest {

// Samples to learn from; labels or targets as the loss needs them. The program may write to them meanwhile:
// what is learned is then anything, but a label out of range only ends the run.
template <class T> struct Samples {
    MatrixView<const T> x{};
    const std::int64_t* labels = nullptr;
    MatrixView<const T> targets{};
    const T* weight = nullptr; // or null
    Index count = 0;
    Csr<T> sparse = {}; // in place of x
};

// The weight of a batch, or 0 if it is so small that its reciprocal may overflow: as if there were none.
[[nodiscard]] inline double usable_weight(double sum) {
    return sum < std::numeric_limits<double>::min() ? 0 : sum;
}

struct Loss {
    LossKind kind{};       // the first of the list
    double number = 0;     // as in LossRows
    bool sum = false;      // over the samples, instead of their weighted mean
    bool weighted = false; // by class: weights come with the samples, always
};

// Whether a loss takes labels, not targets. A custom one takes either.
[[nodiscard]] inline bool takes_labels(LossKind kind) {
    return kind != LossKind::custom && traits_of(kind).takes_labels;
}

// Whether a loss has a step of dual coordinate ascent.
[[nodiscard]] inline bool has_dual(LossKind kind) {
    return kind != LossKind::custom && traits_of(kind).has_dual;
}

// A batch as a loss of the program's own sees it: labels, any numbers, or targets of some columns.
template <class T> struct LossInput {
    MatrixView<const T> scores;
    const std::int64_t* labels;
    MatrixView<const T> targets;
    MatrixView<T> gradient; // to be filled, dloss/dscores
    Index rows;
};

// Such a loss, of LossKind::custom. It sets the loss, a mean over the samples; false ends the run as a poll
// does. Called by the caller's thread with one whole batch after the other, while the team waits.
template <class T> struct CustomLoss {
    Index target_columns = 0;
    std::function<bool(const LossInput<T>&, double* loss)> compute;
};

} // namespace steepest
