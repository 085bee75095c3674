// Compute: the two products whose left operand is read along its rows, forward and input gradient.
#pragma once

#include "kernels/gemm/panel_product.hpp"
#include "kernels/rows/elementwise.hpp"

namespace steepest {
namespace {

// ---- forward: the weight itself, bias and activation -------------------------------------------------

template <class T> struct Weight {
    const MatrixView<const T> weight;
    static constexpr bool copied = true;
    STEEPEST_INLINE bool pack(Index rows) const {
        return rows >= packed_rows && weight.stride * Index(sizeof(T)) >= packed_stride;
    }
    STEEPEST_INLINE MatrixView<const T> from(Index k, Index j) const { return at(weight, k, j); }
    STEEPEST_INLINE Ahead<T> ahead(Index k, Index depth, Index j, Index width) const {
        return {at(MatrixView<const T>{weight.data, weight.stride}, k, j), depth, lines<T>(width)};
    }
    // A column of a block falls into few sets of the second-level cache too, and its lines evict each other
    // before their panel's turn (64 x 4096 x 4096: 10.4 ms, 10.9 with blocks; 64 x 4096 x 1000: 2.26
    // and 2.15).
    STEEPEST_INLINE bool by_panels() const { return weight.stride * Index(sizeof(T)) % aliasing_stride == 0; }
};

template <class T> struct Activated {
    const Forward<T>& f;
    STEEPEST_INLINE RowEpilogue<T> tile(Index j) const {
        return {.end = RowEnd::value,
                .activation = f.activation,
                .slope = f.slope,
                .bias = f.bias ? f.bias + j : nullptr,
                .y = {}};
    }
    STEEPEST_INLINE void finish(Index begin, Index end) const {
        if (!value_comes_later(f.activation)) return;
        for (Index i = 0; i < f.rows; ++i) {
            T* row = f.y.data + i * f.y.stride + begin;
            activate(f.activation, f.slope, row, row, end - begin);
        }
    }
};

// A row alone would wait for each of its few chains: stripes of 8 vectors keep as many going. Returns the
// columns done.
template <class T> Index forward_stripes(const Forward<T>& f) {
    constexpr int vectors = 8;
    constexpr Index width = vectors * lanes<T>;
    Index j = 0;
    for (; j + width <= f.outputs; j += width) {
        Vec<T> acc[vectors] = {};
        const T* w = f.weight.data + j;
        for (Index k = 0; k < f.inputs; ++k, w += f.weight.stride) {
            const Vec<T> x = broadcast(f.x.data[k]);
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) acc[v] = fma(x, load(w + v * lanes<T>), acc[v]);
        }
        with_tile_value(f.activation, [&](auto a) __attribute__((always_inline)) {
            for (int v = 0; v < vectors; ++v) {
                const Vec<T> bias = f.bias ? load(f.bias + j + v * lanes<T>) : Vec<T>{};
                store(f.y.data + j + v * lanes<T>, decltype(a)::template value<T>(acc[v] + bias, f.slope));
            }
        });
    }
    if (j > 0 && value_comes_later(f.activation)) activate(f.activation, f.slope, f.y.data, f.y.data, j);
    return j;
}

template <class T> void forward(const Forward<T>& whole, T* scratch) {
    Forward<T> f = whole;
    if (f.rows == 1) {
        const Index done = forward_stripes(f);
        f.weight = at(f.weight, 0, done), f.y = at(f.y, 0, done), f.outputs -= done;
        if (f.bias) f.bias += done;
        if (done && f.outputs == 0) return;
    }
    row_product<T>(f.x, Weight<T>{f.weight}, f.y, f.rows, f.inputs, f.outputs, scratch, Activated<T>{f});
}

// ---- input gradient: the weight's rows as columns, the activation's gradient -------------------------

template <class T> struct Transposed {
    const MatrixView<const T> weight;
    static constexpr bool copied = false;
    STEEPEST_INLINE bool pack(Index) const { return true; }
    STEEPEST_INLINE MatrixView<const T> from(Index, Index) const { return {}; } // never asked
    STEEPEST_INLINE void panel(Index k, Index depth, Index j, Index width, T* to) const {
        pack_transposed(at(weight, j, k), depth, width, to, panel_width<T>);
    }
    STEEPEST_INLINE Ahead<T> ahead(Index k, Index depth, Index j, Index width) const {
        return {at(MatrixView<const T>{weight.data, weight.stride}, j, k), width, lines<T>(depth)};
    }
    STEEPEST_INLINE bool by_panels() const { return false; }
};

template <class T> struct Masked {
    const InputGradient<T>& g;
    STEEPEST_INLINE RowEpilogue<T> tile(Index j) const {
        if (!gradient_in_tile(g.activation)) // the sums, where a -0 becomes 0
            return {.end = RowEnd::value,
                    .activation = Activation::identity,
                    .slope = 0,
                    .bias = nullptr,
                    .y = {}};
        return {.end = RowEnd::gradient,
                .activation = g.activation,
                .slope = g.slope,
                .bias = nullptr,
                .y = at(g.y, 0, j)};
    }
    STEEPEST_INLINE void finish(Index begin, Index end) const {
        if (gradient_in_tile(g.activation) || g.activation == Activation::identity) return;
        for (Index i = 0; i < g.rows; ++i) {
            T* dx = g.dx.data + i * g.dx.stride + begin;
            activation_gradient(g.activation, g.slope, g.y.data + i * g.y.stride + begin, dx, dx,
                                end - begin);
        }
    }
};

template <class T> void input_gradient(const InputGradient<T>& g, T* scratch) {
    if (g.transposed)
        return row_product<T>(g.dy, Weight<T>{g.weight}, g.dx, g.rows, g.outputs, g.inputs, scratch,
                              Masked<T>{g});
    row_product<T>(g.dy, Transposed<T>{g.weight}, g.dx, g.rows, g.outputs, g.inputs, scratch, Masked<T>{g});
}

} // namespace
} // namespace steepest
