// Compute: periodic embeddings, y = activation([x, z @ A + a]) with z = cos(2 pi (x * w + b)), where each
// feature has its own w, b, A and a: the rows of the weight, as the kernels' Periodic has them.
#include "network/stages/stage_type.hpp"

namespace steepest {
namespace {

// Outputs of a feature beside itself, and the frequencies that so many weight rows are.
Index mixed(const Stage& s) { return s.outputs / s.inputs - 1; }
Index frequencies(const Stage& s) { return (s.rows - mixed(s)) / (2 + mixed(s)); }

bool fits(const Stage& s) {
    const Index k = frequencies(s);
    return s.outputs % s.inputs == 0 && mixed(s) > 0 && k > 0 && s.rows == (2 + mixed(s)) * k + mixed(s);
}

template <class T> struct PeriodicStage final : StageType<T> {
    void reserve(const Stage& stage, Index, Matrix<T>& saved) const override {
        saved.reserve(stage.rows, stage.inputs); // the gradient of the weight
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        embed(at, context.kernels, at.input(y.rows.begin), at.output().rows(y.rows.begin), y.rows.size());
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Periodic<T> own = parameters(at);
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            T* const to = at.delta_below().row(i);
            context.kernels.periodic_gradient(own, at.input().row(i), at.delta().row(i), to);
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    // Each share has some frequencies, whose rows no other reads; the last one the shifts.
    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        const Periodic<T> own = parameters(at);
        const MatrixView<T> gradient =
            step.gradients ? step.gradients[at.parameter_index()].weight : at.saved().rows();
        const MatrixView<const T> dy = read_only(at.delta().rows());
        const Range part = row_chunk(own.frequencies, 1, context.share);
        const Index shifts = (2 + own.outputs) * own.frequencies;
        for (Index k = part.begin; k < part.end; ++k) {
            if (step.gradients && context.stopped()) return; // an update must not be left half-way
            context.kernels.periodic_sums(own, at.input(0), dy, step.samples, k, gradient);
            for (Index row = k; row < shifts; row += own.frequencies)
                update_row(at, context, step, gradient, row);
        }
        if (context.share.rank != context.share.size - 1) return;
        for (Index o = 0; o < own.outputs; ++o) {
            T* const sums = from(gradient, shifts + o).data;
            context.kernels.column_sums(from(dy, 0, (1 + o) * own.features), step.samples, 0, own.features,
                                        sums);
            update_row(at, context, step, gradient, shifts + o);
        }
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        embed(at, kernels, p.x, p.y, p.rows);
    }

  private:
    static Periodic<T> parameters(const StageView<T>& at) {
        const Stage& stage = at.stage();
        return {.weight = read_only(at.parameters().weight),
                .features = stage.inputs,
                .frequencies = frequencies(stage),
                .outputs = mixed(stage)};
    }

    static void embed(const StageView<T>& at, const Kernels<T>& kernels, MatrixView<const T> x,
                      MatrixView<T> y, Index rows) {
        const Periodic<T> own = parameters(at);
        for (Index i = 0; i < rows; ++i) {
            T* const to = y.data + i * y.stride;
            kernels.periodic(own, x.data + i * x.stride, to);
            at.activate(kernels, to, at.stage().outputs);
        }
    }

    // Neither a penalty nor decay is for it: as a bias.
    static void update_row(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step,
                           MatrixView<T> gradient, Index row) {
        if (step.gradients) return;
        const std::size_t d = at.parameter_index();
        context.kernels.update(step.updates.biases[d], from(gradient, row).data,
                               from(at.parameters().weight, row).data, step.state.of_row(d, row),
                               at.stage().inputs);
    }
};

const Registration<PeriodicStage> registered{{.name = "periodic",
                                              .weight = Weight::rows,
                                              .has_bias = false,
                                              .division = Division::rows,
                                              .fits = fits}};

} // namespace
} // namespace steepest
