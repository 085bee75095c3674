// Compute: what happens to a tile while it is still in registers.
#pragma once

#include "kernels/gemm/tile.hpp"
#include "kernels/simd/gelu.hpp"
#include "kernels/update.hpp"

namespace steepest {
namespace {

// ---- forward and input gradient -----------------------------------------------------------------------

enum class RowEnd {
    sum,        // c = acc: an unfinished chain
    affine,     // c = max(acc + bias, floor): floor is 0 for ReLU and -inf for none; NaN stays NaN
    leaky,      // c = v > 0 ? v : slope * v, v = acc + bias
    step,       // c = y > 0 ? acc : 0
    leaky_step, // c = y > 0 ? acc : slope * acc
    elu,        // c = y > 0 ? acc : (y + slope) * acc
    quadratic,  // c = acc * (y * (curve * y + linear) + constant)
};

// The derivative of an activation as a polynomial of its output.
template <class T> struct Quadratic {
    T curve, linear, constant;
};

template <class T> struct RowEpilogue {
    RowEnd end;
    const T* bias; // for the tile's first column, or null
    T floor, slope;
    Quadratic<T> quadratic;
    MatrixView<const T> y; // at the tile's first element
};

// LeCun's tanh is height * tanh(stretch * x): 1 at 1 and -1 at -1 (Efficient BackProp, 1998).
constexpr double lecun_height = 1.7159, lecun_stretch = 2.0 / 3;

// sigmoid y (1 - y), tanh 1 - y^2, lecun_tanh height * stretch - stretch / height * y^2.
template <class T> constexpr Quadratic<T> quadratic_of(Activation activation) {
    if (activation == Activation::sigmoid) return {-1, 1, 0};
    if (activation == Activation::tanh) return {-1, 0, 1};
    return {T(-lecun_stretch / lecun_height), 0, T(lecun_height * lecun_stretch)};
}

template <class T> STEEPEST_INLINE Vec<T> step_gradient(Vec<T> y, Vec<T> grad) {
    return select<T>(y > Vec<T>{}, grad, Vec<T>{});
}

// v where y > 0, slope * v elsewhere: leaky ReLU of y with v = y, and its gradient.
template <class T> STEEPEST_INLINE Vec<T> leaky(Vec<T> y, Vec<T> v, T slope) {
    return select<T>(y > Vec<T>{}, v, broadcast(slope) * v);
}

template <class T> STEEPEST_INLINE Vec<T> elu_gradient(Vec<T> y, Vec<T> grad, T slope) {
    return select<T>(y > Vec<T>{}, grad, (y + broadcast(slope)) * grad);
}

template <class T> STEEPEST_INLINE Vec<T> quadratic_gradient(Vec<T> y, Vec<T> grad, const Quadratic<T>& q) {
    return grad * fma(y, fma(broadcast(q.curve), y, broadcast(q.linear)), broadcast(q.constant));
}

// Whether the gradient of an activation is too long for a tile, and is left to a pass over finished columns.
constexpr bool finished_later(Activation activation) {
    return activation == Activation::softplus || activation == Activation::gelu;
}

template <class T> RowEpilogue<T> gradient_epilogue(Activation activation, T slope) {
    constexpr T none = -__builtin_huge_val();
    switch (activation) {
    case Activation::relu:
        return {RowEnd::step, nullptr, none, 0, {}, {}};
    case Activation::leaky_relu:
        return {RowEnd::leaky_step, nullptr, none, slope, {}, {}};
    case Activation::elu:
        return {RowEnd::elu, nullptr, none, slope, {}, {}};
    case Activation::sigmoid:
    case Activation::tanh:
    case Activation::lecun_tanh:
        return {RowEnd::quadratic, nullptr, none, 0, quadratic_of<T>(activation), {}};
    case Activation::identity:
    case Activation::softplus:
    case Activation::gelu:
        break;
    }
    return {RowEnd::affine, nullptr, none, 0, {}, {}};
}

template <class T, int MR, int NV, bool Partial>
STEEPEST_INLINE void finish_rows(const RowEpilogue<T>& e, const Tail<T>& tail, Vec<T> (&acc)[MR][NV],
                                 MatrixView<T> c) {
    // One pass over the tile: `value(i, j)` is what to store. Unrolled, so that acc stays in registers.
    auto store_all = [&](auto value) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
            for (int j = 0; j < NV; ++j)
                store_column<T, NV, Partial>(c.data + i * c.stride, j, value(i, j), tail);
    };
    auto y = [&](int i, int j) __attribute__((always_inline)) {
        return load_column<T, NV, Partial>(e.y.data + i * e.y.stride, j, tail);
    };
    // The same of every acc + bias: `value(v)`.
    auto store_sums = [&](auto value) __attribute__((always_inline)) {
        Vec<T> bias[NV];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j)
            bias[j] = e.bias ? load_column<T, NV, Partial>(e.bias, j, tail) : Vec<T>{};
        store_all([&](int i, int j) __attribute__((always_inline)) { return value(acc[i][j] + bias[j]); });
    };
    switch (e.end) {
    case RowEnd::sum:
        store_all([&](int i, int j) __attribute__((always_inline)) { return acc[i][j]; });
        break;
    case RowEnd::affine: {
        const Vec<T> floor = broadcast(e.floor);
        store_sums([&](Vec<T> v) __attribute__((always_inline)) { return maximum(floor, v); });
        break;
    }
    case RowEnd::leaky:
        store_sums([&](Vec<T> v) __attribute__((always_inline)) { return leaky<T>(v, v, e.slope); });
        break;
    case RowEnd::step:
        store_all([&](int i, int j)
                      __attribute__((always_inline)) { return step_gradient<T>(y(i, j), acc[i][j]); });
        break;
    case RowEnd::leaky_step:
        store_all([&](int i, int j)
                      __attribute__((always_inline)) { return leaky<T>(y(i, j), acc[i][j], e.slope); });
        break;
    case RowEnd::elu:
        store_all([&](int i, int j) __attribute__((always_inline)) {
            return elu_gradient<T>(y(i, j), acc[i][j], e.slope);
        });
        break;
    case RowEnd::quadratic:
        store_all([&](int i, int j) __attribute__((always_inline)) {
            return quadratic_gradient<T>(y(i, j), acc[i][j], e.quadratic);
        });
        break;
    }
}

template <class T, int MR, int NV, bool Partial>
__attribute__((noinline)) void row_tile(const Product<T>& p, const RowEpilogue<T>& e, MatrixView<T> c) {
    Vec<T> acc[MR][NV];
    multiply<T, MR, NV, Partial, true>(p, acc);
    finish_rows<T, MR, NV, Partial>(e, p.tail, acc, c);
}

// ---- weight gradient ----------------------------------------------------------------------------------

template <class T> struct WeightEpilogue {
    const Update<T>& update;
    bool unfinished; // the chain goes on: store the bare sum as the gradient
    // At the tile's first element. gradient.data set: store there; null: update the others.
    MatrixView<T> weight, gradient;
    WeightSlots<T> slots;
    T* tile; // room for a tile
};

template <class T, int MR, int NV, bool Partial>
STEEPEST_INLINE void finish_weights(const WeightEpilogue<T>& e, const Tail<T>& tail, Vec<T> (&acc)[MR][NV]) {
    // Unrolled, so that acc stays in registers. `visit(g, i, j)`: g is the finished gradient.
    auto for_all = [&](auto visit) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
            for (int j = 0; j < NV; ++j) visit(acc[i][j], i, j);
    };
    auto read = [&](const MatrixView<T>& m, int i, int j) __attribute__((always_inline)) {
        return load_column<T, NV, Partial>(m.data + i * m.stride, j, tail);
    };
    auto write = [&](const MatrixView<T>& m, int i, int j, Vec<T> v) __attribute__((always_inline)) {
        store_column<T, NV, Partial>(m.data + i * m.stride, j, v, tail);
    };
    if (!e.update.plain && !e.gradient.data) {
        // From a cache line each instead of registers: the numbers of these rules need the registers, and a
        // square root and a quotient take longer than the way there and back.
        const MatrixView<T> tile{e.tile, NV * lanes<T>};
        for_all([&](Vec<T>& g, int i, int j)
                    __attribute__((always_inline)) { store(tile.data + i * tile.stride + j * lanes<T>, g); });
        return update_rows<T>(
            e.update,
            {{tile.data, tile.stride}, e.weight, e.slots, MR, Partial ? NV - 1 : NV, Partial, tail});
    }
    const Update<T> u = e.update;
    if (!e.unfinished && (u.l2_slope != 0 || u.l1 != 0))
        for_all([&](Vec<T>& g, int i, int j)
                    __attribute__((always_inline)) { g = regularized<T>(u, g, read(e.weight, i, j)); });
    if (e.gradient.data)
        return for_all([&](Vec<T>& g, int i, int j)
                           __attribute__((always_inline)) { write(e.gradient, i, j, g); });
    Inspection<T> inspection{u.overflow};
    const auto write_weight = [&](int i, int j, Vec<T> w) __attribute__((always_inline)) {
        inspection.see(w);
        write(e.weight, i, j, w);
    };
    if (u.momentum == 0)
        for_all([&](Vec<T>& g, int i, int j) __attribute__((always_inline)) {
            write_weight(i, j, descend<T>(u, g, read(e.weight, i, j)));
        });
    else
        for_all([&](Vec<T>& g, int i, int j) __attribute__((always_inline)) {
            const Vec<T> v = momentum_step<T>(u, g, read(e.slots.slot[v_slot], i, j));
            write(e.slots.slot[v_slot], i, j, v);
            write_weight(i, j, read(e.weight, i, j) + (u.nesterov ? momentum_step<T>(u, g, v) : v));
        });
    inspection.tell();
}

// Asks memory for the tile that comes two panels later in the same rows: some 300 cycles before the epilogue
// reads it with 8 samples (13 instead of 23 ms for 4096 x 4096 weights), more with more.
template <int MR, int NV, class T> STEEPEST_INLINE void prefetch_later(MatrixView<T> m) {
    constexpr int later = 2 * max_vectors * lanes<T>;
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < NV * lanes<T>; j += 64 / int(sizeof(T)))
            __builtin_prefetch(m.data + i * m.stride + later + j);
}

template <class T, int MR, int NV, bool Partial>
__attribute__((noinline)) void weight_tile(const Product<T>& p, const WeightEpilogue<T>& e) {
    prefetch_later<MR, NV>(e.weight);
    for (int k = 0; k < most_slots && e.slots.slot[k].data; ++k) prefetch_later<MR, NV>(e.slots.slot[k]);
    Vec<T> acc[MR][NV];
    multiply<T, MR, NV, Partial, false>(p, acc);
    finish_weights<T, MR, NV, Partial>(e, p.tail, acc);
}

} // namespace
} // namespace steepest
