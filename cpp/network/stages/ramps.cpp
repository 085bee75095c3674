// Compute: products of piecewise linear encodings, y = activation(r @ weight + bias), as a first stage.
//
// Of some columns, r has ramps: from -1 below an interval to 1 above it, one interval after the other. Their
// sum has few terms if the weight rows of a column are added up, V[k] = W[0] + ... + W[k]: with a fraction f
// of interval k behind it, a column gives (1 - f) 2 V[k - 1] + f 2 V[k] - V[last]. So a sample comes as a
// sparse row of these factors, three for 16 ramps, and the gradient of W[k] is the sum of those of V[k], ...,
// V[last].
#include "network/sparse/ramps.hpp"
#include "network/sparse/weight_rows.hpp"
#include "network/stages/bias.hpp"
#include "network/stages/stage_type.hpp"

namespace steepest {
namespace {

template <class T> struct Ramps final : StageType<T> {
    bool arranges(const Stage&) const override { return true; }

    void reserve_arranged(const Stage& s, Matrix<T>& sums) const override {
        sums.reserve(s.inputs, s.outputs);
    }

    void arrange(const StageView<T>& at, const Kernels<T>& kernels, const Share& share) const override {
        const Index n = at.stage().outputs;
        for_each_run(at.stage(), own_runs(at.stage(), share), [&](Range run) {
            const MatrixView<T> weight = at.parameters().weight, sums = at.arranged();
            std::copy_n(from(weight, run.begin).data, n, from(sums, run.begin).data);
            for (Index i = run.begin + 1; i < run.end; ++i)
                kernels.add_scaled(from(sums, i - 1).data, from(weight, i).data, T(1), from(sums, i).data, n);
        });
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        product(at, context.kernels, y, from(at.output().rows(y.rows.begin), 0, y.columns.begin));
    }

    // Nothing lies below: it is the first.
    void backward(const StageView<T>&, const Context<T>&, Block) const override {}

    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        SparseBatch<T>& batch = *at.network().sparse();
        const Range own = own_runs(at.stage(), context.share);
        batch.transpose(context.share.rank, own.begin, own.end, step.samples);
        for_each_run(at.stage(), own, [&](Range run) {
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

    // The rows of a run, whose gradients are made from the last to the first; `first` is the first row of
    // the share.
    static void update_run(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step,
                           Range run, Index first) {
        const Kernels<T>& kernels = context.kernels;
        const SparseBatch<T>& batch = *at.network().sparse();
        const std::size_t d = at.parameter_index();
        const Index n = at.stage().outputs;
        const Update<T>& update = step.updates.weights[d];
        const MatrixView<T> weight = at.parameters().weight;
        T* const gradients = batch.gradient(context.share.rank);
        for (Index i = run.end - 1; i >= run.begin; --i) {
            const Entries<T> entries = batch.column(context.share.rank, i - first);
            T* const gradient = gradients + (i - run.begin) * n;
            kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                       read_only(at.delta().rows()), gradient, n);
            if (i + 1 < run.end) kernels.add_scaled(gradient, gradient + n, T(1), gradient, n);
        }
        for (Index i = run.begin; step.gradients && i < run.end; ++i) {
            T* const stored = from(step.gradients[d].weight, i).data;
            std::copy_n(gradients + (i - run.begin) * n, n, stored);
            add_penalty_slope(kernels, update, from(weight, i).data, stored, n);
        }
        if (step.gradients) return;
        const Index some = rows_adjoin(at, step) ? run.size() : 1;
        for (Index i = run.begin; i < run.end; i += some)
            kernels.update(update, gradients + (i - run.begin) * n, from(weight, i).data,
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
