// Compute: fractional max-pooling (Graham, 2014) of rows that are images in (height, width, channels) order.
#pragma once

#include "base/buffer.hpp"
#include "network/stage.hpp"

#include <algorithm>

namespace steepest {

// Where n pixels are cut into `parts` regions, pseudo-randomly: region i is [at(i), at(i + 1)), with
// at(i) = ceil(a (i + u)) - ceil(a u), a = n / parts, u = offset / 2^16 in [0, 1). In whole numbers, so that
// all agree: n and parts are below 2^16.
struct Cuts {
    std::int64_t n, parts, offset;
    Index at(Index i) const { return rounded(i) - rounded(0); }

  private:
    Index rounded(Index i) const {
        const std::int64_t unit = parts << 16;
        return Index((n * ((std::int64_t(i) << 16) + offset) + unit - 1) / unit);
    }
};

struct Regions {
    Cuts rows, columns;
    Regions(const Stage& pool, const StepKey* draws) {
        std::uint32_t both = 0x80008000; // u = 1/2 in inference
        if (draws) both = draws->words(pool_stream, pool)[0];
        rows = {pool.height, pool.pooled_height, both >> 16};
        columns = {pool.width, pool.pooled_width, both & 0xffff};
    }
};

// visit(output, largest): for each output of an image the place of its largest pixel, the first of equals; a
// NaN is larger than any.
template <class T, class Visit>
void for_largest(const Stage& pool, const Regions& regions, const T* x, Visit visit) {
    const Index channels = pool.channels, line = pool.width * channels;
    Index y = 0;
    for (Index i = 0; i < pool.pooled_height; ++i) {
        const Index top = regions.rows.at(i) * line, bottom = regions.rows.at(i + 1) * line;
        for (Index j = 0; j < pool.pooled_width; ++j) {
            const Index left = regions.columns.at(j) * channels, right = regions.columns.at(j + 1) * channels;
            for (Index c = 0; c < channels; ++c) {
                Index best = top + left + c;
                for (Index r = top; r < bottom; r += line)
                    for (Index place = r + left + c; place < r + right; place += channels)
                        if (!(x[place] <= x[best]) && x[best] == x[best]) best = place;
                visit(y++, best);
            }
        }
    }
}

template <class T>
void pool(const Stage& stage, const StepKey* draws, MatrixView<const T> x, MatrixView<T> y, Index rows) {
    const Regions regions(stage, draws);
    for (Index i = 0; i < rows; ++i) {
        const T* image = x.data + i * x.stride;
        T* out = y.data + i * y.stride;
        for_largest(stage, regions, image, [=](Index to, Index from) { out[to] = image[from]; });
    }
}

template <class T>
void pool_gradient(const Stage& stage, const StepKey* draws, MatrixView<const T> x, MatrixView<const T> dy,
                   MatrixView<T> dx, Index rows) {
    const Regions regions(stage, draws);
    for (Index i = 0; i < rows; ++i) {
        T* to = dx.data + i * dx.stride;
        const T* from = dy.data + i * dy.stride;
        std::fill_n(to, stage.inputs, T(0));
        for_largest(stage, regions, x.data + i * x.stride, [=](Index out, Index in) { to[in] += from[out]; });
    }
}

} // namespace steepest
