// Compute: what happens to a tile while it is still in registers.
#pragma once

#include "kernels/activations.hpp"
#include "kernels/gemm/tile.hpp"
#include "kernels/update.hpp"

namespace steepest {
namespace {

// ---- forward and input gradient -----------------------------------------------------------------------

enum class RowEnd {
    sum,      // c = acc: an unfinished chain
    value,    // c = activation(acc + bias), if it is one for tiles, otherwise acc + bias
    gradient, // c = acc * activation'(y), of an activation whose gradient is one for tiles
};

template <class T> struct RowEpilogue {
    RowEnd end;
    Activation activation;
    T slope;               // of the activation
    const T* bias;         // for the tile's first column, or null
    MatrixView<const T> y; // at the tile's first element
};

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
        return store_all([&](int i, int j) __attribute__((always_inline)) { return acc[i][j]; });
    case RowEnd::value:
        return with_tile_value(e.activation, [&](auto a) __attribute__((always_inline)) {
            store_sums([&](Vec<T> v) __attribute__((always_inline)) {
                return decltype(a)::template value<T>(v, e.slope);
            });
        });
    case RowEnd::gradient:
        return with_tile_gradient(e.activation, [&](auto a) __attribute__((always_inline)) {
            store_all([&](int i, int j) __attribute__((always_inline)) {
                return decltype(a)::template gradient<T>(y(i, j), acc[i][j], e.slope);
            });
        });
    }
}

template <class T, int MR, int NV, bool Partial, class Beside>
__attribute__((noinline)) void row_tile(const Product<T>& p, const RowEpilogue<T>& e, MatrixView<T> c,
                                        Beside beside) {
    Vec<T> acc[MR][NV];
    accumulate<T, MR, NV, Partial, true>(p, acc, beside);
    finish_rows<T, MR, NV, Partial>(e, p.tail, acc, c);
}

// ---- weight gradient ----------------------------------------------------------------------------------

// Where another tile lies from this one.
struct TileDistance {
    Index rows, columns;
};

template <class T> struct WeightEpilogue {
    const Update<T>& update;
    bool unfinished; // the chain goes on: store the bare sum as the gradient
    // At the tile's first element. gradient.data set: store there; null: update the others.
    MatrixView<T> weight, gradient;
    WeightSlots<T> slots;
    T* tile;            // room for a tile
    TileDistance later; // of the tile to ask memory for
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
        return update_rows<T>(e.update, {.gradient = {tile.data, tile.stride},
                                         .weight = e.weight,
                                         .slots = e.slots,
                                         .rows = MR,
                                         .whole = Partial ? NV - 1 : NV,
                                         .partial = Partial,
                                         .tail = tail});
    }
    const Update<T> u = e.update;
    if (!e.unfinished && (u.l2_slope != 0 || u.l1 != 0))
        for_all([&](Vec<T>& g, int i, int j)
                    __attribute__((always_inline)) { g = regularized<T>(u, g, read(e.weight, i, j)); });
    if (e.gradient.data)
        return for_all([&](Vec<T>& g, int i, int j)
                           __attribute__((always_inline)) { write(e.gradient, i, j, g); });
    Inspection<T> inspection{u.overflow};
    with_descent(u.rule, u.slots, [&](auto rule, auto slots) __attribute__((always_inline)) {
        constexpr int count = decltype(slots)::value;
        const typename decltype(rule)::template Step<T> step(u);
        for_all([&](Vec<T>& g, int i, int j) __attribute__((always_inline)) {
            Vec<T> slot[most_slots];
            for (int k = 0; k < count; ++k) slot[k] = read(e.slots.slot[k], i, j);
            const Vec<T> w = decltype(rule)::template apply<T, count>(step, g, read(e.weight, i, j), slot);
            for (int k = 0; k < count; ++k) write(e.slots.slot[k], i, j, slot[k]);
            inspection.see(w);
            write(e.weight, i, j, w);
        });
    });
    inspection.tell();
}

template <int MR, int NV, class T> STEEPEST_INLINE void prefetch_tile(MatrixView<T> m, TileDistance from) {
    const T* const tile = m.data + from.rows * m.stride + from.columns;
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < NV * lanes<T>; j += 64 / int(sizeof(T)))
            __builtin_prefetch(tile + i * m.stride + j);
}

template <class T, int MR, int NV, bool Partial>
__attribute__((noinline)) void weight_tile(const Product<T>& p, const WeightEpilogue<T>& e) {
    if (!e.gradient.data) {
        prefetch_tile<MR, NV>(e.weight, e.later);
        for (int k = 0; k < e.update.slots; ++k) prefetch_tile<MR, NV>(e.slots.slot[k], e.later);
    }
    Vec<T> acc[MR][NV];
    accumulate<T, MR, NV, Partial, false>(p, acc);
    finish_weights<T, MR, NV, Partial>(e, p.tail, acc);
}

} // namespace
} // namespace steepest
