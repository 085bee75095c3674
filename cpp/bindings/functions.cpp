// Single operations on arrays, float32 or float64: products, activations, softmax.
#include "bindings/calls.hpp"
#include "bindings/samples.hpp"

#include <pybind11/stl.h>

#include <algorithm>

namespace steepest::python {
namespace {

template <class T> py::array_t<T> new_like(const py::array& a) {
    return py::array_t<T>(std::vector<py::ssize_t>(a.shape(), a.shape() + a.ndim()));
}

template <class T>
py::array_t<T> linear(py::array x_, py::array weight_, const py::object& bias_, const std::string& isa,
                      int threads) {
    const Choice choice(isa, threads);
    const Input<T> x(std::move(x_), "x"), weight(std::move(weight_), "weight");
    weight.require(x.columns, weight.columns, "weight");
    const InputVector<T> bias(bias_, weight.columns, "bias");
    auto y = new_matrix<T>(x.count, weight.columns);
    const MatrixView<T> rows = rows_of(y);
    const auto& kernels = kernels_of<T>(choice.table);
    const double work = double(x.count) * double(x.columns) * double(weight.columns);
    interruptibly(work, choice, [&](Poller& poller) {
        return steepest::linear(kernels, choice.threads, x.rows, weight.rows, bias.data, rows, x.count,
                                x.columns, weight.columns, poller);
    });
    return y;
}

template <class T>
py::array_t<T> sparse_linear(const py::tuple& x_, py::array weight_, const py::object& bias_,
                             const std::string& isa, int threads) {
    const Choice choice(isa, threads);
    const Input<T> weight(std::move(weight_), "weight");
    const SparseInput<T> x(x_, weight.count);
    const InputVector<T> bias(bias_, weight.columns, "bias");
    auto y = new_matrix<T>(x.count, weight.columns);
    const MatrixView<T> rows = rows_of(y);
    interruptibly(double(x.columns.size()) * double(weight.columns), choice, [&](Poller& poller) {
        return steepest::sparse_linear(kernels_of<T>(choice.table), choice.threads, x.view(), weight.rows,
                                       bias.data, rows, x.count, weight.columns, poller);
    });
    return y;
}

template <class T>
py::tuple linear_backward(py::array x_, py::array weight_, py::array dy_, const std::string& isa,
                          int threads) {
    const Choice choice(isa, threads);
    const Input<T> x(std::move(x_), "x"), weight(std::move(weight_), "weight"), dy(std::move(dy_), "grad");
    weight.require(x.columns, weight.columns, "weight");
    dy.require(x.count, weight.columns, "grad");
    auto dx = new_matrix<T>(x.count, x.columns), dw = new_matrix<T>(x.columns, weight.columns);
    auto db = py::array_t<T>(weight.columns);
    const MatrixView<T> dx_rows = rows_of(dx), dw_rows = rows_of(dw);
    T* const sums = db.mutable_data();
    const double work = 2 * double(x.count) * double(x.columns) * double(weight.columns);
    interruptibly(work, choice, [&](Poller& poller) {
        return steepest::linear_backward(kernels_of<T>(choice.table), choice.threads, x.rows, weight.rows,
                                         dy.rows, dx_rows, dw_rows, sums, x.count, x.columns, weight.columns,
                                         poller);
    });
    return py::make_tuple(dx, dw, db);
}

Function function_named(const std::string& name) {
    if (name == "exp") return Function::exp;
    if (name == "log") return Function::log;
    refuse("unknown function '" + name + "'");
}

template <class T>
py::array_t<T> function(const std::string& name, const py::array& x_, const std::string& isa) {
    const Choice choice(isa, 1);
    const Function f = function_named(name);
    const auto x = contiguous<T>(x_);
    auto y = new_like<T>(x_);
    const T* const from = x.data();
    T* const to = y.mutable_data();
    by_elements(x.size(), choice,
                [&](Index i, Index n) { kernels_of<T>(choice.table).function(f, from + i, to + i, n); });
    return y;
}

template <class T>
py::array_t<T> activation(const std::string& name, double slope, const py::array& x_,
                          const std::string& isa) {
    const Choice choice(isa, 1);
    const Activation f = activation_named(name);
    const auto x = contiguous<T>(x_);
    auto y = new_like<T>(x_);
    const T* const from = x.data();
    T* const to = y.mutable_data();
    by_elements(x.size(), choice, [&](Index i, Index n) {
        kernels_of<T>(choice.table).activate(f, T(slope), from + i, to + i, n);
    });
    return y;
}

template <class T>
py::array_t<T> activation_backward(const std::string& name, double slope, const py::array& y_,
                                   const py::array& dy_, const std::string& isa) {
    const Choice choice(isa, 1);
    const Activation f = activation_named(name);
    require_dtype<T>(dy_, "grad");
    const auto y = contiguous<T>(y_), dy = contiguous<T>(dy_);
    if (y.ndim() != dy.ndim() || !std::equal(y.shape(), y.shape() + y.ndim(), dy.shape()))
        refuse("grad has another shape");
    auto dx = new_like<T>(y_);
    const T *const seen = y.data(), *const above = dy.data();
    T* const to = dx.mutable_data();
    by_elements(y.size(), choice, [&](Index i, Index n) {
        kernels_of<T>(choice.table).activation_gradient(f, T(slope), seen + i, above + i, to + i, n);
    });
    return dx;
}

template <class T> py::array_t<T> softmax(py::array x_, const std::string& isa, int threads) {
    const Choice choice(isa, threads);
    const Input<T> x(std::move(x_), "scores");
    if (x.columns < 1) refuse("scores have no classes");
    auto y = new_matrix<T>(x.count, x.columns);
    const MatrixView<T> rows = rows_of(y);
    interruptibly(time_of_element * double(x.count) * double(x.columns), choice, [&](Poller& poller) {
        return steepest::softmax(kernels_of<T>(choice.table), choice.threads, x.rows, rows, x.count,
                                 x.columns, poller);
    });
    return y;
}

} // namespace

void bind_functions(py::module_& m) {
    using A = py::array;
    using O = py::object;
    using S = std::string;
    define(
        m, "linear",
        [](const A& x, const A& w, const O& b, const S& isa, int threads) {
            return by_dtype(x, [&](auto t) -> A { return linear<decltype(t)>(x, w, b, isa, threads); });
        },
        "x", "weight", "bias", "isa", "threads");
    define(
        m, "sparse_linear",
        [](const py::tuple& x, const A& w, const O& b, const S& isa, int threads) {
            return by_dtype(w,
                            [&](auto t) -> A { return sparse_linear<decltype(t)>(x, w, b, isa, threads); });
        },
        "x", "weight", "bias", "isa", "threads");
    define(
        m, "linear_backward",
        [](const A& x, const A& w, const A& dy, const S& isa, int threads) {
            return by_dtype(x, [&](auto t) { return linear_backward<decltype(t)>(x, w, dy, isa, threads); });
        },
        "x", "weight", "grad", "isa", "threads");
    define(
        m, "function",
        [](const S& name, const A& x, const S& isa) {
            return by_dtype(x, [&](auto t) -> A { return function<decltype(t)>(name, x, isa); });
        },
        "name", "x", "isa");
    define(
        m, "activation",
        [](const S& name, double slope, const A& x, const S& isa) {
            return by_dtype(x, [&](auto t) -> A { return activation<decltype(t)>(name, slope, x, isa); });
        },
        "name", "slope", "x", "isa");
    define(
        m, "activation_backward",
        [](const S& name, double slope, const A& y, const A& dy, const S& isa) {
            return by_dtype(
                y, [&](auto t) -> A { return activation_backward<decltype(t)>(name, slope, y, dy, isa); });
        },
        "name", "slope", "y", "grad", "isa");
    define(
        m, "softmax",
        [](const A& x, const S& isa, int threads) {
            return by_dtype(x, [&](auto t) -> A { return softmax<decltype(t)>(x, isa, threads); });
        },
        "scores", "isa", "threads");
}

} // namespace steepest::python
