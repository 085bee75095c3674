// Compute: a product by panels of its right operand, each of which meets all rows of the left one.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/gemm/epilogue.hpp"
#include "kernels/gemm/pack.hpp"

namespace steepest {
namespace {

template <class T> constexpr Index lines(Index n) { return (n * Index(sizeof(T)) + 63) / 64; }

// What memory is to be asked for: some lines of each of some rows, the same line of all rows before the next.
template <class T> struct Ahead {
    MatrixView<const T> from{};
    Index rows = 0, lines = 0, line = 0;

    // The next so many of them; if nothing is left, a line that is in the cache.
    STEEPEST_INLINE Asking<T> next(Index count, const T* cached) {
        if (rows <= 0) return {cached, 0};
        const Asking<T> some{from.data + line * (64 / Index(sizeof(T))), from.stride};
        if (++line == lines) line = 0, rows -= count, from.data += count * from.stride;
        return some;
    }
};

// c = end(a @ b), or end(c + a @ b) if continued: `rows` rows of a, one panel of b, as wide as a tile.
template <class T> struct PanelProduct {
    MatrixView<const T> a, b;
    MatrixView<T> c;
    Index rows, depth;
    bool continued;
    int vectors;
    Index tail; // columns of the last vector
    T* copy;    // of b, which the first tile makes for the others; or null

    STEEPEST_INLINE void run(RowEpilogue<T> end) const {
        const Pieces tiles(rows, max_rows);
        const MatrixView<const T> y = end.y;
        for (Index t = 0; t < tiles.count; ++t) {
            end.y = at(y, tiles.begin(t), 0);
            tile<1>(tiles, t, b, end, Nothing{});
        }
    }

    // The same for packed_rows or more, whose tiles are nearly full, and memory is asked for what comes next.
    // A function of its own with copies of its own, or the product of few rows would be kept in memory.
    __attribute__((noinline)) static void run_ahead(const PanelProduct p, RowEpilogue<T> end,
                                                    Ahead<T>& ahead) {
        constexpr int least = max_rows - max_rows / 4;
        const Pieces tiles(p.rows, max_rows);
        const MatrixView<const T> y = end.y;
        MatrixView<const T> right = p.b;
        for (Index t = 0; t < tiles.count; ++t) {
            end.y = at(y, tiles.begin(t), 0);
            const Asking<T> asking = ahead.next(p.depth, p.a.data);
            if (t == 0 && p.copy) {
                p.template tile<least>(tiles, t, right, end, Copying<T>{asking, p.copy});
                right = {p.copy, panel_width<T>};
            } else {
                p.template tile<least>(tiles, t, right, end, asking);
            }
        }
    }

  private:
    template <int Least, class Beside>
    STEEPEST_INLINE void tile(const Pieces& tiles, Index t, MatrixView<const T> right,
                              const RowEpilogue<T>& end, Beside beside) const {
        const Index i = tiles.begin(t);
        const MatrixView<T> to = at(c, i, 0);
        const Product<T> product{.a = a.data + i * a.stride,
                                 .b = right.data,
                                 .a_stride = a.stride,
                                 .b_stride = right.stride,
                                 .depth = depth,
                                 .start = continued ? to.data : nullptr,
                                 .start_stride = to.stride,
                                 .tail = Tail<T>(tail)};
        with_tile<Least>(tiles.length(t), vectors, tail < lanes<T>,
                         [&](auto mr, auto nv, auto partial) __attribute__((always_inline)) {
                             row_tile<T, mr.value, nv.value, partial.value>(product, end, to, beside);
                         });
    }
};

// Asks memory for a panel that is to be multiplied soon.
template <class T> STEEPEST_INLINE void prefetch_panel(MatrixView<const T> b, Index depth, Index width) {
    for (Index k = 0; k < depth; ++k)
        for (Index j = 0; j < width; j += 64 / Index(sizeof(T)))
            __builtin_prefetch(b.data + k * b.stride + j);
}

// A packed panel costs a store for each vector, and a load if it is not copied beside a product; it pays
// where enough tiles share it, and where rows lie so far apart (in bytes) that a panel is spread over many
// pages. 64 x 1000 x 100 is as fast unpacked.
constexpr Index packed_rows = 4 * max_rows, packed_stride = 1024;

// c = end(a @ b) for a (rows, depth) and b (depth, columns), a block of panels and a part of the depth at a
// time. An operand b has
//   pack(rows)                      whether panels of it are packed for so many rows
//   copied                          whether a packed panel is a copy, which its first tile makes
//   panel(k, depth, j, width, to)   if not: packs the panel of `depth` rows and `width` columns at (k, j)
//   from(k, j)                      itself from row k and column j on, where it is copied or not packed
//   ahead(k, depth, j, width)       to ask memory for so much of it during a product
//   by_panels()                     whether to ask for a panel, not a block, at a time
// and an end has
//   tile(j)                         the epilogue of a finished tile that begins at column j
//   finish(begin, end)              what is left to do to finished columns
template <class T, class Operand, class End> struct RowProduct {
    const MatrixView<const T> a;
    const Operand& b;
    const MatrixView<T> c;
    const Index rows;
    const End& end;
    const bool pack, streamed;
    const Columns<T> panels;
    const Pieces blocks;
    const Index panel, panels_at_once;
    T* const scratch;

    STEEPEST_INLINE RowProduct(MatrixView<const T> left, const Operand& right, MatrixView<T> to, Index m,
                               Index depth, Index columns, T* memory, const End& e)
        : a(left), b(right), c(to), rows(m), end(e), pack(right.pack(m)), streamed(m < packed_rows && !pack),
          panels(columns), blocks(depth, streamed ? streamed_depth : panel_depth<T>),
          panel(panel_width<T> * (blocks.size + 1)),
          panels_at_once(pack ? block_bytes / Index(sizeof(T)) / panel : panels.pieces.count),
          scratch(memory) {}

    STEEPEST_INLINE void run() const {
        for (Index first = 0; first < panels.pieces.count; first += panels_at_once) {
            const Index last = last_of(first);
            Index block = 0;
            do // at least once: without depth c is the end of 0
                run_block(first, last, block);
            while (++block < blocks.count);
            end.finish(panels.begin(first), panels.begin(last - 1) + panels.width(last - 1));
        }
    }

  private:
    STEEPEST_INLINE Index last_of(Index first) const {
        return smaller(first + panels_at_once, panels.pieces.count);
    }

    STEEPEST_INLINE void run_block(Index first, Index last, Index block) const {
        const Index k = blocks.begin(block), length = blocks.length(block);
        const bool final = block + 1 >= blocks.count;
        if constexpr (!Operand::copied)
            for (Index p = first; pack && p < last; ++p)
                b.panel(k, length, panels.begin(p), panels.width(p), scratch + (p - first) * panel);
        const Index next = final ? last : first, next_k = final ? 0 : k + length; // the next block
        Ahead<T> ahead;
        for (Index p = first; p < last; ++p) {
            const Index j = panels.begin(p);
            RowEpilogue<T> epilogue = end.tile(j);
            if (!final) epilogue.end = RowEnd::sum;
            if (streamed) stream(block, p + panels_ahead);
            const bool packed = pack && !Operand::copied;
            const PanelProduct<T> product{
                .a = at(a, 0, k),
                .b = packed ? MatrixView<const T>{scratch + (p - first) * panel, panel_width<T>}
                            : b.from(k, j),
                .c = at(c, 0, j),
                .rows = rows,
                .depth = length,
                .continued = block > 0,
                .vectors = panels.vectors(p),
                .tail = panels.tail(p),
                .copy = pack && Operand::copied ? scratch : nullptr};
            if (!pack || rows < packed_rows) {
                product.run(epilogue);
                continue;
            }
            if (b.by_panels())
                ahead = p + 1 < last ? asked(k, p + 1, p + 2) : asked(next_k, next, next + 1);
            else if (p == first)
                ahead = asked(next_k, next, last_of(next));
            PanelProduct<T>::run_ahead(product, epilogue, ahead);
        }
    }

    // Asks for a panel of a block: after its last come the first of the next. Nothing beyond the columns,
    // here and in `asked`: another thread may be about to update it, and would have to fetch it back.
    STEEPEST_INLINE void stream(Index block, Index p) const {
        for (; p >= panels.pieces.count; p -= panels.pieces.count) ++block;
        if (block < blocks.count)
            prefetch_panel(b.from(blocks.begin(block), panels.begin(p)), blocks.length(block),
                           panels.width(p));
    }

    // The panels from `first` to `last` at row k, if there are any.
    STEEPEST_INLINE Ahead<T> asked(Index k, Index first, Index last) const {
        if (first >= panels.pieces.count) return {};
        const Index j = panels.begin(first), behind = panels.begin(last - 1) + panels.width(last - 1);
        return b.ahead(k, blocks.size, j, behind - j);
    }
};

template <class T, class Operand, class End>
STEEPEST_INLINE void row_product(MatrixView<const T> a, const Operand& b, MatrixView<T> c, Index rows,
                                 Index depth, Index columns, T* scratch, const End& end) {
    RowProduct<T, Operand, End>(a, b, c, rows, depth, columns, scratch, end).run();
}

} // namespace
} // namespace steepest
