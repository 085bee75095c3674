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

// The mean of scale * x in two numbers, as one of a large mean has an error no less than a small deviation,
// and the sum of squares around it. scale is a power of 2.
struct RowMoments {
    double scale, mean = 0, mean_rest = 0, squares = 0;
};

// visit(g, j, scale * x - mean, tail...) for the vectors of a row in double; 0 beyond the row.
template <class T, class F>
STEEPEST_INLINE void for_centered(const T* x, Index n, const RowMoments& moments, F visit) {
    const Vec<double> factor = broadcast(moments.scale), mean = broadcast(moments.mean);
    const Vec<double> rest_of_mean = broadcast(moments.mean_rest);
    for_groups<double>(n, [&](int g, Index j, auto... tail) {
        if constexpr (sizeof...(tail) == 0) {
            visit(g, j, widened(x + j) * factor - mean - rest_of_mean);
        } else {
            T rest[lanes<double>] = {};
            for (Index k = j; k < n; ++k) rest[k - j] = x[k];
            const Vec<double> d = widened(rest) * factor - mean - rest_of_mean;
            visit(g, j, within<double>(tail..., d, Vec<double>{}), tail...);
        }
    });
}

// In one order for all instruction sets.
template <class T> RowMoments row_moments(const T* x, Index n, double scale) {
    RowMoments made{scale};
    const auto sum = [&](auto term) {
        Vec<double> sums[group<double>] = {};
        for_centered(x, n, made, [&](int g, Index, Vec<double> d, auto...) { sums[g] += term(d); });
        return fold<double>(sums);
    };
    const auto itself = [](Vec<double> d) { return d; };
    made.mean = sum(itself) / double(n);
    made.mean_rest = sum(itself) / double(n);
    made.squares = sum([](Vec<double> d) { return d * d; });
    return made;
}

// Stores a vector of double at elements of either type.
STEEPEST_INLINE void store_narrowed(double* p, Vec<double> v) { store(p, v); }
STEEPEST_INLINE void store_narrowed(float* p, Vec<double> v) {
    typedef float Half __attribute__((vector_size(vector_bytes / 2)));
    const Half half = __builtin_convertvector(v, Half);
    __builtin_memcpy(p, &half, sizeof half);
}

// Rounded once, from double: a mean that was rounded to float would shift a row of small deviation.
template <class T> void layer_norm(const T* x, const LayerNormRow<T>& r, T* y, Index n) {
    RowMoments moments = row_moments(x, n, 1);
    if (!(moments.squares <= __DBL_MAX__)) // of numbers beyond 1e154; normalized, no scale is left of them
        moments = row_moments(x, n, 0x1p-560);
    const double epsilon = r.epsilon * moments.scale * moments.scale, least = __DBL_MIN__;
    const double inverse =
        1 / __builtin_sqrt(moments.squares / double(n) + (epsilon > least ? epsilon : least));
    *r.inverse_deviation = T(inverse * moments.scale);
    T* const normal = r.normal;
    for_centered(x, n, moments, [&](int, Index j, Vec<double> d, auto... tail) {
        d = d * broadcast(inverse);
        if constexpr (sizeof...(tail) == 0)
            store_narrowed(normal + j, d);
        else
            for (Index k = j; k < n; ++k) normal[k] = T(d[k - j]);
    });
    map<T>(n, [](Vec<T> v, Vec<T> w, Vec<T> b) { return fma(v, w, b); }, y, normal, r.weight, r.bias);
}

template <class T> void layer_norm_gradient(const T* dy, const LayerNormRow<T>& r, T* dx, Index n) {
    Vec<T> sums[group<T>] = {}, products[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) { // what the tail leaves out is 0
        const Vec<T> d = load(dy + j, tail...) * load(r.weight + j, tail...);
        sums[g] += d;
        products[g] = fma(d, load(r.normal + j, tail...), products[g]);
    });
    const Vec<T> mean = broadcast(fold<T>(sums) / T(n)), pull = broadcast(fold<T>(products) / T(n));
    const Vec<T> scale = broadcast(*r.inverse_deviation);
    map<T>(
        n, [=](Vec<T> v, Vec<T> g, Vec<T> w) { return scale * (fma(g, w, -mean) - v * pull); }, dx, r.normal,
        dy, r.weight);
}

template <class T>
void layer_norm_sums(MatrixView<const T> normal, MatrixView<const T> dy, Index samples, Index first,
                     Index last, T* scale_gradient, T* shift_gradient) {
    for_vectors<T>(last - first, [=](Index offset, auto... tail) {
        const Index j = first + offset;
        Vec<T> sum[2];
        sum_samples<T, 2>(samples, sum, [&](Index i, Vec<T>(&s)[2]) {
            const Vec<T> g = load(dy.data + i * dy.stride + j, tail...);
            s[0] = fma(g, load(normal.data + i * normal.stride + j, tail...), s[0]);
            s[1] += g;
        });
        store(scale_gradient + j, sum[0], tail...);
        store(shift_gradient + j, sum[1], tail...);
    });
}

#ifdef STEEPEST_CHECKED
template <class T> void check_layer_norm(const T* x, const LayerNormRow<T>& r, T* y, Index n) {
    const Checker c{"layer_norm"};
    c.all_hold("x, weight, bias, normal or y", n, x, r.weight, r.bias, r.normal, y);
    c.holds("deviation", r.inverse_deviation, 1);
}

template <class T> void check_layer_norm_gradient(const T* dy, const LayerNormRow<T>& r, T* dx, Index n) {
    const Checker c{"layer_norm_gradient"};
    c.all_hold("dy, weight, normal or dx", n, dy, r.weight, r.normal, dx);
    c.holds("deviation", r.inverse_deviation, 1);
}

template <class T>
void check_layer_norm_sums(MatrixView<const T> normal, MatrixView<const T> dy, Index samples, Index first,
                           Index last, T* scale_gradient, T* shift_gradient) {
    const Checker c{"layer_norm_sums"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("normal", normal, samples, last);
    c.holds("dy", dy, samples, last);
    c.all_hold("sums", last, scale_gradient, shift_gradient);
}
#endif

} // namespace
} // namespace steepest
