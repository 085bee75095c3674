// Compute: the two ends of a residual block. residual_split: y = x. residual_add: y = split + x, without x
// with the probability `rate` in training, and split + (1 - rate) * x in inference (stochastic depth; Huang
// et al., 2016).
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

template <class T> struct ResidualSplit final : StageType<T> {
    void forward(const StageView<T>& at, const Context<T>&, Block y) const override {
        const MatrixView<const T> x = at.input(y.rows.begin);
        copy(x, at.output().rows(y.rows.begin), y.rows.size(), y.columns);
    }

    // Of both ways, the block and around it.
    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Index j = dx.columns.begin;
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i) + j;
            context.kernels.add_scaled(at.delta().row(i) + j, at.partner_delta().row(i) + j, T(1), to,
                                       dx.columns.size());
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    void predict(const StageView<T>&, const Kernels<T>&, const Prediction<T>& p) const override {
        copy(p.x, p.y, p.rows, p.columns);
    }

  private:
    static void copy(MatrixView<const T> x, MatrixView<T> y, Index rows, Range columns) {
        const Index j = columns.begin;
        for (Index i = 0; i < rows; ++i)
            std::copy_n(x.data + i * x.stride + j, columns.size(), y.data + i * y.stride + j);
    }
};

// Whether the block that ends at this stage takes part in a step.
bool takes_part(const Stage& stage, const StepKey& key) {
    return key.words(residual_stream, stage)[0] >= threshold_of(stage.rate);
}

template <class T> struct ResidualAdd final : StageType<T> {
    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const bool taken = takes_part(at.stage(), context.key);
        const Index j = y.columns.begin, n = y.columns.size();
        const MatrixView<const T> x = from(at.input(y.rows.begin), 0, j);
        for (Index i = y.rows.begin; i < y.rows.end; ++i) {
            const T* const around = at.partner_output().row(i) + j;
            T* const to = at.output().row(i) + j;
            if (taken)
                context.kernels.add_scaled(around, x.data + (i - y.rows.begin) * x.stride, T(1), to, n);
            else
                std::copy_n(around, n, to);
        }
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const bool taken = takes_part(at.stage(), context.key);
        const Index j = dx.columns.begin, n = dx.columns.size();
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i) + j;
            if (taken)
                std::copy_n(at.delta().row(i) + j, n, to);
            else
                std::fill_n(to, n, T(0));
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        const Index j = p.columns.begin;
        for (Index i = 0; i < p.rows; ++i)
            kernels.add_scaled(p.branch.data + i * p.branch.stride + j, p.x.data + i * p.x.stride + j,
                               T(1 - at.stage().rate), p.y.data + i * p.y.stride + j, p.columns.size());
    }
};

const Registration<ResidualSplit> split{{.name = "residual_split", .residual = Residual::split}};
const Registration<ResidualAdd> add{{.name = "residual_add", .residual = Residual::add}};

} // namespace
} // namespace steepest
