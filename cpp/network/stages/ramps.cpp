// Compute: products of piecewise linear encodings, y = activation(r @ weight + bias), as a first stage.
//
// Of some columns, r has ramps: from -1 below an interval to 1 above it, one interval after the other. What a
// column adds to y is a curve, linear between its knots, at which it is the weight rows of all ramps below
// less those of the others. So a sample comes as a row that is not much wider than itself, however many ramps
// there are: first what is given as it is, then of each column with ramps the fraction of its interval that
// lies behind it, then of each the number of that interval; and y is a product with the first part and a sum
// of curves. The gradient of a ramp is that of all points behind it less that of all before it.
#include "network/sparse/weight_rows.hpp"
#include "network/stages/bias.hpp"
#include "network/stages/dense_product.hpp"
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index update_rows = 192; // weight rows between two questions whether to stop: whole blocks

// A column with ramps: its number, and their weight rows. Its curve begins at the point points().
struct Ramp {
    Index column;
    Range rows;
    Index first; // of all weight rows of ramps
    [[nodiscard]] Index points() const { return rows.begin - first + column; }
};

// visit(Ramp) for each column whose ramps begin in a share's chunk of the weight's rows: each has one owner.
template <class Visit> void for_each_column(const Stage& s, const Share& share, Visit visit) {
    const Range own = row_chunk(s.inputs, term_rows, share);
    const Index first = s.rows_before_ramps();
    Index row = first;
    for (Index c = 0; c < s.ramp_columns && row < own.end; row += s.ramps[c++])
        if (row >= own.begin) visit(Ramp{c, {row, row + s.ramps[c]}, first});
}

template <class T> struct Ramps final : StageType<T> {
    bool arranges(const Stage&) const override { return true; }

    void reserve_arranged(const Stage& s, Matrix<T>& points) const override {
        points.reserve(s.inputs - s.rows_before_ramps() + s.ramp_columns, s.outputs);
    }

    void arrange(const StageView<T>& at, const Kernels<T>& kernels, const Share& share) const override {
        const MatrixView<T> weight = at.parameters().weight, points = at.arranged();
        const Index n = at.stage().outputs;
        for_each_column(at.stage(), share, [&](const Ramp& ramp) {
            T* point = from(points, ramp.points()).data;
            std::fill_n(point, n, T(0));
            for (Index i = ramp.rows.begin; i < ramp.rows.end; ++i)
                kernels.add_scaled(point, from(weight, i).data, T(-1), point, n);
            for (Index i = ramp.rows.begin; i < ramp.rows.end; ++i, point += points.stride)
                kernels.add_scaled(point, from(weight, i).data, T(2), point + points.stride, n);
        });
    }

    void forward(const StageView<T>& at, const Context<T>& context, Block y) const override {
        const Index i = y.rows.begin;
        product(at, context.kernels, at.input(i), from(at.output().rows(i), 0, y.columns.begin),
                y.rows.size(), y.columns, at.workspace().scratch_of(context.share.thread));
    }

    // Nothing lies below: it is the first.
    void backward(const StageView<T>&, const Context<T>&, Block) const override {}

    // The points are not needed any more: their gradients take their place.
    void update(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) const override {
        update_given(at, context, step);
        for_each_column(at.stage(), context.share, [&](const Ramp& ramp) {
            if (step.gradients && context.stopped()) return; // only gradients are left half-way
            update_column(at, context.kernels, step, ramp);
        });
        update_bias(at, context, step);
    }

    void predict(const StageView<T>& at, const Kernels<T>& kernels, const Prediction<T>& p) const override {
        product(at, kernels, p.x, from(p.y, 0, p.columns.begin), p.rows, p.columns, p.scratch);
    }

  private:
    // Curves from one column on, at the first of `rows` rows of x.
    static Curves<T> curves(const Stage& s, MatrixView<const T> x, Index column, MatrixView<T> points) {
        const Index begin = s.rows_before_ramps() + column;
        return {.fraction = from(x, 0, begin),
                .place = from(x, 0, begin + s.ramp_columns),
                .ramps = s.ramps + column,
                .columns = s.ramp_columns - column,
                .rows = 0,
                .points = points,
                .outputs = s.outputs};
    }

    // x begins with the first row, y with the first row and column.
    static void product(const StageView<T>& at, const Kernels<T>& kernels, MatrixView<const T> x,
                        MatrixView<T> y, Index rows, Range columns, T* scratch) {
        const Stage& s = at.stage();
        const Index j = columns.begin, n = columns.size();
        multiply_given(at, kernels, x, y, rows, columns, scratch);
        Curves<T> all = curves(s, x, 0, from(at.arranged(), 0, j));
        all.rows = rows, all.outputs = n;
        kernels.add_curves(all, y);
        for (Index i = 0; i < rows; ++i) at.activate(kernels, from(y, i).data, n);
    }

    // y = what columns that are given as they are make of it, with the bias.
    static void multiply_given(const StageView<T>& at, const Kernels<T>& kernels, MatrixView<const T> x,
                               MatrixView<T> y, Index rows, Range columns, T* scratch) {
        const Stage& s = at.stage();
        const Index j = columns.begin, n = columns.size(), given = s.rows_before_ramps();
        const MatrixView<T> weight = from(at.parameters().weight, 0, j);
        const T* const bias = from(static_cast<const T*>(at.parameters().bias), j);
        if (given > 0 && !has_few_outputs<T>(s.outputs))
            return kernels.forward({.x = x,
                                    .weight = read_only(weight),
                                    .bias = bias,
                                    .y = y,
                                    .rows = rows,
                                    .inputs = given,
                                    .outputs = n,
                                    .activation = Activation::identity,
                                    .slope = 0},
                                   scratch);
        for (Index i = 0; i < rows; ++i) {
            T* const to = from(y, i).data;
            if (bias)
                std::copy_n(bias, n, to);
            else
                std::fill_n(to, n, T(0));
            for (Index k = 0; k < given; ++k)
                kernels.add_scaled(to, from(weight, k).data, from(x, i, k).data[0], to, n);
        }
    }

    // This share's rows of the weight that no ramp has.
    static void update_given(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) {
        const Stage& s = at.stage();
        const std::size_t d = at.parameter_index();
        const Range own = row_chunk(s.inputs, term_rows, context.share);
        const Index end = std::min(own.end, s.rows_before_ramps());
        const bool cut = step.gradients && context.should_stop;
        for (Index i = own.begin; i < end && !(cut && context.stopped()); i += update_rows)
            context.kernels.weight_gradient(
                {.x = at.input(0),
                 .dy = read_only(at.delta().rows()),
                 .weight = at.parameters().weight,
                 .slots = step.state.of_weight(d, 0),
                 .gradient = step.gradients ? step.gradients[d].weight : MatrixView<T>{},
                 .samples = step.samples,
                 .outputs = s.outputs,
                 .first = i,
                 .last = std::min(i + update_rows, end),
                 .update = step.updates.weights[d],
                 .few_outputs = has_few_outputs<T>(s.outputs)},
                at.workspace().scratch_of(context.share.thread));
    }

    static void update_column(const StageView<T>& at, const Kernels<T>& kernels, const StepUpdate<T>& step,
                              const Ramp& ramp) {
        const Range rows = ramp.rows;
        const Index n = at.stage().outputs;
        const MatrixView<T> gradients = from(at.arranged(), ramp.points());
        Curves<T> curve = curves(at.stage(), at.input(0), ramp.column, gradients);
        curve.columns = 1, curve.rows = step.samples;
        kernels.curve_gradients(curve, read_only(at.delta().rows()));
        // Of the points, each added to those before it; then of the ramps, in their place.
        const auto gradient = [&](Index k) { return from(gradients, k).data; };
        for (Index k = 1; k <= rows.size(); ++k)
            kernels.add_scaled(gradient(k), gradient(k - 1), T(1), gradient(k), n);
        for (Index k = 0; k < rows.size(); ++k)
            kernels.add_scaled(gradient(rows.size()), gradient(k), T(-2), gradient(k), n);
        apply(at, kernels, step, rows, read_only(gradients));
    }

    // Stores the gradients of some weight rows, or updates these by them.
    static void apply(const StageView<T>& at, const Kernels<T>& kernels, const StepUpdate<T>& step,
                      Range rows, MatrixView<const T> gradients) {
        const std::size_t d = at.parameter_index();
        const Index n = at.stage().outputs;
        const Update<T>& update = step.updates.weights[d];
        const MatrixView<T> weight = at.parameters().weight;
        const bool together = !step.gradients && gradients.stride == n && rows_adjoin(at, step);
        const Index some = together ? rows.size() : 1;
        for (Index k = 0; k < rows.size(); k += some) {
            const Index i = rows.begin + k;
            const T* const own = from(gradients, k).data;
            if (!step.gradients) {
                kernels.update(update, own, from(weight, i).data, step.state.of_row(d, i), some * n);
                continue;
            }
            T* const stored = from(step.gradients[d].weight, i).data;
            std::copy_n(own, n, stored);
            add_penalty_slope(kernels, update, from(weight, i).data, stored, n);
        }
    }
};

// Every column that has ramps has at least one, all among the inputs.
bool fits(const Stage& s) {
    if (s.ramp_columns < 1) return false;
    const auto [least, most] = std::minmax_element(s.ramps, s.ramps + s.ramp_columns);
    return *least > 0 && *most <= s.inputs && s.rows_before_ramps() >= 0;
}

const Registration<Ramps> registered{{.name = "ramps", .weight = Weight::matrix, .fits = fits}};

} // namespace
} // namespace steepest
