// Compute: products of piecewise linear encodings, y = activation(r @ weight + bias), as a first stage.
//
// Of some columns, r has ramps: from -1 below an interval to 1 above it, one interval after the other. What a
// column adds to y is a curve, linear between its knots, at which it is U[k] = the weight rows of all ramps
// below knot k less those of the others. So a sample comes as a sparse row of two factors for each column,
// 1 - f and f where a fraction f of an interval lies behind it, however many ramps there are; and the
// gradient of W[k] is that of all U behind the ramp less that of all before it.
#include "network/sparse/ramps.hpp"
#include "network/sparse/weight_rows.hpp"
#include "network/stages/bias.hpp"
#include "network/stages/stage_type.hpp"

namespace steepest {
namespace {

template <class T> struct Ramps final : StageType<T> {
    bool arranges(const Stage&) const override { return true; }

    void reserve_arranged(const Stage& s, Matrix<T>& values) const override {
        values.reserve(s.read_columns(), s.outputs);
    }

    void arrange(const StageView<T>& at, const Kernels<T>& kernels, const Share& share) const override {
        const MatrixView<T> weight = at.parameters().weight, values = at.arranged();
        const Index n = at.stage().outputs;
        for_each_run(at.stage(), share, [&](const RampRun& run) {
            T* value = from(values, run.values.begin).data;
            if (run.rows.size() == run.values.size()) // no ramp
                return static_cast<void>(std::copy_n(from(weight, run.rows.begin).data, n, value));
            std::fill_n(value, n, T(0));
            for (Index i = run.rows.begin; i < run.rows.end; ++i)
                kernels.add_scaled(value, from(weight, i).data, T(-1), value, n);
            for (Index i = run.rows.begin; i < run.rows.end; ++i) {
                T* const next = value + values.stride;
                kernels.add_scaled(value, from(weight, i).data, T(2), next, n);
                value = next;
            }
        });
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        product(at, context.kernels, y, from(at.output().rows(y.rows.begin), 0, y.columns.begin));
    }

    // Nothing lies below: it is the first.
    void backward(const StageView<T>&, const Context<T>&, Block) const override {}

    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        SparseBatch<T>& batch = *at.network().sparse();
        const Range own = own_values(at.stage(), context.share);
        batch.transpose(context.share.rank, own.begin, own.end, step.samples);
        for_each_run(at.stage(), context.share, [&](const RampRun& run) {
            if (step.gradients && context.stopped()) return; // only gradients are left half-way
            update_run(at, context, step, run, own.begin);
        });
        update_bias(at, context, step);
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        product(at, kernels, {{p.first, p.first + p.rows}, p.columns}, from(p.y, 0, p.columns.begin));
    }

  private:
    // y begins where the block does.
    static void product(const StageView<T>& at, const Kernels<T>& kernels, Block block, MatrixView<T> y) {
        const Index j = block.columns.begin, n = block.columns.size();
        const T* const bias = from(static_cast<const T*>(at.parameters().bias), j);
        for (Index i = 0; i < block.rows.size(); ++i) {
            const Entries<T> entries = at.network().sparse()->row(block.rows.begin + i);
            T* const to = from(y, i).data;
            kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                       read_only(from(at.arranged(), 0, j)), to, n);
            if (bias) kernels.add_scaled(bias, to, T(1), to, n);
            at.activate(kernels, to, n);
        }
    }

    // `first` is the first row of the share's values.
    static void update_run(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step,
                           const RampRun& run, Index first) {
        const Kernels<T>& kernels = context.kernels;
        const SparseBatch<T>& batch = *at.network().sparse();
        const Range rows = run.rows;
        const std::size_t d = at.parameter_index();
        const Index n = at.stage().outputs;
        const Update<T>& update = step.updates.weights[d];
        const MatrixView<T> weight = at.parameters().weight;
        T* const gradients = batch.gradient(context.share.rank);
        // Of the values, each added to those before it; then of the weight rows, in their place.
        for (Index k = 0; k < run.values.size(); ++k) {
            const Entries<T> entries = batch.column(context.share.rank, run.values.begin + k - first);
            T* const gradient = gradients + k * n;
            kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                       read_only(at.delta().rows()), gradient, n);
            if (k > 0) kernels.add_scaled(gradient, gradient - n, T(1), gradient, n);
        }
        const T* const sum = gradients + rows.size() * n;
        for (Index k = 0; run.values.size() > rows.size() && k < rows.size(); ++k)
            kernels.add_scaled(sum, gradients + k * n, T(-2), gradients + k * n, n);
        for (Index i = rows.begin; step.gradients && i < rows.end; ++i) {
            T* const stored = from(step.gradients[d].weight, i).data;
            std::copy_n(gradients + (i - rows.begin) * n, n, stored);
            add_penalty_slope(kernels, update, from(weight, i).data, stored, n);
        }
        if (step.gradients) return;
        const Index some = rows_adjoin(at, step) ? rows.size() : 1;
        for (Index i = rows.begin; i < rows.end; i += some)
            kernels.update(update, gradients + (i - rows.begin) * n, from(weight, i).data,
                           step.state.of_row(d, i), some * n);
    }
};

// Every column that has ramps has at least one, all among the inputs.
bool fits(const Stage& s) {
    return s.ramp_columns > 0 && *std::min_element(s.ramps, s.ramps + s.ramp_columns) > 0 &&
           most_ramps(s) <= s.inputs && rows_before_ramps(s) >= 0;
}

const Registration<Ramps> registered{{.name = "ramps", .weight = Weight::matrix, .fits = fits}};

} // namespace
} // namespace steepest
