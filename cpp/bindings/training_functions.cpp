// What training does, as single operations on arrays: losses, updates, and the checks of what is learned
// from.
#include "bindings/calls.hpp"
#include "bindings/descriptions.hpp"
#include "operations.hpp"
#include "training/coordinate_descent.hpp"

#include <vector>

namespace steepest::python {
namespace {

// The first label that is none of 0..classes-1, or -1.
Index first_outside(const std::int64_t* labels, Index n, std::int64_t classes) {
    Index found = -1;
    in_pieces(n, sizeof *labels, [&](Index first, Index count) {
        for (Index i = first; i < first + count && found < 0; ++i)
            if (labels[i] < 0 || labels[i] >= classes) found = i;
        return found < 0;
    });
    return found;
}

template <class T>
py::tuple loss(py::handle loss_, py::array scores_, const py::array& targets_, const py::object& weight_,
               const std::string& isa, int threads) {
    const Choice choice(isa, threads);
    const Loss loss = loss_from(loss_);
    const Input<T> scores(std::move(scores_), "scores");
    const InputVector<T> weight(weight_, scores.count, "weight");
    Input<T> targets;
    std::vector<std::int64_t> labels; // a copy: one changed after its check would be an index out of bounds
    if (loss.kind == LossKind::custom) refuse("a loss of one's own is called, not computed");
    if (!takes_labels(loss.kind)) {
        targets = Input<T>(targets_, "targets");
        targets.require(scores.count, scores.columns, "targets");
    } else {
        const InputVector<std::int64_t> given(targets_, scores.count, "labels");
        labels.assign(given.data, given.data + scores.count);
        if (first_outside(labels.data(), scores.count, scores.columns) >= 0)
            refuse("a label is out of range");
    }
    auto gradient = new_matrix<T>(scores.count, scores.columns);
    double value = 0;
    const MatrixView<T> gradient_rows = rows_of(gradient);
    interruptibly(
        time_of_element * double(scores.count) * double(scores.columns), choice, [&](Poller& poller) {
            return steepest::loss_and_gradient(kernels_of<T>(choice.table), choice.threads, loss, scores.rows,
                                               {.labels = labels.data(),
                                                .targets = targets.rows,
                                                .weight = weight.data,
                                                .count = scores.count},
                                               scores.columns, gradient_rows, &value, poller);
        });
    return py::make_tuple(value, gradient);
}

template <class T>
void update(py::array weight_, py::array gradient_, py::handle slots_, py::handle optimizer_,
            py::handle penalty_, double rate, Index age, const std::string& isa) {
    const Choice choice(isa, 1);
    const Optimizer optimizer = optimizer_from(optimizer_);
    const Input<T> gradient(std::move(gradient_), "grad");
    const MatrixView<T> weight = writable<T>(weight_, gradient.count, gradient.columns, "weight");
    std::vector<MatrixView<T>> slots;
    for (const auto& slot : slots_from(optimizer_, optimizer, slots_)) {
        auto array = py::cast<py::array>(slot);
        slots.push_back(writable<T>(array, gradient.count, gradient.columns, "state"));
    }
    const auto slots_of_row = [&](Index i) {
        RowSlots<T> row;
        for (std::size_t k = 0; k < slots.size(); ++k) row.slot[k] = from(slots[k], i).data;
        return row;
    };
    const auto how = PreparedUpdate<T>(optimizer, unlimited, rate, age).of_weights(penalty_from(penalty_));
    {
        const Unlocked unlocked(time_of_element * double(gradient.count) * double(gradient.columns));
        for (Index i = 0; i < gradient.count; ++i) // not left half done
            kernels_of<T>(choice.table)
                .update(how, from(gradient.rows, i).data, from(weight, i).data, slots_of_row(i),
                        gradient.columns);
    }
    choice.ran(1);
}

double coordinate_descent(py::array products_, py::array slope_, const py::object& l1_, py::array point_,
                          Index sweeps, double tol, const std::string& isa) {
    const Choice choice(isa, 1);
    const Input<double> products(std::move(products_), "products");
    products.require(products.columns, products.columns, "products");
    const Index n = products.columns;
    const InputVector<double> l1(l1_, n, "l1");
    if (!l1.data) refuse("l1 is None");
    double *const slope = writable<double>(slope_, n, "slope"), *const point =
                                                                    writable<double>(point_, n, "point");
    double gain = 0;
    interruptibly(double(sweeps) * double(n) * double(n), choice, [&](Poller& poller) {
        gain = descend(kernels_of<double>(choice.table), {products.rows, l1.data, n}, slope, point, sweeps,
                       tol, poller);
        return 1;
    });
    return gain;
}

template <class T> Index first_nonfinite_row(py::array x_, const std::string& isa) {
    const Choice choice(isa, 1);
    const Input<T> x(std::move(x_), "x");
    return search_nonfinite_row(kernels_of<T>(choice.table), x.rows, x.count, x.columns);
}

Index first_bad_label(const py::array& labels_, std::int64_t classes) {
    const auto labels = contiguous<std::int64_t>(labels_);
    return first_outside(labels.data(), labels.size(), classes);
}

} // namespace

void bind_training_functions(py::module_& m) {
    using A = py::array;
    using O = py::object;
    using S = std::string;
    define(
        m, "loss",
        [](py::handle l, const A& scores, const A& y, const O& weight, const S& isa, int threads) {
            return by_dtype(scores,
                            [&](auto t) { return loss<decltype(t)>(l, scores, y, weight, isa, threads); });
        },
        "loss", "scores", "targets", "weight", "isa", "threads");
    define(
        m, "update",
        [](const A& w, const A& g, py::handle slots, py::handle optimizer, py::handle penalty, double rate,
           Index age, const S& isa) {
            return by_dtype(w, [&](auto t) {
                return update<decltype(t)>(w, g, slots, optimizer, penalty, rate, age, isa);
            });
        },
        "weight", "grad", "slots", "optimizer", "penalty", "rate", "age", "isa");
    define(
        m, "first_nonfinite_row",
        [](const A& x, const S& isa) {
            return by_dtype(x, [&](auto t) { return first_nonfinite_row<decltype(t)>(x, isa); });
        },
        "x", "isa");
    define(m, "coordinate_descent", &coordinate_descent, "products", "slope", "l1", "point", "sweeps", "tol",
           "isa");
    define(m, "first_bad_label", &first_bad_label, "labels", "classes");
}

} // namespace steepest::python
