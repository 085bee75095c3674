// Compute: fractional max-pooling (Graham, 2014) of rows that are images in (height, width, channels) order:
// the largest pixel of each region.
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

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
    // Of a step, or for null in inference, where u = 1/2.
    Regions(const Stage& pool, const StepKey* key) {
        const std::uint32_t both = key ? key->words(pool_stream, pool)[0] : 0x80008000;
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

template <class T> struct Pooling final : StageType<T> {
    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        apply(at.stage(), &context.key, at.input(y.rows.begin), at.output().rows(y.rows.begin),
              y.rows.size());
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Regions regions(at.stage(), &context.key);
        const MatrixView<const T> x = at.input(dx.rows.begin);
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i);
            const T* const dy = at.delta().row(i);
            std::fill_n(to, at.stage().inputs, T(0));
            for_largest(at.stage(), regions, x.data + (i - dx.rows.begin) * x.stride,
                        [=](Index out, Index in) { to[in] += dy[out]; });
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    void predict(const StageView<T>& at, const Kernels<T>&, const Prediction<T>& p) const override {
        apply(at.stage(), nullptr, p.x, p.y, p.rows);
    }

  private:
    static void apply(const Stage& stage, const StepKey* key, MatrixView<const T> x, MatrixView<T> y,
                      Index rows) {
        const Regions regions(stage, key);
        for (Index i = 0; i < rows; ++i) {
            const T* const image = x.data + i * x.stride;
            T* const to = y.data + i * y.stride;
            for_largest(stage, regions, image, [=](Index out, Index in) { to[out] = image[in]; });
        }
    }
};

bool fits(const Stage& s) {
    return s.inputs == s.height * s.width * s.channels &&
           s.outputs == s.pooled_height * s.pooled_width * s.channels && s.pooled_height >= 1 &&
           s.pooled_width >= 1 && s.pooled_height <= s.height && s.pooled_width <= s.width &&
           s.channels >= 1 && s.height < 65536 && s.width < 65536;
}

const Registration<Pooling> registered{{.name = "pool", .division = Division::rows, .fits = fits}};

} // namespace
} // namespace steepest
