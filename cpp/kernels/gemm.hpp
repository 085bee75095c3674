// Compute: the three matrix products of a training step as loop nests over register tiles.
#pragma once

#include "elementwise.hpp"
#include "epilogue.hpp"
#include "pack.hpp"

namespace steepest {
namespace {

// Depth after which a chain is parked in memory and continued, so that a packed panel of b (393 KB at
// most) stays within a 1 MiB second-level cache. It changes no bit.
constexpr Index depth_block = 2048;

template <class T> constexpr Index panel_width = max_vectors * lanes<T>;
template <class T> constexpr Index scratch_elements = depth_block * panel_width<T>;

constexpr Index smaller(Index a, Index b) { return a < b ? a : b; }

// Cuts n into the fewest pieces of at most `most`, equal to within one: 64 rows in tiles of at most 14 are
// 5 of 13 or 12, not 4 of 14 and one of 8.
struct Pieces {
    Index count, size, longer;
    STEEPEST_INLINE Pieces(Index n, Index most)
        : count((n + most - 1) / most), size(count ? n / count : 0), longer(count ? n % count : 0) {}
    STEEPEST_INLINE Index begin(Index i) const { return i * size + smaller(i, longer); }
    STEEPEST_INLINE Index length(Index i) const { return size + (i < longer); }
};

// The columns of a row cut into tiles of whole vectors, the last of them partly filled.
template <class T> struct Columns {
    Index n;
    Pieces pieces;
    STEEPEST_INLINE explicit Columns(Index columns)
        : n(columns), pieces((columns + lanes<T> - 1) / lanes<T>, max_vectors) {}
    STEEPEST_INLINE Index begin(Index i) const { return pieces.begin(i) * lanes<T>; }
    STEEPEST_INLINE int vectors(Index i) const { return int(pieces.length(i)); }
    STEEPEST_INLINE Index width(Index i) const { return smaller(n - begin(i), vectors(i) * lanes<T>); }
    STEEPEST_INLINE Index tail(Index i) const { return width(i) - (vectors(i) - 1) * lanes<T>; }
};

// Calls the tile of the given size: run-time numbers to template arguments.
template <template <class, int, int, bool> class Tile, class T, int MR = max_rows, int NV = max_vectors,
          class... A>
STEEPEST_INLINE void call_tile(Index rows, int vectors, bool partial, const A&... args) {
    if constexpr (MR > 1) {
        if (rows < MR) return call_tile<Tile, T, MR - 1, NV>(rows, vectors, partial, args...);
    }
    if constexpr (NV > 1) {
        if (vectors < NV) return call_tile<Tile, T, MR, NV - 1>(rows, vectors, partial, args...);
    }
    if (partial)
        Tile<T, MR, NV, true>::run(args...);
    else
        Tile<T, MR, NV, false>::run(args...);
}

template <class T, int MR, int NV, bool Partial> struct RowTile {
    STEEPEST_INLINE static void run(const Product<T>& p, const RowEpilogue<T>& e, Rows<T> c) {
        row_tile<T, MR, NV, Partial>(p, e, c);
    }
};

template <class T, int MR, int NV, bool Partial> struct WeightTile {
    STEEPEST_INLINE static void run(const Product<T>& p, const WeightEpilogue<T>& e) {
        weight_tile<T, MR, NV, Partial>(p, e);
    }
};

// ---- loop nests ---------------------------------------------------------------------------------------

template <class T> RowEpilogue<T> gradient_epilogue(Activation activation) {
    constexpr T none = -__builtin_huge_val();
    switch (activation) {
    case Activation::relu:
        return {RowEnd::step, nullptr, none, 0, 0, {}};
    case Activation::sigmoid:
        return {RowEnd::quadratic, nullptr, none, 1, 0, {}};
    case Activation::tanh:
        return {RowEnd::quadratic, nullptr, none, 0, 1, {}};
    case Activation::identity:
        break;
    }
    return {RowEnd::affine, nullptr, none, 0, 0, {}};
}

// A packed panel costs one load and store an element. It pays where rows would evict each other from the
// first-level cache, and enough tiles share it.
template <class T> bool packing_pays(Index rows, Index stride) {
    return rows >= 4 * max_rows && stride * Index(sizeof(T)) % evicting_stride == 0;
}

template <class T> void forward(const Forward<T>& f, T* scratch) {
    const Columns<T> columns(f.outputs);
    const Pieces tiles(f.rows, max_rows);
    const bool pack = packing_pays<T>(f.rows, f.weight.stride);
    const T floor = f.activation == Activation::relu ? T(0) : T(-__builtin_huge_val());
    const bool curved = f.activation == Activation::sigmoid || f.activation == Activation::tanh;
    Index k = 0;
    do { // at least once: without inputs y is the activated bias
        const Index depth = smaller(f.inputs - k, depth_block);
        const bool last = k + depth == f.inputs;
        for (Index c = 0; c < columns.pieces.count; ++c) {
            const Index j = columns.begin(c), width = columns.width(c);
            Rows<const T> b{f.weight.data + k * f.weight.stride + j, f.weight.stride};
            if (pack) {
                pack_rows(b, depth, width, scratch, panel_width<T>);
                b = {scratch, panel_width<T>};
            }
            const RowEpilogue<T> end{
                last ? RowEnd::affine : RowEnd::sum, f.bias ? f.bias + j : nullptr, floor, 0, 0, {}};
            for (Index r = 0; r < tiles.count; ++r) {
                const Index i = tiles.begin(r), rows = tiles.length(r);
                const Rows<T> y{f.y.data + i * f.y.stride + j, f.y.stride};
                const Product<T> p{f.x.data + i * f.x.stride + k,
                                   b.data,
                                   f.x.stride,
                                   b.stride,
                                   depth,
                                   k ? y.data : nullptr,
                                   y.stride,
                                   Tail<T>(columns.tail(c))};
                call_tile<RowTile, T>(rows, columns.vectors(c), columns.tail(c) < lanes<T>, p, end, y);
                if (last && curved)
                    for (Index m = 0; m < rows; ++m) {
                        T* row = y.data + m * y.stride;
                        activate(f.activation, row, row, width);
                    }
            }
        }
        k += depth;
    } while (k < f.inputs);
}

template <class T> STEEPEST_INLINE Rows<T> at(Rows<T> m, Index i, Index j) {
    return {m.data ? m.data + i * m.stride + j : nullptr, m.stride};
}

template <class T> void input_gradient(const InputGradient<T>& g, T* scratch) {
    const Columns<T> columns(g.inputs);
    const Pieces tiles(g.rows, max_rows);
    constexpr Index width = panel_width<T>;
    Index k = 0;
    do {
        const Index depth = smaller(g.outputs - k, depth_block);
        const bool last = k + depth == g.outputs;
        RowEpilogue<T> end = gradient_epilogue<T>(g.activation);
        if (!last) end.end = RowEnd::sum;
        for (Index c = 0; c < columns.pieces.count; ++c) {
            const Index j = columns.begin(c);
            const Rows<const T> w{g.weight.data + j * g.weight.stride + k, g.weight.stride};
            pack_transposed(w, depth, columns.width(c), scratch, width);
            for (Index r = 0; r < tiles.count; ++r) {
                const Index i = tiles.begin(r);
                const Rows<T> dx{g.dx.data + i * g.dx.stride + j, g.dx.stride};
                end.y = at(g.y, i, j);
                const Product<T> p{g.dy.data + i * g.dy.stride + k,
                                   scratch,
                                   g.dy.stride,
                                   width,
                                   depth,
                                   k ? dx.data : nullptr,
                                   dx.stride,
                                   Tail<T>(columns.tail(c))};
                call_tile<RowTile, T>(tiles.length(r), columns.vectors(c), columns.tail(c) < lanes<T>, p, end,
                                      dx);
            }
        }
        k += depth;
    } while (k < g.outputs);
}

template <class T> void weight_gradient(const WeightGradient<T>& g) {
    const Columns<T> columns(g.outputs);
    const Pieces tiles(g.last - g.first, max_rows);
    // An update must see the finished sum; a stored gradient can wait in memory between blocks of samples.
    const Index block = g.gradient.data ? depth_block : g.samples;
    Index s = 0;
    do {
        const Index depth = smaller(g.samples - s, block);
        for (Index c = 0; c < columns.pieces.count; ++c) {
            const Index j = columns.begin(c);
            for (Index r = 0; r < tiles.count; ++r) {
                const Index i = g.first + tiles.begin(r);
                const WeightEpilogue<T> end{g.update, s + depth < g.samples, at(g.weight, i, j),
                                            at(g.velocity, i, j), at(g.gradient, i, j)};
                const Product<T> p{g.x.data + s * g.x.stride + i,
                                   g.dy.data + s * g.dy.stride + j,
                                   g.x.stride,
                                   g.dy.stride,
                                   depth,
                                   s ? end.gradient.data : nullptr,
                                   end.gradient.stride,
                                   Tail<T>(columns.tail(c))};
                call_tile<WeightTile, T>(tiles.length(r), columns.vectors(c), columns.tail(c) < lanes<T>, p,
                                         end);
            }
        }
        s += depth;
    } while (s < g.samples);
}

} // namespace
} // namespace steepest
