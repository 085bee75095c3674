// Compute: functions of contiguous elements, and reductions in one fixed order.
#pragma once

#include "kernels/gemm/epilogue.hpp"

namespace steepest {
namespace {

// visit(offset) for each whole vector of n contiguous elements, visit(offset, tail) for the rest. Every
// element goes through the same instructions, so its bits do not depend on where it stands.
template <class T, class F> STEEPEST_INLINE void for_vectors(Index n, F visit) {
    Index i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) visit(i);
    if (i < n) visit(i, Tail<T>(n - i));
}

// y = f(x, ...) for arrays of n elements; y may be any of the inputs.
template <class T, class F, class... X> STEEPEST_INLINE void map(Index n, F f, T* y, const X*... x) {
    for_vectors<T>(n, [=](Index i, auto... tail) __attribute__((always_inline)) {
        store(y + i, f(load(x + i, tail...)...), tail...);
    });
}

// y = f(x) for an f of many registers, apart: inlined into a switch, its stack frame would be everyone's.
template <class T, Vec<T> (*f)(Vec<T>)> __attribute__((noinline)) void map_apart(const T* x, T* y, Index n) {
    map<T>(n, [](Vec<T> v) { return f(v); }, y, x);
}

template <class T> void apply(Function function, const T* x, T* y, Index n) {
    switch (function) {
    case Function::exp:
        return map_apart<T, vexp<T>>(x, y, n);
    case Function::log:
        return map_apart<T, vlog<T>>(x, y, n);
    case Function::sigmoid:
        return map_apart<T, vsigmoid<T>>(x, y, n);
    case Function::tanh:
        return map_apart<T, vtanh<T>>(x, y, n);
    }
}

// Whether an activation is more than a floor under its argument, which the epilogue of a product has.
constexpr bool curved(Activation activation) {
    return activation != Activation::identity && activation != Activation::relu;
}

// That floor; NaN stays above it.
template <class T> constexpr T floor_of(Activation activation) {
    return activation == Activation::relu ? T(0) : T(-__builtin_huge_val());
}

template <class T> STEEPEST_INLINE Vec<T> lecun_tanh(Vec<T> x) {
    return broadcast(T(lecun_height)) * vtanh<T>(broadcast(T(lecun_stretch)) * x);
}

template <class T> __attribute__((noinline)) void elu(T slope, const T* x, T* y, Index n) {
    map<T>(n, [=](Vec<T> v) { return select<T>(v > Vec<T>{}, v, broadcast(slope) * vexpm1<T>(v)); }, y, x);
}

template <class T> void activate(Activation activation, T slope, const T* x, T* y, Index n) {
    switch (activation) {
    case Activation::identity:
        return map<T>(n, [](Vec<T> v) { return v; }, y, x);
    case Activation::relu:
        return map<T>(n, [](Vec<T> v) { return maximum(Vec<T>{}, v); }, y, x);
    case Activation::sigmoid:
        return map_apart<T, vsigmoid<T>>(x, y, n);
    case Activation::tanh:
        return map_apart<T, vtanh<T>>(x, y, n);
    case Activation::leaky_relu:
        return map<T>(n, [=](Vec<T> v) { return leaky<T>(v, v, slope); }, y, x);
    case Activation::elu:
        return elu(slope, x, y, n);
    case Activation::lecun_tanh:
        return map_apart<T, lecun_tanh<T>>(x, y, n);
    case Activation::softplus:
        return map_apart<T, vsoftplus<T>>(x, y, n);
    case Activation::gelu:
        return map_apart<T, vgelu<T>>(x, y, n);
    }
}

template <class T>
void activation_gradient(Activation activation, T slope, const T* y, const T* dy, T* dx, Index n) {
    switch (activation) {
    case Activation::identity:
        return map<T>(n, [](Vec<T> g) { return g; }, dx, dy);
    case Activation::relu:
        return map<T>(n, [](Vec<T> v, Vec<T> g) { return step_gradient<T>(v, g); }, dx, y, dy);
    case Activation::sigmoid:
    case Activation::tanh:
    case Activation::lecun_tanh: {
        const auto q = quadratic_of<T>(activation);
        return map<T>(n, [=](Vec<T> v, Vec<T> g) { return quadratic_gradient<T>(v, g, q); }, dx, y, dy);
    }
    case Activation::leaky_relu:
        return map<T>(n, [=](Vec<T> v, Vec<T> g) { return leaky<T>(v, g, slope); }, dx, y, dy);
    case Activation::elu:
        return map<T>(n, [=](Vec<T> v, Vec<T> g) { return elu_gradient<T>(v, g, slope); }, dx, y, dy);
    case Activation::softplus:
        return map<T>(n, [](Vec<T> v, Vec<T> g) { return g * -vexpm1<T>(-v); }, dx, y, dy);
    case Activation::gelu:
        return map<T>(n, [](Vec<T> v, Vec<T> g) { return g * vgelu_slope<T>(v); }, dx, y, dy);
    }
}

template <class T>
void update(const Update<T>& u, const T* gradient, T* weight, const RowSlots<T>& slots, Index n) {
    if (!u.plain) {
        WeightSlots<T> views;
        for (int k = 0; k < most_slots; ++k) views.slot[k] = {slots.slot[k], 0};
        return update_rows<T>(
            u,
            {{gradient, 0}, {weight, 0}, views, 1, n / lanes<T>, n % lanes<T> != 0, Tail<T>(n % lanes<T>)});
    }
    Inspection<T> inspection{u.overflow};
    const auto inspected = [&inspection](Vec<T> w) __attribute__((always_inline)) {
        inspection.see(w);
        return w;
    };
    if (u.momentum == 0)
        map<T>(
            n,
            [&u, inspected](Vec<T> g, Vec<T> w) {
                return inspected(descend<T>(u, regularized<T>(u, g, w), w));
            },
            weight, gradient, weight);
    else
        for_vectors<T>(n, [=, &u, v_row = slots.slot[v_slot]](Index i, auto... tail) {
            const Vec<T> w = load(weight + i, tail...);
            const Vec<T> g = regularized<T>(u, load(gradient + i, tail...), w);
            const Vec<T> v = momentum_step<T>(u, g, load(v_row + i, tail...));
            store(v_row + i, v, tail...);
            store(weight + i, inspected(w + (u.nesterov ? momentum_step<T>(u, g, v) : v)), tail...);
        });
    inspection.tell();
}

template <class T> void average(T share, const T* x, T* mean, Index n) {
    if (share == 1) return map<T>(n, [](Vec<T> v) { return v; }, mean, x);
    const Vec<T> part = broadcast(share);
    map<T>(n, [part](Vec<T> v, Vec<T> m) { return fma(part, v - m, m); }, mean, x, mean);
}

template <class T> void multiply_rows(const T* x, const T* factor, T* y, Index n) {
    map<T>(n, [](Vec<T> a, Vec<T> b) { return a * b; }, y, x, factor);
}

template <class T> void column_sums(MatrixView<const T> dy, Index samples, Index first, Index last, T* sums) {
    for_vectors<T>(last - first, [=](Index j, auto... tail) {
        Vec<T> sum = {};
        const T* element = dy.data + first + j;
        for (Index i = 0; i < samples; ++i, element += dy.stride) sum += load(element, tail...);
        store(sums + first + j, sum, tail...);
    });
}

// Sums run over 64 bytes of lanes, however many vectors that takes, and are folded by halves: the same
// order of additions for every instruction set.
template <class T> constexpr int group = 64 / vector_bytes;
template <class T> constexpr int group_lanes = 64 / int(sizeof(T));

template <class T> STEEPEST_INLINE T fold(const Vec<T> (&sums)[group<T>]) {
    T lane[group_lanes<T>];
    __builtin_memcpy(lane, sums, sizeof lane);
    for (int half = group_lanes<T> / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}

// The vectors of a row of n elements: visit(g, offset) or visit(g, offset, tail), g the place in the group.
template <class T, class F> STEEPEST_INLINE void for_groups(Index n, F visit) {
    Index i = 0;
    for (; i + group_lanes<T> <= n; i += group_lanes<T>)
        for (int g = 0; g < group<T>; ++g) visit(g, i + g * lanes<T>);
    for (int g = 0; i < n; ++g, i += lanes<T>)
        if (i + lanes<T> <= n)
            visit(g, i);
        else
            visit(g, i, Tail<T>(n - i));
}

STEEPEST_INLINE Vec<double> widened(const double* x) { return load(x); }

STEEPEST_INLINE Vec<double> widened(const float* x) {
    typedef float Half __attribute__((vector_size(vector_bytes / 2)));
    Half half;
    __builtin_memcpy(&half, x, sizeof half);
    return __builtin_convertvector(half, Vec<double>);
}

// The vectors of a row of n elements in double: visit(g, offset, vector), g as in for_groups. The last is
// filled with 0.
template <class T, class F> STEEPEST_INLINE void for_wide(const T* row, Index n, F visit) {
    for_groups<double>(n, [&](int g, Index j, auto... tail) {
        if constexpr (sizeof...(tail) == 0) {
            visit(g, j, widened(row + j));
        } else {
            T rest[lanes<double>] = {};
            for (Index k = j; k < n; ++k) rest[k - j] = row[k];
            visit(g, j, widened(rest));
        }
    });
}

template <class T>
double penalty(MatrixView<const T> weight, Index rows, Index columns, double l2, double l1) {
    Vec<double> squares[group<double>] = {}, sizes[group<double>] = {};
    for (Index i = 0; i < rows; ++i, weight.data += weight.stride)
        for_wide(weight.data, columns, [&](int g, Index, Vec<double> w) {
            squares[g] = fma(w, w, squares[g]);
            if (l1 != 0) sizes[g] += select<double>(w < Vec<double>{}, -w, w);
        });
    return l2 * fold<double>(squares) + l1 * fold<double>(sizes);
}

template <class T> bool all_finite(const T* x, Index n) {
    Vec<T> zeros[4] = {}; // x * 0 is NaN for NaN and infinities; four chains hide the latency
    Index i = 0;
    for (; i + 4 * lanes<T> <= n; i += 4 * lanes<T>)
        for (int j = 0; j < 4; ++j) zeros[j] += load(x + i + j * lanes<T>) * Vec<T>{};
    for_vectors<T>(n - i, [&](Index j, auto... tail) { zeros[0] += load(x + i + j, tail...) * Vec<T>{}; });
    const Vec<T> sum = (zeros[0] + zeros[1]) + (zeros[2] + zeros[3]);
    bool finite = true;
    for (int j = 0; j < lanes<T>; ++j) finite &= sum[j] == 0;
    return finite;
}

template <class T> double multiply_add_loop(Index iterations) {
    constexpr int chains = max_rows * max_vectors;
    Vec<T> sums[chains];
    const Vec<T> factor = broadcast(T(0.5)), term = broadcast(T(1));
#pragma GCC unroll 32
    for (int c = 0; c < chains; ++c) sums[c] = broadcast(T(c));
    for (Index i = 0; i < iterations; ++i)
#pragma GCC unroll 32
        for (int c = 0; c < chains; ++c) sums[c] = fma(sums[c], factor, term);
    volatile T sink = 0;
#pragma GCC unroll 32
    for (int c = 0; c < chains; ++c) sink = sink + sums[c][0];
    return double(iterations) * chains * lanes<T>;
}

// Four places at once: a core that follows one stream gets a fifth less from memory (14 for 17.5 GB/s, Zen
// 3).
template <class T> double read_loop(const T* x, Index n) {
    constexpr int streams = 4;
    const Index each = n / (streams * lanes<T>)*lanes<T>;
    Vec<T> sums[streams] = {};
    for (Index i = 0; i < each; i += lanes<T>)
#pragma GCC unroll 4
        for (int s = 0; s < streams; ++s) sums[s] += load(x + s * each + i);
    volatile T sink = 0;
    for (int s = 0; s < streams; ++s) sink = sink + sums[s][0];
    return double(each * streams);
}

} // namespace
} // namespace steepest
