// Compute: losses that compare each output of a row with its target and sum over the outputs.
// One more is a struct here and a place in the list at the end.
#pragma once

#include "kernels/losses/loss_rows.hpp"
#include "kernels/rows/reductions.hpp"
#include "kernels/simd/vmath.hpp"
#include "kernels/type_list.hpp"

namespace steepest {
namespace {

// compare(score, target, sum) adds the losses of a vector of outputs to `sum` and returns their gradient.
template <class T, class F> STEEPEST_INLINE T compared_row(const LossRow<T>& l, F compare) {
    Vec<T> sums[group<T>] = {};
    for_groups<T>(l.n, [&](int g, Index j, auto... tail) __attribute__((always_inline)) {
        [[maybe_unused]] const Vec<T> before = sums[g];
        store(l.gradient + j, compare(load(l.scores + j, tail...), load(l.target + j, tail...), sums[g]),
              tail...);
        if constexpr (sizeof...(tail)) sums[g] = within<T>(tail..., sums[g], before);
    });
    return fold<T>(sums);
}

// number * sum of (score - target)^2
struct SquaredError : TargetLoss {
    static constexpr const char* name = "squared_error";
    template <class T> static T row(const LossRow<T>& l) {
        const Vec<T> slope = broadcast(2 * l.number * l.scale);
        return l.number *
               compared_row(l, [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
                   const Vec<T> error = s - t;
                   sum = fma(error, error, sum);
                   return error * slope;
               });
    }
};

// sum of |score - target|; the slope at 0 is 0, and NaN stays NaN
struct AbsoluteError : TargetLoss {
    static constexpr const char* name = "absolute_error";
    template <class T> static T row(const LossRow<T>& l) {
        const Vec<T> up = broadcast(l.scale), zero = {};
        return compared_row(l, [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
            const Vec<T> error = s - t;
            sum -= minus_abs<T>(error);
            return select<T>(error > zero, up, select<T>(error < zero, -up, error));
        });
    }
};

// sum of e^2 / 2 where |e| <= delta, delta (|e| - delta / 2) beyond, for e = score - target: both are
// c (e - c / 2) with e clipped to c, which is the slope too
struct Huber : TargetLoss {
    static constexpr const char* name = "huber"; // its number is delta
    template <class T> static T row(const LossRow<T>& l) {
        const Vec<T> slope = broadcast(l.scale), limit = broadcast(l.number), half = broadcast(T(0.5));
        return compared_row(l, [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
            const Vec<T> error = s - t, clipped = minimum(limit, maximum(-limit, error));
            sum = fma(clipped, error - half * clipped, sum);
            return clipped * slope;
        });
    }
};

// sum of exp(s) - s t + t log t - t, half the deviance of a Poisson distribution of mean exp(s); 0 log 0 is 0
struct Poisson : TargetLoss {
    static constexpr const char* name = "poisson";
    static constexpr double smallest_target = 0;

    template <class T> static T row(const LossRow<T>& l) {
        const Vec<T> slope = broadcast(l.scale), zero = {};
        return compared_row(l, [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
            const Vec<T> mean = vexp<T>(s);
            const Vec<T> entropy = select<T>(t > zero, fma(t, vlog<T>(t), -t), -t);
            sum += mean + fma(-s, t, entropy);
            return (mean - t) * slope;
        });
    }
};

// Adds max(s, 0) - s t + log(1 + exp(-|s|)) to `sum`, and returns sigmoid(s) - t. The last term is within 2
// ULP in 30,000 arguments of either type.
template <class T> STEEPEST_INLINE Vec<T> binary_cross_entropy(Vec<T> s, Vec<T> t, Vec<T>& sum) {
    const Vec<T> zero = {}, one = broadcast(T(1));
    const Vec<T> e = exp_in_range<T>(maximum(broadcast(Format<T>::exp_is_zero), minus_abs<T>(s)));
    sum += fma(-s, t, maximum(zero, s)) + vlog1p<T>(e);
    return select<T>(s < zero, e, one) / (one + e) - t;
}

struct BinaryCrossEntropy : TargetLoss {
    static constexpr const char* name = "binary_cross_entropy";
    static constexpr double smallest_target = 0, largest_target = 1;
    static constexpr bool takes_few = true, has_dual = false;

    template <class T> static T row(const LossRow<T>& l) {
        const Vec<T> slope = broadcast(l.scale);
        return compared_row(l, [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
            return binary_cross_entropy<T>(s, t, sum) * slope;
        });
    }

    // All scores of the rows one after the other.
    template <class T> static void few(const FewScores<T>& l) {
        T score[group_lanes<T> * lanes<T>] = {}, target[group_lanes<T> * lanes<T>] = {};
        for (Index i = 0; i < l.count; ++i)
            for (Index c = 0; c < l.n; ++c) {
                score[i * l.n + c] = l.scores.data[i * l.scores.stride + c];
                target[i * l.n + c] = l.targets.data[i * l.targets.stride + c];
            }
        for (Index j = 0; j < l.count * l.n; j += lanes<T>) {
            Vec<T> value = {};
            store(score + j, binary_cross_entropy<T>(load(score + j), load(target + j), value));
            store(target + j, value);
        }
        for (Index i = 0; i < l.count; ++i) {
            l.loss[i] = 0;
            for (Index c = 0; c < l.n; ++c) {
                l.loss[i] += target[i * l.n + c];
                l.gradient.data[i * l.gradient.stride + c] = score[i * l.n + c] * l.scale[i];
            }
        }
    }
};

// sum of log cosh e for e = score - target. Below 0.88 it is log1p(t^2 / (1 - t^2)) / 2 with t = tanh e,
// which loses no digits near 0; above, |e| + log1p(exp(-2 |e|)) - log 2, which does not overflow.
struct LogCosh : TargetLoss {
    static constexpr const char* name = "log_cosh";
    template <class T> static T row(const LossRow<T>& l) {
        const Vec<T> slope = broadcast(l.scale), one = broadcast(T(1)),
                     log_2 = broadcast(T(0.6931471805599453));
        return compared_row(l, [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
            const Vec<T> error = s - t, size = minus_abs<T>(error), tanh = vtanh<T>(error),
                         square = tanh * tanh;
            const Vec<T> power = exp_in_range<T>(maximum(broadcast(Format<T>::exp_is_zero), size + size));
            const auto near = size > broadcast(T(-0.88));
            const Vec<T> log = vlog1p<T>(select<T>(near, square / (one - square), power));
            sum += select<T>(near, broadcast(T(0.5)) * log, log - size - log_2);
            return tanh * slope;
        });
    }
};

using TargetLosses = Types<SquaredError, AbsoluteError, Huber, BinaryCrossEntropy, Poisson, LogCosh>;

} // namespace
} // namespace steepest
