// Compute: layer normalization, y = activation((x - mean) / sqrt(variance + epsilon) * weight + bias), row by
// row, with the row's own mean and variance.
#include "network/stages/scale_and_shift.hpp"

namespace steepest {
namespace {

// What is saved of a batch: two rows of every column's sums, and then the normalized rows, each with its
// 1 / deviation behind it.
enum Saved : Index { saved_dscale, saved_dshift, saved_normal };

template <class T> struct LayerNorm final : StageType<T> {
    void reserve(const Stage& stage, Index samples, Matrix<T>& saved) const override {
        saved.reserve(saved_normal + samples, stage.outputs + 1);
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        for (Index i = y.rows.begin; i < y.rows.end; ++i)
            normalize(at, context.kernels, at.input(i).data, row_of(at, i), at.output().row(i));
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Range columns{0, at.stage().outputs};
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i);
            context.kernels.layer_norm_gradient(at.delta().row(i), row_of(at, i), to, columns.size());
            at.finish_gradient(context.kernels, i, columns, to);
        }
    }

    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        const Range own = column_chunk<T>(at.stage().outputs, context.share);
        if (own.size() == 0) return;
        const Matrix<T>& saved = at.saved();
        T *const dscale = saved.row(saved_dscale), *const dshift = saved.row(saved_dshift);
        context.kernels.layer_norm_sums(read_only(saved.rows(saved_normal)), read_only(at.delta().rows()),
                                        step.samples, own.begin, own.end, dscale, dshift);
        update_scale_and_shift(at, context, step, own, dscale, dshift);
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        T inverse;
        for (Index i = 0; i < p.rows; ++i) {
            T* const y = p.y.data + i * p.y.stride;
            normalize(at, kernels, p.x.data + i * p.x.stride, row_with(at, y, &inverse), y);
        }
    }

  private:
    static LayerNormRow<T> row_with(const StageView<T>& at, T* normal, T* inverse) {
        return {.weight = at.parameters().weight.data,
                .bias = at.parameters().bias,
                .epsilon = at.stage().epsilon,
                .normal = normal,
                .inverse_deviation = inverse};
    }
    static LayerNormRow<T> row_of(const StageView<T>& at, Index i) {
        T* const normal = at.saved().row(saved_normal + i);
        return row_with(at, normal, normal + at.stage().outputs);
    }
    static void normalize(const StageView<T>& at, const Kernels<T>& kernels, const T* x,
                          const LayerNormRow<T>& row, T* y) {
        kernels.layer_norm(x, row, y, at.stage().outputs);
        at.activate(kernels, y, at.stage().outputs);
    }
};

const Registration<LayerNorm> registered{
    {.name = "layer_norm", .weight = Weight::row, .division = Division::rows}};

} // namespace
} // namespace steepest
