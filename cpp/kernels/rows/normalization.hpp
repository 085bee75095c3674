// Compute: columns standardized by the moments of a batch, and rows by their own, and back.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/rows/reductions.hpp"
#include "kernels/simd/map.hpp"
#include "kernels/table.hpp"
#ifdef STEEPEST_CHECKED
#include "kernels/checker.hpp"
#endif

namespace steepest {
namespace {

// Sums over samples are chains of so many, added up in their order: the same bits for all, and an error that
// does not grow with thousands of samples.
constexpr Index moment_rows = 64;

// sum[k] = the sum over the samples of term(i)[k], for Terms vectors.
template <class T, int Terms, class F>
STEEPEST_INLINE void sum_samples(Index samples, Vec<T> (&sum)[Terms], F term) {
    for (int k = 0; k < Terms; ++k) sum[k] = Vec<T>{};
    for (Index first = 0; first < samples; first += moment_rows) {
        const Index last = smaller(first + moment_rows, samples);
        Vec<T> chain[Terms] = {};
        for (Index i = first; i < last; ++i) term(i, chain);
        for (int k = 0; k < Terms; ++k) sum[k] += chain[k];
    }
}

template <class T>
void moments(MatrixView<const T> x, Index samples, Index first, Index last, T* mean, T* variance) {
    const Vec<T> count = broadcast(T(samples));
    for_vectors<T>(last - first, [=](Index offset, auto... tail) {
        const Index j = first + offset;
        const auto at = [&](Index i) __attribute__((always_inline)) {
            return load(x.data + i * x.stride + j, tail...);
        };
        Vec<T> sum[1];
        sum_samples<T, 1>(samples, sum, [&](Index i, Vec<T>(&s)[1]) { s[0] += at(i); });
        const Vec<T> center = sum[0] / count;
        sum_samples<T, 1>(samples, sum, [&](Index i, Vec<T>(&s)[1]) {
            const Vec<T> d = at(i) - center;
            s[0] = fma(d, d, s[0]);
        });
        store(mean + j, center, tail...);
        store(variance + j, sum[0] / count, tail...);
    });
}

template <class T>
void standardize(const T* x, const T* mean, const T* scale, const T* shift, T* y, Index n) {
    map<T>(
        n, [](Vec<T> v, Vec<T> m, Vec<T> a, Vec<T> b) { return fma(v - m, a, b); }, y, x, mean, scale, shift);
}

template <class T>
void moment_gradients(MatrixView<const T> x, MatrixView<const T> dy, Index samples, Index first, Index last,
                      const T* mean, const T* inverse_deviation, T* scale_gradient, T* shift_gradient) {
    for_vectors<T>(last - first, [=](Index offset, auto... tail) {
        const Index j = first + offset;
        const Vec<T> center = load(mean + j, tail...), inverse = load(inverse_deviation + j, tail...);
        Vec<T> sum[2];
        sum_samples<T, 2>(samples, sum, [&](Index i, Vec<T>(&s)[2]) {
            const Vec<T> g = load(dy.data + i * dy.stride + j, tail...);
            s[0] = fma(g, (load(x.data + i * x.stride + j, tail...) - center) * inverse, s[0]);
            s[1] += g;
        });
        store(scale_gradient + j, sum[0], tail...);
        store(shift_gradient + j, sum[1], tail...);
    });
}

template <class T>
void standardize_gradient(const T* x, const T* dy, const StandardizeGradient<T>& g, T* dx, Index n) {
    const Vec<T> share = broadcast(T(1) / T(g.samples));
    for_vectors<T>(n, [=, &g](Index j, auto... tail) {
        const auto of = [&](const T* row) __attribute__((always_inline)) { return load(row + j, tail...); };
        const Vec<T> inverse = of(g.inverse_deviation), normal = (of(x) - of(g.mean)) * inverse;
        const Vec<T> pull = fma(normal, of(g.scale_gradient), of(g.shift_gradient));
        store(dx + j, of(g.scale) * inverse * fma(-share, pull, of(dy)), tail...);
    });
}

// ---- rows, by their own moments ------------------------------------------------------------------------

// The sum of term(x) over a row in double, in one order for all instruction sets.
template <class T, class F> STEEPEST_INLINE double sum_row(const T* row, Index n, F term) {
    Vec<double> sums[group<double>] = {};
    for_wide(row, n, [&](int g, Index j, Vec<double> v) { sums[g] += term(j, v); });
    return fold<double>(sums);
}

template <class T> void layer_norm(const T* x, const LayerNormRow<T>& r, T* y, Index n) {
    const double mean = sum_row(x, n, [](Index, Vec<double> v) { return v; }) / double(n);
    const double squares = sum_row(x, n, [&](Index j, Vec<double> v) {
        Vec<double> d = v - broadcast(mean);
        for (Index k = n - j; k < lanes<double>; ++k) d[k] = 0; // beyond the row
        return d * d;
    });
    const double inverse = 1 / __builtin_sqrt(squares / double(n) + r.epsilon);
    *r.mean = T(mean), *r.inverse_deviation = T(inverse);
    const Vec<T> center = broadcast(T(mean)), scale = broadcast(T(inverse));
    map<T>(
        n, [=](Vec<T> v, Vec<T> w, Vec<T> b) { return fma((v - center) * scale, w, b); }, y, x, r.weight,
        r.bias);
}

template <class T>
void layer_norm_gradient(const T* x, const T* dy, const LayerNormRow<T>& r, T* dx, Index n) {
    const Vec<T> center = broadcast(*r.mean), scale = broadcast(*r.inverse_deviation);
    Vec<T> sums[group<T>] = {}, products[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) { // what the tail leaves out is 0
        const Vec<T> d = load(dy + j, tail...) * load(r.weight + j, tail...);
        const Vec<T> normal = (load(x + j, tail...) - center) * scale;
        sums[g] += d;
        products[g] = fma(d, normal, products[g]);
    });
    const Vec<T> mean = broadcast(fold<T>(sums) / T(n)), pull = broadcast(fold<T>(products) / T(n));
    map<T>(
        n,
        [=](Vec<T> v, Vec<T> g, Vec<T> w) {
            return scale * (fma(g, w, -mean) - (v - center) * scale * pull);
        },
        dx, x, dy, r.weight);
}

template <class T>
void layer_norm_sums(MatrixView<const T> x, MatrixView<const T> dy, Index samples, Index first, Index last,
                     const T* means, const T* inverse_deviations, T* scale_gradient, T* shift_gradient) {
    for_vectors<T>(last - first, [=](Index offset, auto... tail) {
        const Index j = first + offset;
        Vec<T> sum[2];
        sum_samples<T, 2>(samples, sum, [&](Index i, Vec<T>(&s)[2]) {
            const Vec<T> g = load(dy.data + i * dy.stride + j, tail...);
            const Vec<T> v = load(x.data + i * x.stride + j, tail...);
            s[0] = fma(g, (v - broadcast(means[i])) * broadcast(inverse_deviations[i]), s[0]);
            s[1] += g;
        });
        store(scale_gradient + j, sum[0], tail...);
        store(shift_gradient + j, sum[1], tail...);
    });
}

#ifdef STEEPEST_CHECKED
template <class T> void check_layer_norm(const T* x, const LayerNormRow<T>& r, T* y, Index n) {
    const Checker c{"layer_norm"};
    c.all_hold("x, weight, bias or y", n, x, r.weight, r.bias, y);
    c.all_hold("mean or deviation", 1, r.mean, r.inverse_deviation);
}

template <class T>
void check_layer_norm_gradient(const T* x, const T* dy, const LayerNormRow<T>& r, T* dx, Index n) {
    const Checker c{"layer_norm_gradient"};
    c.all_hold("x, dy, weight or dx", n, x, dy, r.weight, dx);
    c.all_hold("mean or deviation", 1, r.mean, r.inverse_deviation);
}

template <class T>
void check_layer_norm_sums(MatrixView<const T> x, MatrixView<const T> dy, Index samples, Index first,
                           Index last, const T* means, const T* inverse_deviations, T* scale_gradient,
                           T* shift_gradient) {
    const Checker c{"layer_norm_sums"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("x", x, samples, last);
    c.holds("dy", dy, samples, last);
    c.all_hold("means or deviations", samples, means, inverse_deviations);
    c.all_hold("sums", last, scale_gradient, shift_gradient);
}
#endif

} // namespace
} // namespace steepest
