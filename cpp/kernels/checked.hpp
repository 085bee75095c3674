// Check: in a checked build each kernel stands behind a function that looks whether its views hold what
// table.hpp says it reads and writes, and then calls it. A kernel may also have its check beside it.
#pragma once

#include "kernels/checker.hpp"

namespace steepest {
namespace {

// ---- products ------------------------------------------------------------------------------------------

template <class T> void check_product(const Checker& c, const Forward<T>& f, bool transposed, T* scratch) {
    c.holds("x", f.x, f.rows, f.inputs);
    c.holds("weight", f.weight, transposed ? f.outputs : f.inputs, transposed ? f.inputs : f.outputs);
    if (f.bias) c.holds("bias", f.bias, f.outputs);
    c.holds("y", f.y, f.rows, f.outputs);
    c.holds("scratch", scratch, 1);
}

template <class T> void check_forward(const Forward<T>& f, T* scratch) {
    check_product(Checker{"forward"}, f, false, scratch);
}

template <class T> void check_forward_transposed(const Forward<T>& f, T* scratch) {
    const Checker c{"forward_transposed"};
    check_product(c, f, true, scratch);
    c.range("few outputs", 0, f.outputs, few_outputs<T> - 1);
}

template <class T> void check_forward_few_inputs(const Forward<T>& f, T* scratch) {
    const Checker c{"forward_few_inputs"};
    check_product(c, f, false, scratch);
    c.range("few outputs", 0, f.outputs, few_outputs<T> - 1);
    c.range("few inputs", 0, f.inputs, few_outputs<T>);
}

template <class T>
void check_transpose(MatrixView<const T> weight, Index rows, Index columns, MatrixView<T> to) {
    const Checker c{"transpose"};
    c.holds("weight", weight, rows, columns);
    c.holds("its transpose", to, columns, rows);
}

template <class T> void check_input_gradient(const InputGradient<T>& g, T* scratch) {
    const Checker c{"input_gradient"};
    c.holds("dy", g.dy, g.rows, g.outputs);
    c.holds("weight", g.weight, g.transposed ? g.outputs : g.inputs, g.transposed ? g.inputs : g.outputs);
    if (g.activation != Activation::identity) c.holds("y", g.y, g.rows, g.inputs);
    c.holds("dx", g.dx, g.rows, g.inputs);
    c.holds("scratch", scratch, 1);
}

template <class T> void check_weight_gradient(const WeightGradient<T>& g, T* scratch) {
    const Checker c{"weight_gradient"};
    const Update<T>& u = g.update;
    c.range("weight rows", g.first, g.last, MatrixView<T>::unbounded);
    c.holds("x", g.x, g.samples, g.last);
    c.holds("dy", g.dy, g.samples, g.outputs);
    c.holds("scratch", scratch, 1);
    const Index rows = g.first < g.last ? g.last : 0;
    if (!g.gradient.data || u.l2_slope != 0 || u.l1 != 0) c.holds("weight", g.weight, rows, g.outputs);
    if (g.gradient.data)
        c.holds("gradient", g.gradient, rows, g.outputs);
    else
        c.slots(u, [&](int k) { c.holds("a slot", g.slots.slot[k], rows, g.outputs); });
    if (g.few_outputs) c.range("few outputs", 0, g.outputs, few_outputs<T> - 1);
}

template <class T>
void check_sparse_row_product(const T* factors, const std::int32_t* which, Index count,
                              MatrixView<const T> rows, T* sum, Index n) {
    const Checker c{"sparse_row_product"};
    c.holds("factors", factors, count);
    c.holds("which", which, count);
    for (Index e = 0; e < count; ++e) c.range("which", which[e], which[e] + Index(1), rows.rows);
    c.holds("rows", rows, count ? 1 : 0, n);
    c.holds("sum", sum, n);
}

template <class T> void check_curves(const Checker& c, const Curves<T>& curves) {
    Index points = 0;
    c.holds("ramps", curves.ramps, curves.columns);
    for (Index k = 0; k < curves.columns; ++k) {
        c.range("ramps", 1, curves.ramps[k] + 1, MatrixView<T>::unbounded);
        points += curves.ramps[k] + 1;
    }
    c.holds("fraction", curves.fraction, curves.rows, curves.columns);
    c.holds("place", curves.place, curves.rows, curves.columns);
    c.holds("points", curves.points, points, curves.outputs);
}

template <class T> void check_add_curves(const Curves<T>& curves, MatrixView<T> y) {
    const Checker c{"add_curves"};
    check_curves(c, curves);
    c.holds("y", y, curves.rows, curves.outputs);
}

template <class T> void check_curve_gradients(const Curves<T>& curves, MatrixView<const T> dy) {
    const Checker c{"curve_gradients"};
    check_curves(c, curves);
    c.holds("dy", dy, curves.rows, curves.outputs);
}

template <class T>
void check_add_to_rows(const T* factors, const std::int32_t* which, Index count, const T* x,
                       MatrixView<T> rows, Index n) {
    const Checker c{"add_to_rows"};
    c.holds("factors", factors, count);
    c.holds("which", which, count);
    for (Index e = 0; e < count; ++e) c.range("which", which[e], which[e] + Index(1), rows.rows);
    c.holds("x", x, n);
    c.holds("rows", rows, count ? 1 : 0, n);
}

// ---- sums, updates, losses -----------------------------------------------------------------------------

template <class T> void check_dual_step(const DualStep<T>& d) {
    const Checker c{"dual_step"};
    c.range("kind", Index(d.kind), Index(d.kind) + 1, Losses::count);
    if (Index(d.kind) < LabelLosses::count)
        c.range("label", d.label, d.label + 1, d.n);
    else
        c.holds("target", d.target, d.n);
    c.that("a pull of at least 0", d.pull >= 0);
    c.all_hold("row", d.n, d.scores, d.gradient, d.scratch);
    if (d.change) c.holds("change", d.change, d.n);
}

template <class T>
void check_column_sums(MatrixView<const T> dy, Index samples, Index first, Index last, T* sums) {
    const Checker c{"column_sums"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("dy", dy, samples, last);
    c.holds("sums", sums, last - first);
}

template <class T>
void check_update(const Update<T>& u, const T* gradient, T* weight, const RowSlots<T>& slots, Index n) {
    const Checker c{"update"};
    c.holds("gradient", gradient, n);
    c.holds("weight", weight, n);
    c.slots(u, [&](int k) { c.holds("a slot", slots.slot[k], n); });
}

template <class T> void check_average(T share, const T* x, T* mean, Index n) {
    const Checker c{"average"};
    c.that("a share in (0, 1]", 0 < share && share <= 1);
    c.holds("x", x, n);
    c.holds("mean", mean, n);
}

template <class T> void check_loss(const LossRows<T>& l) {
    const Checker c{"loss"};
    c.range("a loss that a kernel knows", Index(l.kind), Index(l.kind) + 1, Losses::count);
    bool labels = false;
    with_type(Losses{}, int(l.kind), [&](auto loss) { labels = decltype(loss)::takes_labels; });
    c.holds("scores", l.scores, l.rows, l.classes);
    c.holds("gradient", l.gradient, l.rows, l.classes);
    c.holds("value", l.value, l.rows);
    if (l.weight) c.holds("weight", l.weight, l.rows);
    if (labels)
        c.holds("labels", l.labels, l.rows);
    else
        c.holds("targets", l.targets, l.rows, l.classes);
    for (Index i = 0; labels && i < l.rows; ++i)
        c.range("a label", Index(l.labels[i]), Index(l.labels[i]) + 1, l.classes);
}

template <class T> void check_softmax(MatrixView<const T> x, MatrixView<T> y, Index rows, Index columns) {
    const Checker c{"softmax"};
    c.holds("x", x, rows, columns);
    c.holds("y", y, rows, columns);
}

template <class T> void check_penalty(MatrixView<const T> weight, Index rows, Index columns, double, double) {
    Checker{"penalty"}.holds("weight", weight, rows, columns);
}

template <class T> void check_squares(MatrixView<const T> gradient, Index rows, Index columns, T) {
    Checker{"squares"}.holds("gradient", gradient, rows, columns);
}

template <class T> void check_constrain(MatrixView<T> weight, Index rows, Index columns, double) {
    Checker{"constrain"}.holds("weight", weight, rows, columns);
}

// ---- stages --------------------------------------------------------------------------------------------

template <class T> void check_dropout_factors(const DropoutKey&, Index, Index first, Index last, T* factors) {
    const Checker c{"dropout_factors"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("factors", factors, last - first);
}

template <class T> void check_maxout(const T* x, Index pieces, Index distance, T* y, Index n) {
    const Checker c{"maxout"};
    c.range("pieces", 1, pieces, MatrixView<T>::unbounded);
    c.range("columns of a piece", 0, n, distance);
    c.holds("x", x, n);
    c.holds("y", y, n);
}

template <class T>
void check_maxout_gradient(const T* x, Index, Index distance, const T* y, const T* dy, T* dx, Index n) {
    const Checker c{"maxout_gradient"};
    c.range("columns of a piece", 0, n, distance);
    c.all_hold("x, y, dy or dx", n, x, y, dy, dx);
}

template <class T>
void check_moments(MatrixView<const T> x, Index samples, Index first, Index last, T* mean, T* variance) {
    const Checker c{"moments"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.that("a sample", samples > 0);
    c.holds("x", x, samples, last);
    c.holds("mean", mean, last);
    c.holds("variance", variance, last);
}

template <class T>
void check_moment_gradients(MatrixView<const T> x, MatrixView<const T> dy, Index samples, Index first,
                            Index last, const T* mean, const T* inverse_deviation, T* scale_gradient,
                            T* shift_gradient) {
    const Checker c{"moment_gradients"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("x", x, samples, last);
    c.holds("dy", dy, samples, last);
    c.all_hold("mean or inverse deviation", last, mean, inverse_deviation);
    c.all_hold("a gradient", last, scale_gradient, shift_gradient);
}

template <class T>
void check_standardize_gradient(const T* x, const T* dy, const StandardizeGradient<T>& g, T* dx, Index n) {
    const Checker c{"standardize_gradient"};
    c.that("a sample", g.samples > 0);
    c.holds("x", x, n);
    c.holds("dy", dy, n);
    c.holds("dx", dx, n);
    c.all_hold("a row of the batch's", n, g.mean, g.inverse_deviation, g.scale, g.scale_gradient,
               g.shift_gradient);
}

// ---- functions of contiguous elements ------------------------------------------------------------------

template <class T> void check_function(Function, const T* x, T* y, Index n) {
    const Checker c{"function"};
    c.holds("x", x, n);
    c.holds("y", y, n);
}

template <class T> void check_activate(Activation activation, T, const T* x, T* y, Index n) {
    const Checker c{"activate"};
    c.range("an activation", Index(activation), Index(activation) + 1, Activations::count);
    c.holds("x", x, n);
    c.holds("y", y, n);
}

template <class T>
void check_activation_gradient(Activation activation, T, const T* y, const T* dy, T* dx, Index n) {
    const Checker c{"activation_gradient"};
    c.range("an activation", Index(activation), Index(activation) + 1, Activations::count);
    if (activation != Activation::identity) c.holds("y", y, n);
    c.holds("dy", dy, n);
    c.holds("dx", dx, n);
}

template <class T> void check_all_finite(const T* x, Index n) { Checker{"all_finite"}.holds("x", x, n); }

template <class T> void check_multiply(const T* x, const T* factor, T* y, Index n) {
    const Checker c{"multiply"};
    c.all_hold("x, factor or y", n, x, factor, y);
}

template <class T> void check_add_scaled(const T* a, const T* b, T, T* y, Index n) {
    const Checker c{"add_scaled"};
    c.all_hold("a, b or y", n, a, b, y);
}

template <class T>
void check_standardize(const T* x, const T* mean, const T* scale, const T* shift, T* y, Index n) {
    const Checker c{"standardize"};
    c.all_hold("x, mean, scale, shift or y", n, x, mean, scale, shift, y);
}

template <class T> void check_multiply_add_loop(Index) {}

template <class T> void check_read_loop(const T* x, Index n) { Checker{"read_loop"}.holds("x", x, n); }

} // namespace
} // namespace steepest
