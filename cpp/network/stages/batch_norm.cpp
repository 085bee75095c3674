// Compute: batch normalization, y = activation((x - mean) / sqrt(variance + epsilon) * weight + bias), column
// by column, with the batch's mean and variance in training, and the running ones in inference.
#include "network/stages/scale_and_shift.hpp"

#include <cmath>

namespace steepest {
namespace {

// What is saved of a batch: a row each. scale is weight / deviation.
enum Saved : Index {
    saved_mean,
    saved_variance,
    saved_inverse,
    saved_scale,
    saved_dscale,
    saved_dshift,
    saved_whole_dscale, // of the larger batch that this is a part of
    saved_whole_dshift,
    saved_rows
};

template <class T> struct BatchNorm final : StageType<T> {
    void reserve(const Stage& stage, Index, Matrix<T>& saved) const override {
        saved.reserve(saved_rows, stage.outputs);
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const Matrix<T>& saved = at.saved();
        if (!context.whole) measure(at, context, y, false);
        make_scale(at, saved.row(saved_variance), saved, y.columns);
        standardize(at, context.kernels, at.input(0), saved.row(saved_mean), at.output().rows(), y.rows.end,
                    y.columns);
    }

    // The sums over the batch, and if there is anything below, dx.
    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Matrix<T>& saved = at.saved();
        const MatrixView<const T> x = at.input(0);
        const Index j = dx.columns.begin, samples = dx.rows.end;
        const bool part = context.whole && !at.is_first_parametric();
        if (!part) measure(at, context, dx, true);
        if (at.is_first_parametric()) return;
        const StandardizeGradient<T> gradient{
            .mean = saved.row(saved_mean) + j,
            .inverse_deviation = saved.row(saved_inverse) + j,
            .scale = at.parameters().weight.data + j,
            .scale_gradient = saved.row(part ? saved_whole_dscale : saved_dscale) + j,
            .shift_gradient = saved.row(part ? saved_whole_dshift : saved_dshift) + j,
            .samples = part ? context.whole->samples : samples};
        for (Index i = 0; i < samples; ++i) {
            T* const to = at.delta_below().row(i) + j;
            context.kernels.standardize_gradient(x.data + i * x.stride + j, at.delta().row(i) + j, gradient,
                                                 to, dx.columns.size());
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    void measure(const StageView<T>& at, const Context<T>& context, Block own, bool back) const override {
        const Matrix<T>& saved = at.saved();
        const Index begin = own.columns.begin, end = own.columns.end, samples = own.rows.end;
        if (back)
            context.kernels.moment_gradients(at.input(0), read_only(at.delta().rows()), samples, begin, end,
                                             saved.row(saved_mean), saved.row(saved_inverse),
                                             saved.row(saved_dscale), saved.row(saved_dshift));
        else
            context.kernels.moments(at.input(0), samples, begin, end, saved.row(saved_mean),
                                    saved.row(saved_variance));
    }

    // The gradients of scale and shift stay those of the part.
    void exchange(const StageView<T>& at, const Whole<T>& whole, bool back) const override {
        const Matrix<T>& saved = at.saved();
        const Index columns = at.stage().outputs;
        if (!back) {
            whole.exchange(saved.row(saved_mean), saved.row(saved_variance), columns, false);
            return;
        }
        std::copy_n(saved.row(saved_dscale), columns, saved.row(saved_whole_dscale));
        std::copy_n(saved.row(saved_dshift), columns, saved.row(saved_whole_dshift));
        whole.exchange(saved.row(saved_whole_dscale), saved.row(saved_whole_dshift), columns, true);
    }

    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        const Range own = column_chunk<T>(at.stage().outputs, context.share);
        if (own.size() > 0)
            update_scale_and_shift(at, context, step, own, at.saved().row(saved_dscale),
                                   at.saved().row(saved_dshift));
    }

    void update_statistics(const StageView<T>& at, const Context<T>& context,
                           const MatrixView<const T>* given) const override {
        const MatrixView<const T> batch = given ? *given : read_only(at.saved().rows(saved_mean));
        const MatrixView<T> running = at.running();
        const Range own = column_chunk<T>(at.stage().outputs, context.share);
        const T kept = T(at.stage().momentum), taken = T(1 - at.stage().momentum);
        for (Index j = own.begin; j < own.end; ++j)
            for (Index row = 0; row < 2; ++row) { // mean, variance
                T& value = running.data[row * running.stride + j];
                value = kept * value + taken * from(batch, row).data[j];
            }
    }

    void prepare_prediction(const StageView<T>& at, Matrix<T>& saved) const override {
        const MatrixView<T> running = at.running();
        saved.reserve(saved_rows, at.stage().outputs);
        make_scale(at, running.data + running.stride, saved, {0, at.stage().outputs});
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        standardize(at, kernels, p.x, at.running().data, p.y, p.rows, p.columns);
    }

  private:
    // inverse = 1 / sqrt(variance + epsilon) and scale = weight * inverse, for some columns.
    static void make_scale(const StageView<T>& at, const T* variance, const Matrix<T>& saved, Range columns) {
        const T* weight = at.parameters().weight.data;
        const T epsilon = T(at.stage().epsilon);
        for (Index j = columns.begin; j < columns.end; ++j) {
            const T inverse = 1 / std::sqrt(variance[j] + epsilon);
            saved.row(saved_inverse)[j] = inverse;
            saved.row(saved_scale)[j] = weight[j] * inverse;
        }
    }

    static void standardize(const StageView<T>& at, const Kernels<T>& kernels, MatrixView<const T> x,
                            const T* mean, MatrixView<T> y, Index rows, Range columns) {
        const Index j = columns.begin, n = columns.size();
        for (Index i = 0; i < rows; ++i) {
            T* const to = y.data + i * y.stride + j;
            kernels.standardize(x.data + i * x.stride + j, mean + j, at.saved().row(saved_scale) + j,
                                at.parameters().bias + j, to, n);
            at.activate(kernels, to, n);
        }
    }
};

const Registration<BatchNorm> registered{{.name = "batch_norm",
                                          .weight = Weight::row,
                                          .running_rows = 2,
                                          .division = Division::columns,
                                          .always_backward = true}};

} // namespace
} // namespace steepest
