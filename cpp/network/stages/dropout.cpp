// Compute: dropout, y = x * factor: 0 with the probability `rate`, else 1 / (1 - rate); x in inference.
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

template <class T> struct Dropout final : StageType<T> {
    // The factors are saved for the way back: drawing them again costs more.
    void reserve(const Stage& stage, Index samples, Matrix<T>& saved) const override {
        saved.reserve(samples, stage.outputs);
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const Index j = y.columns.begin, n = y.columns.size();
        const MatrixView<const T> x = from(at.input(y.rows.begin), 0, j);
        for (Index i = y.rows.begin; i < y.rows.end; ++i) {
            T* const factors = at.saved().row(i) + j;
            draw_factors(at.stage(), context, i, y.columns, factors);
            context.kernels.multiply(x.data + (i - y.rows.begin) * x.stride, factors, at.output().row(i) + j,
                                     n);
        }
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Index j = dx.columns.begin;
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i) + j;
            context.kernels.multiply(at.delta().row(i) + j, at.saved().row(i) + j, to, dx.columns.size());
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    void predict(const StageView<T>&, const Kernels<T>&, const Prediction<T>& p) const override {
        const Index j = p.columns.begin;
        for (Index i = 0; i < p.rows; ++i)
            std::copy_n(p.x.data + i * p.x.stride + j, p.columns.size(), p.y.data + i * p.y.stride + j);
    }

  private:
    static void draw_factors(const Stage& stage, const Context<T>& context, Index row, Range columns,
                             T* factors) {
        const double scale = 1 / (1 - stage.rate);
        if (!stage.mask)
            return context.kernels.dropout_factors(
                {.seed = context.key.seed,
                 .step = std::uint32_t(context.key.step),
                 .stream = dropout_stream + stage.number,
                 .threshold = std::uint32_t(threshold_of(stage.rate)), // rate < 1
                 .scale = scale},
                row, columns.begin, columns.end, factors);
        const bool* kept = stage.mask + (stage.mask_rows > 1 ? row * stage.outputs : 0) + columns.begin;
        for (Index j = 0; j < columns.size(); ++j) factors[j] = kept[j] ? T(scale) : T(0);
    }
};

const Registration<Dropout> registered{
    {.name = "dropout", .fits = [](const Stage& s) { return keeps_width(s) && s.rate < 1; }}};

} // namespace
} // namespace steepest
