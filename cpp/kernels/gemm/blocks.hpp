// Plan: how a matrix product is cut into tiles of registers, panels of the first-level cache and blocks of
// the second. It changes no bit: chains are parked in memory and continued, never split.
#pragma once

#include "kernels/arguments.hpp"
#include "kernels/gemm/tile.hpp"
#include "kernels/simd/simd.hpp"

namespace steepest {
namespace {

constexpr Index smaller(Index a, Index b) { return a < b ? a : b; }
constexpr Index larger(Index a, Index b) { return a > b ? a : b; }

// A panel is as wide as the widest tile, and as deep as stays in a first-level cache of 32 KiB beside the
// tile's other operand (8 rows of so deep take 4 KB beside 24, 6 take 6 beside 16).
template <class T> constexpr Index panel_width = max_vectors * lanes<T>;
constexpr Index panel_bytes = max_vectors > 2 ? 24 << 10 : 16 << 10;
template <class T> constexpr Index panel_depth = panel_bytes / (max_vectors * vector_bytes);
// Panels next to each other, over which a part of the depth passes before the next: what is packed of them
// stays in half a second-level cache of 512 KiB, with the rows that meet it.
constexpr Index block_bytes = 128 << 10;
// The same of a weight gradient's panels, for which each row of x is packed once: half a second-level cache
// of 1 MiB, as processors with AVX-512 have (64 x 4096 x 4096 takes 9.9 ms, 11.3 with 128 KB), or of 512 KiB.
constexpr Index gradient_block_bytes = max_vectors > 2 ? 512 << 10 : 256 << 10;

// Depth at which few rows pass over a matrix that is not packed, and how many panels ahead memory is asked
// for it: so few rows at a time that each is read like a stream (8 x 4096 x 4096: 7 ms, 21 with 256 at a
// time).
constexpr Index streamed_depth = 16, panels_ahead = 4;

// Rows of a weight whose gradient is computed together: whole tiles and whole vectors of either type.
constexpr Index weight_block_rows = max_rows == 6 ? 24 : 16;
// Samples beyond which the operands of a weight gradient are not packed, and a stored gradient is parked.
constexpr Index sample_depth = 512;

template <class T>
constexpr Index scratch_elements =
    gradient_block_bytes / Index(sizeof(T)) + sample_depth * weight_block_rows + max_rows * panel_width<T>;

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

// visit(Int<rows>{}, Int<vectors>{}, Int<partial>{}): the size of a tile as template arguments.
template <int Least = 1, class F>
STEEPEST_INLINE void with_tile(Index rows, int vectors, bool partial, F visit) {
    with_int<Least, max_rows>(rows, [&](auto mr) __attribute__((always_inline)) {
        with_int<1, max_vectors>(vectors, [&](auto nv) __attribute__((always_inline)) {
            if (partial)
                visit(mr, nv, Int<true>{});
            else
                visit(mr, nv, Int<false>{});
        });
    });
}

template <class T> STEEPEST_INLINE MatrixView<T> at(MatrixView<T> m, Index i, Index j STEEPEST_CALLER) {
    STEEPEST_CHECK("a block's first row", 0, i, m.rows);
    STEEPEST_CHECK("a block's first column", 0, j, m.columns);
#ifdef STEEPEST_CHECKED
    return {m.data ? m.data + i * m.stride + j : nullptr, m.stride, m.rows - i, m.columns - j};
#else
    return {m.data ? m.data + i * m.stride + j : nullptr, m.stride};
#endif
}

// The first `used` slots from a row and a column on.
template <class T>
STEEPEST_INLINE WeightSlots<T> at(const WeightSlots<T>& slots, int used, Index i, Index j) {
    WeightSlots<T> part;
    for (int k = 0; k < used; ++k) part.slot[k] = at(slots.slot[k], i, j);
    return part;
}

} // namespace
} // namespace steepest
