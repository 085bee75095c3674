// Check: in a checked build each kernel stands behind a function that looks whether its views hold what
// table.hpp says it reads and writes, and then calls it.
#pragma once

#include "kernels/table.hpp"

namespace steepest {
namespace {

// `file` is the kernel's name: no caller's line is known.
struct Checker {
    const char* file;
    static constexpr int line = 0;

    void range(const char* what, Index begin, Index end, Index limit) const {
        STEEPEST_CHECK(what, begin, end, limit);
    }
    void that(const char* what, bool good) const { range(what, !good, 0, 0); }

    // n elements at p, which kernels take for aligned ones.
    template <class T> void holds(const char* what, const T* p, Index n) const {
        range(what, 0, n, MatrixView<T>::unbounded);
        that(what, n == 0 || (p && reinterpret_cast<std::uintptr_t>(p) % alignof(T) == 0));
    }
    template <class T> void holds(const char* what, MatrixView<T> m, Index rows, Index columns) const {
        if (rows == 0 || columns == 0) return;
        range(what, 0, rows, m.rows);
        range(what, 0, columns, m.columns);
        holds(what, m.data, rows * columns);
    }
    template <class... P> void all_hold(const char* what, Index n, const P*... p) const {
        (holds(what, p, n), ...);
    }
    // The slots that the update's rule has: holds_it(slot).
    template <class T, class Views> void slots(const Update<T>& u, Views holds_it) const {
        const int slots = u.rule == Rule::adam ? 2 : u.rule == Rule::sgd && u.momentum == 0 ? 0 : 1;
        for (int k = 0; k < slots; ++k) holds_it(k);
        that("a plain update is one of sgd", !u.plain || u.rule == Rule::sgd);
    }
};

// ---- products ------------------------------------------------------------------------------------------

template <class T> void check_forward(const Checker& c, const Forward<T>& f, bool transposed, T* scratch) {
    c.holds("x", f.x, f.rows, f.inputs);
    c.holds("weight", f.weight, transposed ? f.outputs : f.inputs, transposed ? f.inputs : f.outputs);
    if (f.bias) c.holds("bias", f.bias, f.outputs);
    c.holds("y", f.y, f.rows, f.outputs);
    c.holds("scratch", scratch, 1);
}

template <class T> void checked_forward(const Forward<T>& f, T* scratch) {
    check_forward(Checker{"forward"}, f, false, scratch);
    forward(f, scratch);
}

template <class T> void checked_forward_transposed(const Forward<T>& f, T* scratch) {
    const Checker c{"forward_transposed"};
    check_forward(c, f, true, scratch);
    c.range("outputs of a narrow layer", 0, f.outputs, narrow_outputs<T> - 1);
    forward_transposed(f, scratch);
}

template <class T> void checked_forward_shallow(const Forward<T>& f, T* scratch) {
    const Checker c{"forward_shallow"};
    check_forward(c, f, false, scratch);
    c.range("outputs of a narrow layer", 0, f.outputs, narrow_outputs<T> - 1);
    c.range("inputs of a shallow layer", 0, f.inputs, narrow_outputs<T>);
    forward_shallow(f, scratch);
}

template <class T>
void checked_transpose(MatrixView<const T> weight, Index rows, Index columns, MatrixView<T> to) {
    const Checker c{"transpose"};
    c.holds("weight", weight, rows, columns);
    c.holds("its transpose", to, columns, rows);
    transpose(weight, rows, columns, to);
}

template <class T> void checked_input_gradient(const InputGradient<T>& g, T* scratch) {
    const Checker c{"input_gradient"};
    c.holds("dy", g.dy, g.rows, g.outputs);
    c.holds("weight", g.weight, g.transposed ? g.outputs : g.inputs, g.transposed ? g.inputs : g.outputs);
    if (g.activation != Activation::identity) c.holds("y", g.y, g.rows, g.inputs);
    c.holds("dx", g.dx, g.rows, g.inputs);
    c.holds("scratch", scratch, 1);
    input_gradient(g, scratch);
}

template <class T> void checked_weight_gradient(const WeightGradient<T>& g, T* scratch) {
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
    if (g.narrow) c.range("outputs of a narrow layer", 0, g.outputs, narrow_outputs<T> - 1);
    weight_gradient(g, scratch);
}

template <class T>
void checked_sparse_row_product(const T* factors, const std::int32_t* which, Index count,
                                MatrixView<const T> rows, T* sum, Index n) {
    const Checker c{"sparse_row_product"};
    c.holds("factors", factors, count);
    c.holds("which", which, count);
    for (Index e = 0; e < count; ++e) c.range("which", which[e], which[e] + Index(1), rows.rows);
    c.holds("rows", rows, count ? 1 : 0, n);
    c.holds("sum", sum, n);
    sparse_row_product(factors, which, count, rows, sum, n);
}

// ---- sums, updates, losses -----------------------------------------------------------------------------

template <class T>
void checked_column_sums(MatrixView<const T> dy, Index samples, Index first, Index last, T* sums) {
    const Checker c{"column_sums"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("dy", dy, samples, last);
    c.holds("sums", sums, last - first);
    column_sums(dy, samples, first, last, sums);
}

template <class T>
void checked_update(const Update<T>& u, const T* gradient, T* weight, const RowSlots<T>& slots, Index n) {
    const Checker c{"update"};
    c.holds("gradient", gradient, n);
    c.holds("weight", weight, n);
    c.slots(u, [&](int k) { c.holds("a slot", slots.slot[k], n); });
    update(u, gradient, weight, slots, n);
}

template <class T> void checked_average(T share, const T* x, T* mean, Index n) {
    const Checker c{"average"};
    c.that("a share in (0, 1]", 0 < share && share <= 1);
    c.holds("x", x, n);
    c.holds("mean", mean, n);
    average(share, x, mean, n);
}

template <class T> void checked_loss(const LossRows<T>& l) {
    const Checker c{"loss"};
    const bool labels =
        l.kind == LossKind::softmax || l.kind == LossKind::hinge || l.kind == LossKind::squared_hinge;
    c.that("a loss that a kernel knows", l.kind != LossKind::custom);
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
    loss(l);
}

template <class T> void checked_softmax(MatrixView<const T> x, MatrixView<T> y, Index rows, Index columns) {
    const Checker c{"softmax"};
    c.holds("x", x, rows, columns);
    c.holds("y", y, rows, columns);
    softmax(x, y, rows, columns);
}

template <class T>
double checked_penalty(MatrixView<const T> weight, Index rows, Index columns, double l2, double l1) {
    Checker{"penalty"}.holds("weight", weight, rows, columns);
    return penalty(weight, rows, columns, l2, l1);
}

template <class T> double checked_squares(MatrixView<const T> gradient, Index rows, Index columns, T clip) {
    Checker{"squares"}.holds("gradient", gradient, rows, columns);
    return squares(gradient, rows, columns, clip);
}

template <class T> void checked_constrain(MatrixView<T> weight, Index rows, Index columns, double limit) {
    Checker{"constrain"}.holds("weight", weight, rows, columns);
    constrain(weight, rows, columns, limit);
}

// ---- stages --------------------------------------------------------------------------------------------

template <class T>
void checked_dropout_factors(const DropoutKey& key, Index row, Index first, Index last, T* factors) {
    const Checker c{"dropout_factors"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("factors", factors, last - first);
    dropout_factors(key, row, first, last, factors);
}

template <class T> void checked_maxout(const T* x, Index pieces, Index distance, T* y, Index n) {
    const Checker c{"maxout"};
    c.range("pieces", 1, pieces, MatrixView<T>::unbounded);
    c.range("columns of a piece", 0, n, distance);
    c.holds("x", x, n);
    c.holds("y", y, n);
    maxout(x, pieces, distance, y, n);
}

template <class T>
void checked_maxout_gradient(const T* x, Index piece, Index distance, const T* y, const T* dy, T* dx,
                             Index n) {
    const Checker c{"maxout_gradient"};
    c.range("columns of a piece", 0, n, distance);
    c.all_hold("x, y, dy or dx", n, x, y, dy, dx);
    maxout_gradient(x, piece, distance, y, dy, dx, n);
}

template <class T>
void checked_moments(MatrixView<const T> x, Index samples, Index first, Index last, T* mean, T* variance) {
    const Checker c{"moments"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.that("a sample", samples > 0);
    c.holds("x", x, samples, last);
    c.holds("mean", mean, last);
    c.holds("variance", variance, last);
    moments(x, samples, first, last, mean, variance);
}

template <class T>
void checked_moment_gradients(MatrixView<const T> x, MatrixView<const T> dy, Index samples, Index first,
                              Index last, const T* mean, const T* inverse_deviation, T* scale_gradient,
                              T* shift_gradient) {
    const Checker c{"moment_gradients"};
    c.range("columns", first, last, MatrixView<T>::unbounded);
    c.holds("x", x, samples, last);
    c.holds("dy", dy, samples, last);
    c.all_hold("mean or inverse deviation", last, mean, inverse_deviation);
    c.all_hold("a gradient", last, scale_gradient, shift_gradient);
    moment_gradients(x, dy, samples, first, last, mean, inverse_deviation, scale_gradient, shift_gradient);
}

template <class T>
void checked_standardise_gradient(const T* x, const T* dy, const StandardiseGradient<T>& g, T* dx, Index n) {
    const Checker c{"standardise_gradient"};
    c.that("a sample", g.samples > 0);
    c.holds("x", x, n);
    c.holds("dy", dy, n);
    c.holds("dx", dx, n);
    c.all_hold("a row of the batch's", n, g.mean, g.inverse_deviation, g.scale, g.scale_gradient,
               g.shift_gradient);
    standardise_gradient(x, dy, g, dx, n);
}

// ---- functions of contiguous elements ------------------------------------------------------------------

template <class T> void checked_apply(Function function, const T* x, T* y, Index n) {
    const Checker c{"function"};
    c.holds("x", x, n);
    c.holds("y", y, n);
    apply(function, x, y, n);
}

template <class T> void checked_activate(Activation activation, T slope, const T* x, T* y, Index n) {
    const Checker c{"activate"};
    c.holds("x", x, n);
    c.holds("y", y, n);
    activate(activation, slope, x, y, n);
}

template <class T>
void checked_activation_gradient(Activation activation, T slope, const T* y, const T* dy, T* dx, Index n) {
    const Checker c{"activation_gradient"};
    if (activation != Activation::identity) c.holds("y", y, n);
    c.holds("dy", dy, n);
    c.holds("dx", dx, n);
    activation_gradient(activation, slope, y, dy, dx, n);
}

template <class T> bool checked_all_finite(const T* x, Index n) {
    Checker{"all_finite"}.holds("x", x, n);
    return all_finite(x, n);
}

template <class T> void checked_multiply_rows(const T* x, const T* factor, T* y, Index n) {
    const Checker c{"multiply"};
    c.all_hold("x, factor or y", n, x, factor, y);
    multiply_rows(x, factor, y, n);
}

template <class T> void checked_add_scaled(const T* a, const T* b, T scale, T* y, Index n) {
    const Checker c{"add_scaled"};
    c.all_hold("a, b or y", n, a, b, y);
    add_scaled(a, b, scale, y, n);
}

template <class T>
void checked_standardize(const T* x, const T* mean, const T* scale, const T* shift, T* y, Index n) {
    const Checker c{"standardize"};
    c.all_hold("x, mean, scale, shift or y", n, x, mean, scale, shift, y);
    standardize(x, mean, scale, shift, y, n);
}

template <class T> double checked_read_loop(const T* x, Index n) {
    Checker{"read_loop"}.holds("x", x, n);
    return read_loop(x, n);
}

} // namespace
} // namespace steepest
