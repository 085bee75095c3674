// Compute: the two products whose left operand is read along its rows, forward and input gradient.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/gemm/epilogue.hpp"
#include "kernels/gemm/pack.hpp"
#include "kernels/rows/elementwise.hpp"

namespace steepest {
namespace {

// c = end(a @ b), or end(c + a @ b) if continued: `rows` rows of a, one panel of b, as wide as a tile.
template <class T> struct PanelProduct {
    MatrixView<const T> a, b;
    MatrixView<T> c;
    Index rows, depth;
    bool continued;
    int vectors;
    Index tail; // columns of the last vector

    STEEPEST_INLINE void run(RowEpilogue<T> end) const {
        const Pieces tiles(rows, max_rows);
        const MatrixView<const T> y = end.y;
        for (Index t = 0; t < tiles.count; ++t) {
            const Index i = tiles.begin(t);
            const MatrixView<T> to = at(c, i, 0);
            end.y = at(y, i, 0);
            const Product<T> product{.a = a.data + i * a.stride,
                                     .b = b.data,
                                     .a_stride = a.stride,
                                     .b_stride = b.stride,
                                     .depth = depth,
                                     .start = continued ? to.data : nullptr,
                                     .start_stride = to.stride,
                                     .tail = Tail<T>(tail)};
            with_tile(tiles.length(t), vectors, tail < lanes<T>,
                      [&](auto mr, auto nv, auto partial) __attribute__((always_inline)) {
                          row_tile<T, mr.value, nv.value, partial.value>(product, end, to);
                      });
        }
    }
};

// Asks memory for a panel that is to be multiplied soon.
template <class T> STEEPEST_INLINE void prefetch_panel(MatrixView<const T> b, Index depth) {
    for (Index k = 0; k < depth; ++k)
        for (Index j = 0; j < panel_width<T>; j += 64 / Index(sizeof(T)))
            __builtin_prefetch(b.data + k * b.stride + j);
}

// A packed panel costs a load and a store for each vector; it pays where enough tiles share it, and where
// rows lie so far apart (in bytes) that a panel is spread over many pages. 64 x 1000 x 100 is a tenth faster
// unpacked.
constexpr Index packed_rows = 4 * max_rows, packed_stride = 1024;

// c = end(a @ b) for a (rows, depth) and b (depth, columns), a block of panels and a part of the depth at a
// time. An operand b has
//   pack(rows)                      whether panels of it are packed for so many rows
//   panel(k, depth, j, width, to)   packs the panel of `depth` rows and `width` columns at row k, column j
//   from(k, j)                      itself from row k and column j on, where it is not packed
//   beyond(k, j)                    the same, which may lie beyond it: to ask memory for
// and an end has
//   tile(j)                         the epilogue of a finished tile that begins at column j
//   finish(begin, end)              what is left to do to finished columns
template <class T, class Operand, class End>
STEEPEST_INLINE void row_product(MatrixView<const T> a, const Operand& b, MatrixView<T> c, Index rows,
                                 Index depth, Index columns, T* scratch, const End& end) {
    const bool pack = b.pack(rows);
    const Columns<T> panels(columns);
    const bool streamed = rows < packed_rows && !pack;
    const Pieces blocks(depth, streamed ? streamed_depth : panel_depth<T>);
    const Index panel = panel_width<T> * (blocks.size + 1);
    const Index panels_at_once = pack ? block_bytes / Index(sizeof(T)) / panel : panels.pieces.count;
    for (Index first = 0; first < panels.pieces.count; first += panels_at_once) {
        const Index last = smaller(first + panels_at_once, panels.pieces.count);
        Index block = 0;
        do { // at least once: without depth c is the end of 0
            const Index k = blocks.begin(block), length = blocks.length(block);
            for (Index r = 0; pack && r < length; r += Operand::rows_at_once)
                for (Index p = first; p < last; ++p)
                    b.panel(k + r, smaller(Operand::rows_at_once, length - r), panels.begin(p),
                            panels.width(p), scratch + (p - first) * panel + r * panel_width<T>);
            for (Index p = first; p < last; ++p) {
                const Index j = panels.begin(p);
                RowEpilogue<T> epilogue = end.tile(j);
                if (block + 1 < blocks.count) epilogue.end = RowEnd::sum;
                const MatrixView<const T> right =
                    pack ? MatrixView<const T>{scratch + (p - first) * panel, panel_width<T>} : b.from(k, j);
                if (streamed) prefetch_panel(b.beyond(k, j + panels_ahead * panel_width<T>), length);
                PanelProduct<T>{.a = at(a, 0, k),
                                .b = right,
                                .c = at(c, 0, j),
                                .rows = rows,
                                .depth = length,
                                .continued = block > 0,
                                .vectors = panels.vectors(p),
                                .tail = panels.tail(p)}
                    .run(epilogue);
            }
        } while (++block < blocks.count);
        end.finish(panels.begin(first), panels.begin(last - 1) + panels.width(last - 1));
    }
}

// ---- forward: the weight itself, bias and activation -------------------------------------------------

template <class T> struct Weight {
    const MatrixView<const T> weight;
    static constexpr Index rows_at_once = ahead_rows;
    STEEPEST_INLINE bool pack(Index rows) const {
        return rows >= packed_rows && weight.stride * Index(sizeof(T)) >= packed_stride;
    }
    STEEPEST_INLINE MatrixView<const T> from(Index k, Index j) const { return at(weight, k, j); }
    STEEPEST_INLINE MatrixView<const T> beyond(Index k, Index j) const {
        return at(MatrixView<const T>{weight.data, weight.stride}, k, j);
    }
    STEEPEST_INLINE void panel(Index k, Index depth, Index j, Index width, T* to) const {
        pack_rows(from(k, j), depth, width, to, panel_width<T>);
    }
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
    static constexpr Index rows_at_once = panel_depth<T>;
    STEEPEST_INLINE bool pack(Index) const { return true; }
    STEEPEST_INLINE MatrixView<const T> from(Index, Index) const { return {}; } // never asked
    STEEPEST_INLINE MatrixView<const T> beyond(Index, Index) const { return {}; }
    STEEPEST_INLINE void panel(Index k, Index depth, Index j, Index width, T* to) const {
        pack_transposed(at(weight, j, k), depth, width, to, panel_width<T>);
    }
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
