// Compute: layer normalization, y = activation((x - mean) / sqrt(variance + epsilon) * weight + bias), row by
// row, with the row's own mean and variance.
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

// What is saved of a batch, a row each: of every sample, and of every column.
enum Saved : Index { saved_mean, saved_inverse, saved_dscale, saved_dshift, saved_rows };

template <class T> struct LayerNorm final : StageType<T> {
    void reserve(const Stage& stage, Index samples, Matrix<T>& saved) const override {
        saved.reserve(saved_rows, std::max(samples, stage.outputs));
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        for (Index i = y.rows.begin; i < y.rows.end; ++i)
            normalize(at, context.kernels, at.input(i).data, row_of(at, i), at.output().row(i));
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Range columns{0, at.stage().outputs};
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i);
            context.kernels.layer_norm_gradient(at.input(i).data, at.delta().row(i), row_of(at, i), to,
                                                columns.size());
            at.finish_gradient(context.kernels, i, columns, to);
        }
    }

    // This thread's columns. Neither a penalty nor decay is for scales: they are updated as biases are.
    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        const std::size_t d = at.parameter_index();
        const Range own = column_chunk<T>(at.stage().outputs, context.team);
        const Index j = own.begin, n = own.size();
        if (n == 0) return;
        const Matrix<T>& saved = at.saved();
        T *const dscale = saved.row(saved_dscale), *const dshift = saved.row(saved_dshift);
        context.kernels.layer_norm_sums(at.input(0), read_only(at.delta().rows()), step.samples, own.begin,
                                        own.end, saved.row(saved_mean), saved.row(saved_inverse), dscale,
                                        dshift);
        if (step.gradients) {
            std::copy_n(dscale + j, n, step.gradients[d].weight.data + j);
            std::copy_n(dshift + j, n, step.gradients[d].bias + j);
            return;
        }
        const Parameters<T>& own_parameters = at.parameters();
        const Update<T>& update = step.updates.biases;
        context.kernels.update(update, dscale + j, own_parameters.weight.data + j, step.state.of_row(d, 0, j),
                               n);
        context.kernels.update(update, dshift + j, own_parameters.bias + j, step.state.of_bias(d, j), n);
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        T mean, inverse;
        for (Index i = 0; i < p.rows; ++i)
            normalize(at, kernels, p.x.data + i * p.x.stride, row_with(at, &mean, &inverse),
                      p.y.data + i * p.y.stride);
    }

  private:
    static LayerNormRow<T> row_with(const StageView<T>& at, T* mean, T* inverse) {
        return {.weight = at.parameters().weight.data,
                .bias = at.parameters().bias,
                .epsilon = at.stage().epsilon,
                .mean = mean,
                .inverse_deviation = inverse};
    }
    static LayerNormRow<T> row_of(const StageView<T>& at, Index i) {
        return row_with(at, at.saved().row(saved_mean) + i, at.saved().row(saved_inverse) + i);
    }
    static void normalize(const StageView<T>& at, const Kernels<T>& kernels, const T* x,
                          const LayerNormRow<T>& row, T* y) {
        const Stage& stage = at.stage();
        kernels.layer_norm(x, row, y, stage.outputs);
        if (stage.activation != Activation::identity)
            kernels.activate(stage.activation, T(stage.slope), y, y, stage.outputs);
    }
};

const Registration<LayerNorm> registered{
    {.name = "layer_norm", .weight = Weight::row, .division = Division::rows}};

} // namespace
} // namespace steepest
