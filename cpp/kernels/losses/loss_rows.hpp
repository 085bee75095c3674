// Plan: what a loss is called with, and what most losses are.
//
//   name                by which a description asks for it
//   takes_labels        a class for each row, or else a target for each output
//   has_dual            a step of dual coordinate ascent, in dual_step.hpp or target_dual_steps.hpp
//   smallest_target, largest_target   that it is defined for
//   row(l)              the loss of one row, whose gradient goes to l.gradient
//   few(l)              the same for some rows at once, of fewer classes than a cache line holds: only of
//                       losses with `takes_few`, an exponential for each score
#pragma once

#include "kernels/simd/simd.hpp"
#include "kernels/traits.hpp"

namespace steepest {
namespace {

// One row.
template <class T> struct LossRow {
    const T* scores;
    const T* target;
    Index label;
    T number, scale; // the loss's number; what the gradient is multiplied by
    T* gradient;
    Index n;
};

// A vector's lanes of rows, or fewer. The losses are not yet weighted.
template <class T> struct FewScores {
    MatrixView<const T> scores, targets;
    const std::int64_t* labels;
    T number;
    const T* scale; // for each row, 0 beyond the last
    MatrixView<T> gradient;
    Index count, n;
    T* loss;
};

template <class T> constexpr T infinity = T(__builtin_huge_val());

struct LabelLoss {
    static constexpr bool takes_labels = true, takes_few = false, has_dual = true;
    static constexpr double smallest_target = -infinity<double>, largest_target = infinity<double>;
};

struct TargetLoss : LabelLoss {
    static constexpr bool takes_labels = false;
};

} // namespace
} // namespace steepest
