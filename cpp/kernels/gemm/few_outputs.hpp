// Compute: products of layers with few outputs, fewer than a cache line holds, as the scores of a classifier.
// Vectors along the outputs would be partly empty (10 of 16 lanes), so they run along the other side: the
// inputs.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/gemm/epilogue.hpp"
#include "kernels/gemm/pack.hpp"
#include "kernels/rows/elementwise.hpp"
#include "kernels/rows/reductions.hpp"

namespace steepest {
namespace {

// ---- forward: dot products -----------------------------------------------------------------------------
//
// Every output is a sum over a group of lanes: lane l is the chain over k = l, l + group_lanes, ..., and the
// lanes are folded by halves. So its bits are those of one instruction set on any other, and of a row alone.

constexpr int dot_rows = max_rows == 8 ? 4 : 2, dot_outputs = 5; // accumulators: 20 of 32 registers, 10 of 16
constexpr Index dot_rows_at_once = 64; // rows whose lanes wait in memory between blocks of the depth

// sums[i][j][lane] (+)= the products of row i of x and row j of w, both `depth` long.
template <class T, int R, int C>
__attribute__((noinline)) void dots(MatrixView<const T> x, MatrixView<const T> w, Index depth, T* sums,
                                    Index row_stride, bool begun) {
    for (int g = 0; g < group<T>; ++g) {
        Vec<T> acc[R][C];
        const auto place = [=](int i, int j) {
            return sums + i * row_stride + j * group_lanes<T> + g * lanes<T>;
        };
        const auto multiply = [&](Index k, auto... tail) __attribute__((always_inline)) {
            Vec<T> xv[R];
#pragma GCC unroll 4
            for (int i = 0; i < R; ++i) xv[i] = load(x.data + i * x.stride + k, tail...);
#pragma GCC unroll 8
            for (int j = 0; j < C; ++j) {
                const Vec<T> wv = in_register(load(w.data + j * w.stride + k, tail...));
#pragma GCC unroll 4
                for (int i = 0; i < R; ++i) acc[i][j] = fma(xv[i], wv, acc[i][j]);
            }
        };
#pragma GCC unroll 4
        for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < C; ++j) acc[i][j] = begun ? load(place(i, j)) : Vec<T>{};
        Index k = g * lanes<T>;
        for (; k + lanes<T> <= depth; k += group_lanes<T>) {
            for (int i = 0; g == 0 && i < R; ++i) // a line of each of the next rows
                __builtin_prefetch(x.data + (R + i) * x.stride + k);
            multiply(k);
        }
        if (k < depth) multiply(k, Tail<T>(depth - k));
#pragma GCC unroll 4
        for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < C; ++j) store(place(i, j), acc[i][j]);
    }
}

// visit(Int<rows>{}, Int<outputs>{})
template <class F> STEEPEST_INLINE void with_dots(Index rows, Index outputs, F visit) {
    with_int<1, dot_rows>(rows, [&](auto r) __attribute__((always_inline)) {
        with_int<1, dot_outputs>(outputs, [&](auto c) __attribute__((always_inline)) { visit(r, c); });
    });
}

// totals[i] = the folded lanes of sums[i], for n sums one after the other. Reads and writes up to 3 beyond n.
template <class T> void fold_lanes(const T* sums, Index n, T* totals) {
    constexpr int few = 16 / int(sizeof(T)); // sums that a 16-byte vector holds, folded together
    for (Index first = 0; first < n; first += few) {
        T quarter[few][few], lane[few][few];
        for (int i = 0; i < few; ++i) {
            const T* sum = sums + (first + i) * group_lanes<T>;
            const auto part = [=](int p) { return load16<Vec16<T>>(sum + p * few); };
            const Vec16<T> folded = (part(0) + part(2)) + (part(1) + part(3));
            __builtin_memcpy(quarter[i], &folded, 16);
        }
        transpose_block(MatrixView<const T>{quarter[0], few}, lane[0], few);
        for (int half = few / 2; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) {
                const Vec16<T> sum = load16<Vec16<T>>(lane[i]) + load16<Vec16<T>>(lane[i + half]);
                __builtin_memcpy(lane[i], &sum, 16);
            }
        __builtin_memcpy(totals + first, lane[0], 16);
    }
}

// y = activation(totals + bias) for one row.
template <class T> STEEPEST_INLINE void finish_row(const Forward<T>& f, const T* totals, T* y) {
    with_tile_value(f.activation, [&](auto a) __attribute__((always_inline)) {
        for_vectors<T>(f.outputs, [&](Index j, auto... tail) __attribute__((always_inline)) {
            const Vec<T> bias = f.bias ? load(f.bias + j, tail...) : Vec<T>{};
            store(y + j, decltype(a)::template value<T>(load(totals + j, tail...) + bias, f.slope), tail...);
        });
    });
    if (value_comes_later(f.activation)) activate(f.activation, f.slope, y, y, f.outputs);
}

template <class T> void forward_transposed(const Forward<T>& f, T* scratch) {
    T* const sums = scratch;
    T* const totals = scratch + dot_rows_at_once * group_lanes<T> * group_lanes<T>;
    const Index row_stride = f.outputs * group_lanes<T>;
    const Index most = larger(1, dot_bytes / Index(sizeof(T)) / larger(1, row_stride));
    const Pieces blocks((f.inputs + group_lanes<T> - 1) / group_lanes<T>, most); // in groups of lanes
    const Pieces outputs(f.outputs, dot_outputs);
    for (Index first = 0; first < f.rows; first += dot_rows_at_once) {
        const Index count = smaller(dot_rows_at_once, f.rows - first);
        const Pieces rows(count, dot_rows);
        Index block = 0;
        do { // at least once: without inputs all sums are 0
            const Index k = blocks.begin(block) * group_lanes<T>;
            const Index depth = smaller(blocks.length(block) * group_lanes<T>, f.inputs - k);
            for (Index r = 0; r < rows.count; ++r)
                for (Index c = 0; c < outputs.count; ++c) {
                    const MatrixView<const T> x = at(f.x, first + rows.begin(r), k);
                    const MatrixView<const T> w = at(f.weight, outputs.begin(c), k);
                    T* const to = sums + rows.begin(r) * row_stride + outputs.begin(c) * group_lanes<T>;
                    with_dots(rows.length(r), outputs.length(c),
                              [&](auto some, auto few) __attribute__((always_inline)) {
                                  dots<T, some.value, few.value>(x, w, depth, to, row_stride, block > 0);
                              });
                }
        } while (++block < blocks.count);
        fold_lanes(sums, count * f.outputs, totals);
        for (Index i = 0; i < count; ++i)
            finish_row(f, totals + i * f.outputs, f.y.data + (first + i) * f.y.stride);
    }
}

// The sum of lanes l, l + Step, l + 2 Step, ... of a group, folded by halves, of which those from Some on
// hold 0; lane(l) is one of them.
template <class T, int Some, int Step, class F> STEEPEST_INLINE Vec<T> fold_tree(int l, F lane) {
    if constexpr (Step < Some)
        return fold_tree<T, Some, 2 * Step>(l, lane) + fold_tree<T, Some, 2 * Step>(l + Step, lane);
    else if constexpr (Some < group_lanes<T>)
        return lane(l) + Vec<T>{}; // which makes a -0 a 0
    else
        return lane(l);
}

template <class T, int Some> void few_input_rows(const Forward<T>& f) {
    T totals[group_lanes<T>];
    for (Index i = 0; i < f.rows; ++i) {
        const T* x = f.x.data + i * f.x.stride;
        for_vectors<T>(f.outputs, [&](Index j, auto... tail) __attribute__((always_inline)) {
            const Vec<T> sum = fold_tree<T, Some, 1>(0, [&](int l) __attribute__((always_inline)) {
                if (l >= f.inputs) return Vec<T>{};
                return fma(broadcast(x[l]), load(f.weight.data + l * f.weight.stride + j, tail...), Vec<T>{});
            });
            store(totals + j, sum, tail...);
        });
        finish_row(f, totals, f.y.data + i * f.y.stride);
    }
}

// The same sums where each lane is one product at most: with the weight as it is, and vectors along its few
// outputs.
template <class T> void forward_few_inputs(const Forward<T>& f, T*) {
    if (f.inputs <= 2) return few_input_rows<T, 2>(f);
    if (f.inputs <= 4) return few_input_rows<T, 4>(f);
    if (f.inputs <= 8) return few_input_rows<T, 8>(f);
    few_input_rows<T, group_lanes<T>>(f);
}

// to = the transpose of a weight's rows
template <class T> void transpose(MatrixView<const T> weight, Index rows, Index columns, MatrixView<T> to) {
    transpose_rows(weight, columns, rows, to.data, to.stride);
}

// ---- weight gradient: its transpose, whose rows are long ----------------------------------------------

constexpr int transposed_vectors = 2, transposed_rows = 5;                           // of a tile
template <class T> constexpr Index transposed_width = transposed_vectors * lanes<T>; // weight rows at a time

// g (MR, transposed_width) = dy^T @ x: every element the chain over the samples that any other tile gives.
template <class T, int MR>
__attribute__((noinline)) void transposed_tile(MatrixView<const T> x, MatrixView<const T> dy, Index samples,
                                               T* g) {
    Vec<T> acc[MR][transposed_vectors] = {};
    for (Index s = samples; s > 0; --s, x.data += x.stride, dy.data += dy.stride) {
        __builtin_prefetch(x.data + ahead_rows * x.stride);
        __builtin_prefetch(x.data + ahead_rows * x.stride + lanes<T>);
        Vec<T> xv[transposed_vectors];
#pragma GCC unroll 2
        for (int j = 0; j < transposed_vectors; ++j) xv[j] = load(x.data + j * lanes<T>);
#pragma GCC unroll 8
        for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
            for (int j = 0; j < transposed_vectors; ++j)
                acc[i][j] = fma(broadcast(dy.data[i]), xv[j], acc[i][j]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
        for (int j = 0; j < transposed_vectors; ++j)
            store(g + i * transposed_width<T> + j * lanes<T>, acc[i][j]);
}

// The update of as many whole blocks of weight rows from g.first on as there are; returns where they end.
template <class T> Index update_transposed(const WeightGradient<T>& g) {
    constexpr Index width = transposed_width<T>;
    const Pieces outputs(g.outputs, transposed_rows);
    T transposed[group_lanes<T> * width], gradient[group_lanes<T> * width];
    const auto update_rows = [&](Index i, Index rows, Index n) {
        for (Index r = 0; r < rows; ++r) {
            RowSlots<T> slots;
            for (int k = 0; k < g.update.slots; ++k) slots.slot[k] = at(g.slots.slot[k], i + r, 0).data;
            update(g.update, gradient + r * n, at(g.weight, i + r, 0).data, slots, n);
        }
    };
    bool contiguous = g.weight.stride == g.outputs;
    for (int k = 0; k < g.update.slots; ++k) contiguous &= g.slots.slot[k].stride == g.outputs;
    Index i = g.first;
    for (; i + width <= g.last; i += width) {
        for (Index c = 0; c < outputs.count; ++c)
            with_int<1, transposed_rows>(outputs.length(c), [&](auto rows) {
                transposed_tile<T, rows.value>(at(g.x, 0, i), at(g.dy, 0, outputs.begin(c)), g.samples,
                                               transposed + outputs.begin(c) * width);
            });
        transpose_rows(MatrixView<const T>{transposed, width}, width, g.outputs, gradient, g.outputs);
        if (contiguous)
            update_rows(i, 1, width * g.outputs);
        else
            update_rows(i, width, g.outputs);
    }
    return i;
}

} // namespace
} // namespace steepest
