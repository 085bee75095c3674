// Compute: the product of the weight gradient, whose operands are both read down their columns.
#pragma once

#include "kernels/gemm/few_outputs.hpp"

namespace steepest {
namespace {

// Operands are packed where the copy is shared by enough tiles: a panel of dy by rows of the weight, rows of
// x by columns. (Neighbors in a column of x or dy lie a row apart, each on a page of its own if rows are
// long.)
constexpr Index shared_rows = 4 * max_rows, shared_panels = 4;

// How many panels ahead memory is asked for a tile: some 300 cycles before the epilogue reads it with 8
// samples (13 instead of 23 ms for 4096 x 4096 weights), more with more.
constexpr Index panels_later = 2;

// The samples [s, s + depth) of a weight gradient, for the weight rows from `top` on.
template <class T> struct SampleBlock {
    const WeightGradient<T>& g;
    Index top, s, depth;
    T* scratch;

    STEEPEST_INLINE void run() const {
        const Columns<T> panels(g.outputs);
        const Index panel = panel_width<T> * depth;
        const bool pack_dy = depth <= sample_depth && g.last - top >= shared_rows;
        const bool pack_x = depth <= sample_depth && panels.pieces.count >= shared_panels;
        const Index panels_at_once =
            pack_dy ? larger(1, gradient_block_bytes / Index(sizeof(T)) / larger(1, panel))
                    : panels.pieces.count;
        T* const x_block = scratch + gradient_block_bytes / Index(sizeof(T));
        T* const tile = x_block + sample_depth * weight_block_rows;
        for (Index first = 0; first < panels.pieces.count; first += panels_at_once) {
            const Index last = smaller(first + panels_at_once, panels.pieces.count);
            for (Index p = first; pack_dy && p < last; ++p)
                pack_rows(at(g.dy, s, panels.begin(p)), depth, panels.width(p), scratch + (p - first) * panel,
                          panel_width<T>);
            for (Index i = top; i < g.last; i += weight_block_rows) {
                const Index rows = smaller(weight_block_rows, g.last - i);
                MatrixView<const T> x = at(g.x, s, i);
                if (pack_x) {
                    pack_rows(x, depth, rows, x_block, weight_block_rows);
                    x = {x_block, weight_block_rows};
                }
                for (Index p = first; p < last; ++p) {
                    const MatrixView<const T> dy =
                        pack_dy ? MatrixView<const T>{scratch + (p - first) * panel, panel_width<T>}
                                : at(g.dy, s, panels.begin(p));
                    tiles(x, dy, i, rows, panels, p, later(panels, p, first, last), tile);
                }
            }
        }
    }

  private:
    // From a tile of panel p of those from `first` to `last`: after the last come the first in the next rows,
    // and it ends where the later panel does. What lies beyond, another thread may be about to update, and
    // would have to fetch it back (8 x 1024-1024-1024-10 on two threads: 1.36 ms a step, so 1.06).
    STEEPEST_INLINE TileDistance later(const Columns<T>& panels, Index p, Index first, Index last) const {
        const Index count = last - first, next = p - first + panels_later, to = first + next % count;
        const Index wider = larger(0, panels.vectors(p) - panels.vectors(to)) * lanes<T>;
        return {next / count * weight_block_rows, panels.begin(to) - wider - panels.begin(p)};
    }

    STEEPEST_INLINE void tiles(MatrixView<const T> x, MatrixView<const T> dy, Index first, Index rows,
                               const Columns<T>& panels, Index p, TileDistance later, T* tile) const {
        const Pieces pieces(rows, max_rows);
        const Index j = panels.begin(p), tail = panels.tail(p);
        const int vectors = panels.vectors(p);
        for (Index r = 0; r < pieces.count; ++r) {
            const Index i = first + pieces.begin(r);
            const WeightEpilogue<T> end{
                .update = g.update,
                .unfinished = s + depth < g.samples,
                .weight = at(g.weight, i, j),
                .gradient = at(g.gradient, i, j),
                .slots = at(g.slots, g.update.slots, i, j),
                .tile = tile,
                .later = i + later.rows + pieces.length(r) <= g.last ? later : TileDistance{0, 0}};
            const Product<T> product{.a = x.data + pieces.begin(r),
                                     .b = dy.data,
                                     .a_stride = x.stride,
                                     .b_stride = dy.stride,
                                     .depth = depth,
                                     .start = s ? end.gradient.data : nullptr,
                                     .start_stride = end.gradient.stride,
                                     .tail = Tail<T>(tail)};
            with_tile(pieces.length(r), vectors, tail < lanes<T>,
                      [&](auto mr, auto nv, auto partial) __attribute__((always_inline)) {
                          weight_tile<T, mr.value, nv.value, partial.value>(product, end);
                      });
        }
    }
};

template <class T> void weight_gradient(const WeightGradient<T>& g, T* scratch) {
    // An update must see the finished sum; a stored gradient can wait in memory between blocks of samples.
    const Index most = g.gradient.data ? sample_depth : g.samples;
    const Index top = g.few_outputs && !g.gradient.data ? update_transposed(g) : g.first;
    Index s = 0;
    do {
        const Index depth = smaller(g.samples - s, most);
        SampleBlock<T>{g, top, s, depth, scratch}.run();
        s += depth;
    } while (s < g.samples);
}

} // namespace
} // namespace steepest
