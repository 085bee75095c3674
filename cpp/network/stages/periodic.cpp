// Compute: periodic embeddings, y = activation([x, z @ A + a]) with z = cos(2 pi (x * w + b)), where each
// feature that has cosines has its own w, b, A and a: the rows of the weight, as the kernels' Periodic has
// them. Kernels take these features side by side: where not all have cosines, copies are saved below the
// gradient of the weight.
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

// Outputs of a feature beside itself, and the frequencies that so many weight rows are.
Index mixed(const Stage& s) { return (s.outputs - s.inputs) / s.weight_columns(); }
Index frequencies(const Stage& s) { return (s.rows - mixed(s)) / (2 + mixed(s)); }

bool fits(const Stage& s) {
    const Index k = frequencies(s);
    return (s.outputs - s.inputs) % s.weight_columns() == 0 && mixed(s) > 0 && k > 0 &&
           s.rows == (2 + mixed(s)) * k + mixed(s);
}

template <class T> struct PeriodicStage final : StageType<T> {
    void reserve(const Stage& stage, Index samples, Matrix<T>& saved) const override {
        saved.reserve(stage.rows + (stage.column_count > 0 ? samples : 0), stage.weight_columns());
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const bool copied = at.stage().column_count > 0;
        for (Index i = y.rows.begin; i < y.rows.end; ++i) {
            T* const copy = copied ? at.saved().row(at.stage().rows + i) : nullptr;
            embed(at, context.kernels, at.input(i).data, copy, at.output().row(i));
        }
    }

    void backward(const StageView<T>& at, const Context<T>& context, Block dx) const override {
        const Periodic<T> own = parameters(at);
        const MatrixView<const T> x = embedded(at);
        for (Index i = dx.rows.begin; i < dx.rows.end; ++i) {
            const T* const dy = at.delta().row(i);
            T* const to = at.delta_below().row(i);
            context.kernels.periodic_gradient(own, x.data + i * x.stride, dy + at.stage().inputs, to);
            spread(at.stage(), dy, to);
            at.finish_gradient(context.kernels, i, dx.columns, to);
        }
    }

    // Each share has some frequencies, whose rows no other reads; the last one the shifts.
    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        const Periodic<T> own = parameters(at);
        const MatrixView<T> gradient =
            step.gradients ? step.gradients[at.parameter_index()].weight : at.saved().rows();
        const MatrixView<const T> x = embedded(at),
                                  dy = from(read_only(at.delta().rows()), 0, at.stage().inputs);
        const Range part = row_chunk(own.frequencies, 1, context.share);
        const Index shifts = (2 + own.outputs) * own.frequencies;
        for (Index k = part.begin; k < part.end; ++k) {
            if (step.gradients && context.stopped()) return; // an update must not be left half-way
            context.kernels.periodic_sums(own, x, dy, step.samples, k, gradient);
            for (Index row = k; row < shifts; row += own.frequencies)
                update_row(at, context, step, gradient, row);
        }
        if (context.share.rank != context.share.size - 1) return;
        for (Index o = 0; o < own.outputs; ++o) {
            T* const sums = from(gradient, shifts + o).data;
            context.kernels.column_sums(from(dy, 0, o * own.features), step.samples, 0, own.features, sums);
            update_row(at, context, step, gradient, shifts + o);
        }
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        for (Index i = 0; i < p.rows; ++i) {
            T* const y = p.y.data + i * p.y.stride;
            // Where the last outputs will be: each is computed from what it takes the place of.
            T* const copy = y + at.stage().outputs - at.stage().weight_columns();
            embed(at, kernels, p.x.data + i * p.x.stride, copy, y);
        }
    }

  private:
    static Periodic<T> parameters(const StageView<T>& at) {
        const Stage& stage = at.stage();
        return {.weight = read_only(at.parameters().weight),
                .features = stage.weight_columns(),
                .frequencies = frequencies(stage),
                .outputs = mixed(stage)};
    }

    // The features that have cosines, of all samples of the batch.
    static MatrixView<const T> embedded(const StageView<T>& at) {
        const Stage& s = at.stage();
        return s.column_count > 0 ? read_only(at.saved().rows(s.rows)) : at.input(0);
    }

    // A row of outputs. The features that have cosines are copied first, if not all have.
    static void embed(const StageView<T>& at, const Kernels<T>& kernels, const T* x, T* copy, T* y) {
        const Stage& s = at.stage();
        for (Index c = 0; c < s.column_count; ++c) copy[c] = x[s.columns[c]];
        std::copy_n(x, s.inputs, y);
        kernels.periodic(parameters(at), s.column_count > 0 ? copy : x, y + s.inputs);
        at.activate(kernels, y, s.outputs);
    }

    // dx = dy of the features themselves, and of those that have cosines what comes through these: dx begins
    // with that, side by side. From the last feature on, none is overwritten before it is read.
    static void spread(const Stage& s, const T* dy, T* dx) {
        Index c = s.weight_columns();
        for (Index j = s.inputs; j-- > 0;) {
            const bool has_cosines = c > 0 && (s.column_count == 0 || s.columns[c - 1] == j);
            dx[j] = has_cosines ? dy[j] + dx[--c] : dy[j];
        }
    }

    // Neither a penalty nor decay is for it: as a bias.
    static void update_row(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step,
                           MatrixView<T> gradient, Index row) {
        if (step.gradients) return;
        const std::size_t d = at.parameter_index();
        context.kernels.update(step.updates.biases[d], from(gradient, row).data,
                               from(at.parameters().weight, row).data, step.state.of_row(d, row),
                               at.stage().weight_columns());
    }
};

const Registration<PeriodicStage> registered{{.name = "periodic",
                                              .weight = Weight::rows,
                                              .has_bias = false,
                                              .division = Division::rows,
                                              .fits = fits}};

} // namespace
} // namespace steepest
