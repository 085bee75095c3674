// Compute: dual coordinate ascent of a linear model on sparse rows: kernels/losses/dual_step.hpp, row by row.
#pragma once

#include "base/poll.hpp"
#include "kernels/dispatch.hpp"
#include "training/samples.hpp"

namespace steepest {

// What is learned from: the objective is the sum of share * loss over the rows + 1/2 * the sum of squares of
// the weight, both divided by the penalty's strength.
template <class T> struct DualRows {
    Csr<T> x;
    const std::int64_t* labels;  // of losses that take labels: each in 0..outputs-1
    MatrixView<const T> targets; // of the others: (rows, outputs)
    const T *shares, *squares;   // of each row: its share, and the sum of squares of its entries
    Index count, features, outputs;
    Loss loss;
};

// What is moved. The weight is -sum of share * x^T u over the rows, and the bias, if there is one, where it
// began, - bias_square * sum of share * u: that of a feature whose square is bias_square in each row.
template <class T> struct DualPoint {
    MatrixView<T> weight; // (features, outputs)
    T* bias;              // (outputs,) or null
    T bias_square;
    MatrixView<T> gradients; // u, (rows, outputs)
    T *losses, *gaps;        // of each row, as they were met last: see DualGap
};

// A step on each row of an order, one after the other; returns how much the sum of squares of the weight has
// grown. One thread: divided among two, the 353 classes of a text of 100 words took twice as long.
template <class T>
double ascend(const Kernels<T>& kernels, const DualRows<T>& rows, const DualPoint<T>& point,
              const std::int64_t* order, Index count, Poller& poller);

// Losses and gaps of all rows at a point, which stays.
template <class T>
int measure(const Kernels<T>& kernels, int threads, const DualRows<T>& rows, const DualPoint<T>& point,
            Poller& poller);

} // namespace steepest
