// Single operations on arrays. Every function takes float32 or float64 and is bound for both by overload.
#include "base/random.hpp"
#include "bindings/arrays.hpp"
#include "operations.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>

namespace steepest::python {
namespace {

// run(poller) for so much work: without the interpreter's lock and looking for signals, unless it is quick.
template <class Run> void interruptibly(double work, const Choice& choice, Run run) {
    Watcher signals;
    Poller poller(work > Unlocked::quick ? signals.function() : Poll());
    int size;
    {
        const Unlocked unlocked(work);
        size = run(poller);
    }
    choice.ran(size);
    signals.raise();
}

// The same for a function of elements, visit(first, count), on one thread.
constexpr double time_of_element = 20; // of the dearest, in bytes read or multiply-adds
template <class Visit> void by_elements(Index n, const Choice& choice, Visit visit) {
    in_pieces(n, time_of_element, [&](Index first, Index count) {
        visit(first, count);
        return true;
    });
    choice.ran(1);
}

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

template <class T> py::array_t<T> function(Function f, const py::array& x_, const std::string& isa) {
    const Choice choice(isa, 1);
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
py::tuple loss(const Loss& loss, py::array scores_, const py::array& targets_, const py::object& weight_,
               const std::string& isa, int threads) {
    const Choice choice(isa, threads);
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
                                               {{}, labels.data(), targets.rows, weight.data, scores.count},
                                               scores.columns, gradient_rows, &value, poller);
        });
    return py::make_tuple(value, gradient);
}

template <class T>
void update(py::array weight_, py::array gradient_, const py::object& first_, const py::object& second_,
            const Optimizer& optimizer, const Penalty& penalty, double rate, Index age,
            const std::string& isa) {
    const Choice choice(isa, 1);
    const Input<T> gradient(std::move(gradient_), "grad");
    const MatrixView<T> weight = writable<T>(weight_, gradient.count, gradient.columns, "weight");
    const auto state = [&](bool needed, const py::object& object) {
        if (!needed) return MatrixView<T>{};
        if (object.is_none()) refuse("the optimizer needs a state");
        auto array = py::cast<py::array>(object);
        return writable<T>(array, gradient.count, gradient.columns, "state");
    };
    const MatrixView<T> first = state(optimizer.has_first(), first_);
    const MatrixView<T> second = state(optimizer.has_second(), second_);
    const auto slots_of_row = [&](Index i) {
        RowSlots<T> row;
        int count = 0;
        if (first.data) row.slot[count++] = from(first, i).data;
        if (second.data) row.slot[count++] = from(second, i).data;
        return row;
    };
    const auto how = of_weights<T>(update_with<T>(optimizer, unlimited, rate, age), optimizer, penalty, rate);
    {
        const Unlocked unlocked(time_of_element * double(gradient.count) * double(gradient.columns));
        for (Index i = 0; i < gradient.count; ++i) // not left half done
            kernels_of<T>(choice.table)
                .update(how, from(gradient.rows, i).data, from(weight, i).data, slots_of_row(i),
                        gradient.columns);
    }
    choice.ran(1);
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

// Multiply-adds a second, two floating-point operations each, of `threads` threads: the machine's peak.
template <class T> double multiply_adds(Index iterations, const std::string& isa, int threads) {
    const Choice choice(isa, threads);
    const auto& kernels = kernels_of<T>(choice.table);
    double done = 0; // written by this thread, as rank 0
    const Unlocked unlocked;
    const auto start = std::chrono::steady_clock::now();
    run(threads > 0 ? threads : default_threads(), [&](const Team& team) {
        const double mine = kernels.multiply_add_loop(iterations);
        team.barrier();
        if (team.rank == 0) done = mine * team.size;
    });
    return done / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Bytes a second that `threads` threads read, each its own part of x `passes` times.
template <class T> double read_bandwidth(py::array x_, Index passes, const std::string& isa, int threads) {
    const Choice choice(isa, threads);
    const InputVector<T> x(x_, x_.size(), "x");
    const Index elements = x_.size();
    const auto& kernels = kernels_of<T>(choice.table);
    double done = 0; // written by this thread, as rank 0
    const Unlocked unlocked;
    const auto start = std::chrono::steady_clock::now();
    run(threads > 0 ? threads : default_threads(), [&](const Team& team) {
        const Range mine = column_chunk<T>(elements, team);
        double read = 0;
        for (Index i = 0; i < passes; ++i) read += kernels.read_loop(x.data + mine.begin, mine.size());
        team.barrier();
        if (team.rank == 0) done = read * team.size * sizeof(T);
    });
    return done / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// f<float> or f<double> by the dtype of the array at hand
template <class F> auto by_dtype(const py::array& a, F f) {
    if (py::isinstance<py::array_t<float>>(a)) return f(float{});
    if (py::isinstance<py::array_t<double>>(a)) return f(double{});
    refuse("expected float32 or float64");
}

} // namespace

void bind_functions(py::module_& m) {
    py::enum_<Function>(m, "Function")
        .value("exp", Function::exp)
        .value("log", Function::log)
        .value("sigmoid", Function::sigmoid)
        .value("tanh", Function::tanh);
    using A = py::array;
    using O = py::object;
    using S = std::string;
    m.def("linear", [](const A& x, const A& w, const O& b, const S& isa, int threads) {
        return by_dtype(x, [&](auto t) -> A { return linear<decltype(t)>(x, w, b, isa, threads); });
    });
    m.def("linear_backward", [](const A& x, const A& w, const A& dy, const S& isa, int threads) {
        return by_dtype(x, [&](auto t) { return linear_backward<decltype(t)>(x, w, dy, isa, threads); });
    });
    m.def("function", [](Function f, const A& x, const S& isa) {
        return by_dtype(x, [&](auto t) -> A { return function<decltype(t)>(f, x, isa); });
    });
    m.def("activation", [](const S& name, double slope, const A& x, const S& isa) {
        return by_dtype(x, [&](auto t) -> A { return activation<decltype(t)>(name, slope, x, isa); });
    });
    m.def("activation_backward", [](const S& name, double slope, const A& y, const A& dy, const S& isa) {
        return by_dtype(
            y, [&](auto t) -> A { return activation_backward<decltype(t)>(name, slope, y, dy, isa); });
    });
    m.def("softmax", [](const A& x, const S& isa, int threads) {
        return by_dtype(x, [&](auto t) -> A { return softmax<decltype(t)>(x, isa, threads); });
    });
    m.def("loss",
          [](const Loss& l, const A& scores, const A& targets, const O& weight, const S& isa, int threads) {
              return by_dtype(scores, [&](auto t) {
                  return loss<decltype(t)>(l, scores, targets, weight, isa, threads);
              });
          });
    m.def("update", [](const A& w, const A& g, const O& first, const O& second, const Optimizer& optimizer,
                       const Penalty& penalty, double rate, Index age, const S& isa) {
        return by_dtype(w, [&](auto t) {
            return update<decltype(t)>(w, g, first, second, optimizer, penalty, rate, age, isa);
        });
    });
    m.def("first_nonfinite_row", [](const A& x, const S& isa) {
        return by_dtype(x, [&](auto t) { return first_nonfinite_row<decltype(t)>(x, isa); });
    });
    m.def("first_bad_label", &first_bad_label);
    m.def("multiply_adds", [](const S& dtype, Index iterations, const S& isa, int threads) {
        return dtype == "float32" ? multiply_adds<float>(iterations, isa, threads)
                                  : multiply_adds<double>(iterations, isa, threads);
    });
    m.def("read_bandwidth", [](const A& x, Index passes, const S& isa, int threads) {
        return by_dtype(x, [&](auto t) { return read_bandwidth<decltype(t)>(x, passes, isa, threads); });
    });
    m.def("philox",
          [](PhiloxCounter counter, PhiloxKey key) { return py::tuple(py::cast(philox(counter, key))); });
    m.def("shuffle", [](Index n, std::uint64_t seed, std::uint64_t epoch) {
        Order order;
        order.reserve(n);
        order.shuffle(n, seed, epoch);
        py::array_t<Index> samples(n);
        for (Index i = 0; i < n; ++i) samples.mutable_data()[i] = order[i];
        return samples;
    });
}

} // namespace steepest::python
