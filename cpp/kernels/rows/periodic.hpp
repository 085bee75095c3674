// Compute: cosines of features with frequencies and phases of their own, and back. Vectors lie along the
// features, so that each one's sums have one order.
#pragma once

#include "kernels/rows/normalization.hpp"
#include "kernels/simd/vmath.hpp"
#include "kernels/type_list.hpp"

namespace steepest {
namespace {

// Outputs whose sums are in registers; for the next ones the cosines are computed again.
constexpr int mixed_at_once = 4;

// The vector of a row of the weight, or of dy, at a feature.
template <class T, class... End>
STEEPEST_INLINE Vec<T> weight_of(const Periodic<T>& p, Index row, Index feature, const End&... tail) {
    return load(p.weight.data + row * p.weight.stride + feature, tail...);
}
template <class T> STEEPEST_INLINE Index factor_row(const Periodic<T>& p, Index frequency, Index output) {
    return (2 + output) * p.frequencies + frequency;
}
template <class T> STEEPEST_INLINE Index shift_row(const Periodic<T>& p, Index output) {
    return (2 + p.outputs) * p.frequencies + output;
}

template <class T, class... End>
STEEPEST_INLINE Vec<T> turns_of(const Periodic<T>& p, Index k, Vec<T> x, Index feature, const End&... tail) {
    return fma(weight_of(p, k, feature, tail...), x, weight_of(p, p.frequencies + k, feature, tail...));
}

// How the loss changes with the turns, from dy of all outputs.
template <class T, class... End>
STEEPEST_INLINE Vec<T> turns_gradient(const Periodic<T>& p, Index k, Vec<T> turns, const T* dy, Index feature,
                                      const End&... tail) {
    Vec<T> sum = {};
    for (Index o = 0; o < p.outputs; ++o)
        sum = fma(weight_of(p, factor_row(p, k, o), feature, tail...),
                  load(dy + o * p.features + feature, tail...), sum);
    return broadcast(T(-0x1.921fb54442d18p+2)) * vsin_turns<T>(turns) * sum; // d cos(2 pi t) / dt
}

template <class T> void periodic(const Periodic<T>& p, const T* x, T* y) {
    for_vectors<T>(p.features, [&](Index j, auto... tail) {
        const Vec<T> v = load(x + j, tail...);
        for (Index first = 0; first < p.outputs; first += mixed_at_once)
            with_int<1, mixed_at_once>(p.outputs - first, [&](auto count) __attribute__((always_inline)) {
                constexpr int n = decltype(count)::value;
                Vec<T> sum[n];
                for (int o = 0; o < n; ++o) sum[o] = weight_of(p, shift_row(p, first + o), j, tail...);
                for (Index k = 0; k < p.frequencies; ++k) {
                    const Vec<T> z = vcos_turns<T>(turns_of(p, k, v, j, tail...));
                    for (int o = 0; o < n; ++o)
                        sum[o] = fma(weight_of(p, factor_row(p, k, first + o), j, tail...), z, sum[o]);
                }
                for (int o = 0; o < n; ++o) store(y + (first + o) * p.features + j, sum[o], tail...);
            });
    });
}

template <class T> void periodic_gradient(const Periodic<T>& p, const T* x, const T* dy, T* dx) {
    for_vectors<T>(p.features, [&](Index j, auto... tail) {
        const Vec<T> v = load(x + j, tail...);
        Vec<T> sum = {};
        for (Index k = 0; k < p.frequencies; ++k) {
            const Vec<T> turns = turns_of(p, k, v, j, tail...);
            sum = fma(turns_gradient(p, k, turns, dy, j, tail...), weight_of(p, k, j, tail...), sum);
        }
        store(dx + j, sum, tail...);
    });
}

template <class T>
void periodic_sums(const Periodic<T>& p, MatrixView<const T> x, MatrixView<const T> dy, Index samples,
                   Index frequency, MatrixView<T> gradient) {
    const Index k = frequency;
    for_vectors<T>(p.features, [&](Index j, auto... tail) {
        const auto x_of = [&](Index i) __attribute__((always_inline)) {
            return load(x.data + i * x.stride + j, tail...);
        };
        const auto keep = [&](Index row, Vec<T> sum) __attribute__((always_inline)) {
            store(gradient.data + row * gradient.stride + j, sum, tail...);
        };
        Vec<T> turned[2];
        sum_samples<T, 2>(samples, turned, [&](Index i, Vec<T>(&s)[2]) __attribute__((always_inline)) {
            const Vec<T> v = x_of(i), turns = turns_of(p, k, v, j, tail...);
            const Vec<T> g = turns_gradient(p, k, turns, dy.data + i * dy.stride, j, tail...);
            s[0] = fma(g, v, s[0]);
            s[1] += g;
        });
        keep(k, turned[0]);
        keep(p.frequencies + k, turned[1]);
        for (Index first = 0; first < p.outputs; first += mixed_at_once)
            with_int<1, mixed_at_once>(p.outputs - first, [&](auto count) __attribute__((always_inline)) {
                constexpr int n = decltype(count)::value;
                Vec<T> mixed[n];
                sum_samples<T, n>(samples, mixed, [&](Index i, Vec<T>(&s)[n]) __attribute__((always_inline)) {
                    const Vec<T> z = vcos_turns<T>(turns_of(p, k, x_of(i), j, tail...));
                    const T* const g = dy.data + i * dy.stride + first * p.features + j;
                    for (int o = 0; o < n; ++o) s[o] = fma(z, load(g + o * p.features, tail...), s[o]);
                });
                for (int o = 0; o < n; ++o) keep(factor_row(p, k, first + o), mixed[o]);
            });
    });
}

#ifdef STEEPEST_CHECKED
template <class T> Index check_weight(const Checker& c, const Periodic<T>& p) {
    c.that("a feature, a frequency and an output", p.features > 0 && p.frequencies > 0 && p.outputs > 0);
    const Index rows = shift_row(p, p.outputs);
    c.holds("weight", p.weight, rows, p.features);
    return rows;
}

template <class T> void check_periodic(const Periodic<T>& p, const T* x, T* y) {
    const Checker c{"periodic"};
    check_weight(c, p);
    c.holds("x", x, p.features);
    c.holds("y", y, p.outputs * p.features);
}

template <class T> void check_periodic_gradient(const Periodic<T>& p, const T* x, const T* dy, T* dx) {
    const Checker c{"periodic_gradient"};
    check_weight(c, p);
    c.all_hold("x or dx", p.features, x, dx);
    c.holds("dy", dy, p.outputs * p.features);
}

template <class T>
void check_periodic_sums(const Periodic<T>& p, MatrixView<const T> x, MatrixView<const T> dy, Index samples,
                         Index frequency, MatrixView<T> gradient) {
    const Checker c{"periodic_sums"};
    const Index rows = check_weight(c, p);
    c.range("frequencies", frequency, frequency + 1, p.frequencies);
    c.holds("x", x, samples, p.features);
    c.holds("dy", dy, samples, p.outputs * p.features);
    c.holds("gradient", gradient, rows, p.features);
}
#endif

} // namespace
} // namespace steepest
