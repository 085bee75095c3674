// Compute: a linear model that learns from sparse rows as they come, by AdaGrad with implicit steps.
//
// On a row x of weight c, whose loss has the gradient g by its scores, the step has a rate for each feature
// and goes to where the gradient points back along it:
//
//     sum_j += c x_j^2 |g|^2,  rate_j = rate / sqrt(floor + sum_j)
//     W_j -= c rate_j x_j u',  u' = l'(s - pull u'),  pull = c * sum over j of rate_j x_j^2
//
// After Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
// optimization", JMLR 12, 2011, and Kulis and Bartlett, "Implicit online learning", ICML 2010: a step goes
// nowhere beyond what the row asks for, however large c and x are.
#pragma once

#include "base/poll.hpp"
#include "kernels/dispatch.hpp"
#include "training/samples.hpp"

namespace steepest {

template <class T> struct OnlineRows {
    Csr<T> x;
    const std::int64_t* labels; // each in 0..classes-1
    const T* weight;            // c of each row
    Index count, features, classes;
    Index longest; // entries of a row
    Loss loss;
};

// What is moved. Of two classes there is one column: a score s, which stands for -s / 2 and s / 2. A bias is
// the weight of a feature that is `unit` in each row, times that.
template <class T> struct OnlinePoint {
    MatrixView<T> weight; // (features, classes), or (features, 1) of two
    T* bias;              // as many, or null
    double* sums;         // (features + 1,), the last one of the bias
    double rate, floor, unit;
};

// A step on each of the rows of an order, one after the other; returns the sum of weight * loss over them,
// each before its step, or NaN if one would not be finite, before which it ends. One thread: a row has too
// little for two.
template <class T>
double learn_online(const Kernels<T>& kernels, const Kernels<double>& exact, const OnlineRows<T>& rows,
                    const OnlinePoint<T>& point, const std::int64_t* order, Index count, Poller& poller);

} // namespace steepest
