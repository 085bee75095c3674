// Compute: scales, y = activation(x * weight), one number of the weight for each column.
#include "network/stages/scale_and_shift.hpp"

namespace steepest {
namespace {

// What is saved of a batch: the columns' sums of dy * x, and those of dy, which the kernel makes too.
enum Saved : Index { saved_dscale, saved_unused, saved_rows };

template <class T> struct Scale final : StageType<T> {
    void reserve(const Stage& stage, Index, Matrix<T>& saved) const override {
        saved.reserve(saved_rows, stage.outputs);
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        multiply(at, context.kernels, at.input(y.rows.begin), at.output().rows(y.rows.begin), y.rows.size(),
                 y.columns);
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Index j = dx.columns.begin;
        const T* const weight = at.parameters().weight.data + j;
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i) + j;
            context.kernels.multiply(at.delta().row(i) + j, weight, to, dx.columns.size());
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        const Range own = column_chunk<T>(at.stage().outputs, context.share);
        if (own.size() == 0) return;
        T* const dscale = at.saved().row(saved_dscale);
        context.kernels.layer_norm_sums(at.input(0), read_only(at.delta().rows()), step.samples, own.begin,
                                        own.end, dscale, at.saved().row(saved_unused));
        update_scale_and_shift<T>(at, context, step, own, dscale, nullptr);
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        multiply(at, kernels, p.x, p.y, p.rows, p.columns);
    }

  private:
    static void multiply(const StageView<T>& at, const Kernels<T>& kernels, MatrixView<const T> x,
                         MatrixView<T> y, Index rows, Range columns) {
        const Index j = columns.begin, n = columns.size();
        for (Index i = 0; i < rows; ++i) {
            T* const to = y.data + i * y.stride + j;
            kernels.multiply(x.data + i * x.stride + j, at.parameters().weight.data + j, to, n);
            at.activate(kernels, to, n);
        }
    }
};

const Registration<Scale> registered{{.name = "scale", .weight = Weight::row, .has_bias = false}};

} // namespace
} // namespace steepest
