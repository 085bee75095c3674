// Networks and their training. The interpreter's lock is released while they compute: a fit runs for minutes,
// and another thread must be able to cancel it.
#include "../trainer.hpp"
#include "arrays.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>

namespace steepest::python {
namespace {

using StageTuple = std::tuple<Index, Index, std::string, bool>;      // inputs, outputs, activation, dense
using ParameterList = std::vector<std::pair<py::array, py::object>>; // weight, bias or None

std::vector<Stage> stages_from(const std::vector<StageTuple>& tuples) {
    std::vector<Stage> stages;
    for (const auto& [inputs, outputs, activation, dense] : tuples)
        stages.push_back({inputs, outputs, activation_named(activation), dense});
    return stages;
}

// Arrays that belong to the dense stages of a network, kept alive with the views of them.
template <class T> struct ParameterSet {
    ParameterList owners;
    std::vector<Parameters<T>> views;

    ParameterSet(const std::vector<StageTuple>& stages, ParameterList arrays) : owners(std::move(arrays)) {
        for (const auto& [inputs, outputs, activation, dense] : stages) {
            if (!dense) continue;
            if (views.size() == owners.size()) refuse("fewer parameters than dense stages");
            auto& [weight, bias] = owners[views.size()];
            Parameters<T> view{writable<T>(weight, inputs, outputs, "weight"), nullptr};
            if (!bias.is_none()) {
                auto array = py::cast<py::array>(bias);
                view.bias = writable<T>(array, outputs, "bias");
            }
            views.push_back(view);
        }
        if (views.size() != owners.size()) refuse("more parameters than dense stages");
    }

    void require_like(const ParameterSet& other) const {
        bool same = owners.size() == other.owners.size();
        for (std::size_t i = 0; same && i < owners.size(); ++i)
            same = std::equal(owners[i].first.shape(), owners[i].first.shape() + 2,
                              other.owners[i].first.shape()) &&
                   owners[i].second.is_none() == other.owners[i].second.is_none();
        if (!same) refuse("velocities are not like the parameters");
    }
};

// Asks Python, while the team computes, whether to go on: the caller's function, then the signals.
class Watcher {
  public:
    explicit Watcher(py::object ask) : ask_(std::move(ask)) {}
    Watch function() {
        return [this](double epochs) {
            py::gil_scoped_acquire locked;
            try {
                const bool stop = !ask_.is_none() && py::cast<bool>(ask_(epochs));
                if (PyErr_CheckSignals() != 0) throw py::error_already_set();
                return stop;
            } catch (const std::exception&) { // ends the run; raised when it has ended
                error_ = std::current_exception();
                return true;
            }
        };
    }
    void raise() {
        if (error_) std::rethrow_exception(error_);
    }

  private:
    py::object ask_;
    std::exception_ptr error_;
};

// A network's buffers serve one computation at a time. Others wait, and can be interrupted; only a signal
// handler or watcher that runs inside a computation must not wait for it.
class Exclusive {
  public:
    class Turn {
      public:
        explicit Turn(Exclusive& gate) : gate_(gate) { // with the interpreter's lock
            if (gate.owner_.load() == std::this_thread::get_id())
                throw std::runtime_error("this model is computing: it cannot be used from a signal handler");
            while (!gate.taken_.try_lock()) {
                {
                    py::gil_scoped_release unlocked;
                    std::this_thread::sleep_for(std::chrono::milliseconds(1));
                }
                if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            }
            gate.owner_ = std::this_thread::get_id();
        }
        ~Turn() {
            gate_.owner_ = std::thread::id();
            gate_.taken_.unlock();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

      private:
        Exclusive& gate_;
    };

  private:
    std::mutex taken_;
    std::atomic<std::thread::id> owner_{};
};

template <class T> struct Data {
    Input<T> x, targets;
    std::vector<std::int64_t> labels; // a copy: one changed during a fit would be an index out of bounds
    InputVector<T> weight;

    Data(const py::array& x_, const py::array& targets_, const py::object& weight_, const Loss& loss,
         Index inputs, Index outputs)
        : x(x_, "x"), weight(weight_, x.count, "weight") {
        x.require(x.count, inputs, "x");
        if (x.count < 1) refuse("no samples");
        if (loss.kind == LossKind::squared_error) {
            targets = Input<T>(targets_, "targets");
            targets.require(x.count, outputs, "targets");
        } else {
            const InputVector<std::int64_t> given(targets_, x.count, "labels");
            labels.assign(given.data, given.data + x.count);
            require_labels(labels.data(), x.count, outputs);
        }
    }
    Samples<T> samples() const {
        return {x.rows, labels.empty() ? nullptr : labels.data(), targets.rows, weight.data, x.count};
    }
};

template <class T> class BoundNetwork {
  public:
    BoundNetwork(const std::vector<StageTuple>& stages, ParameterList parameters)
        : parameters_(stages, std::move(parameters)), network_(stages_from(stages), parameters_.views),
          trainer_(network_) {}

    py::array_t<T> forward(py::array x_, const std::string& isa, int threads) {
        const Choice choice(isa, threads);
        const Input<T> x(std::move(x_), "x");
        x.require(x.count, network_.inputs(), "x");
        auto y = new_matrix<T>(x.count, network_.outputs());
        const Rows<T> rows = rows_of(y);
        int size = 1;
        if (x.count > 0) {
            const Exclusive::Turn turn(exclusive_);
            py::gil_scoped_release unlocked;
            size = network_.predict(kernels_of<T>(choice.table), choice.threads, x.rows, rows, x.count);
        }
        choice.ran(size);
        return y;
    }

    Result fit(const py::array& x, const py::array& targets, const py::object& weight, const Recipe& recipe,
               const ParameterSet<T>* velocities, const Schedule& schedule, py::object watch,
               const std::string& isa, int threads) {
        if (recipe.momentum != 0 && !velocities) refuse("momentum needs velocities");
        if (velocities) velocities->require_like(parameters_);
        if (schedule.batch < 1) refuse("batches need a sample");
        const Data<T> data(x, targets, weight, recipe.loss, network_.inputs(), network_.outputs());
        return compute(isa, threads, std::move(watch),
                       [&](const Kernels<T>& kernels, int n, const Watch& asked) {
                           return trainer_.fit(kernels, n, data.samples(), recipe,
                                               recipe.momentum != 0 ? velocities->views.data() : nullptr,
                                               schedule, asked);
                       });
    }

    double step(const py::array& x, const py::array& targets, const py::object& weight, const Recipe& recipe,
                const ParameterSet<T>* velocities, const std::string& isa, int threads) {
        Schedule once;
        once.batch = std::max<Index>(1, x.ndim() == 2 ? x.shape(0) : 0);
        return fit(x, targets, weight, recipe, velocities, once, py::none(), isa, threads).loss;
    }

    py::tuple loss_and_gradients(const py::array& x, const py::array& targets, const py::object& weight,
                                 const Recipe& recipe, const std::string& isa, int threads) {
        const Data<T> data(x, targets, weight, recipe.loss, network_.inputs(), network_.outputs());
        py::list arrays;
        std::vector<Parameters<T>> views;
        for (const auto& stage : network_.stages()) {
            if (!stage.dense) continue;
            auto w = new_matrix<T>(stage.inputs, stage.outputs);
            py::object bias = py::none();
            Parameters<T> view{rows_of(w), nullptr};
            if (network_.parameters()[views.size()].bias) {
                auto b = py::array_t<T>(stage.outputs);
                view.bias = b.mutable_data();
                bias = b;
            }
            views.push_back(view);
            arrays.append(py::make_tuple(w, bias));
        }
        const Result result =
            compute(isa, threads, py::none(), [&](const Kernels<T>& kernels, int n, const Watch& asked) {
                return trainer_.gradients(kernels, n, data.samples(), recipe, views.data(), asked);
            });
        return py::make_tuple(result.loss, arrays);
    }

  private:
    template <class F> Result compute(const std::string& isa, int threads, py::object watch, F run) {
        const Choice choice(isa, threads);
        Watcher watcher(std::move(watch));
        Result result;
        {
            const Exclusive::Turn turn(exclusive_);
            py::gil_scoped_release unlocked;
            result = run(kernels_of<T>(choice.table), choice.threads, watcher.function());
        }
        choice.ran(result.threads);
        watcher.raise();
        return result;
    }

    ParameterSet<T> parameters_;
    Network<T> network_;
    Trainer<T> trainer_;
    Exclusive exclusive_;
};

template <class T> void bind(py::module_& m, const char* parameters, const char* network) {
    using Bound = BoundNetwork<T>;
    py::class_<ParameterSet<T>>(m, parameters).def(py::init<const std::vector<StageTuple>&, ParameterList>());
    py::class_<Bound>(m, network)
        .def(py::init<const std::vector<StageTuple>&, ParameterList>())
        .def("forward", &Bound::forward, py::arg("x"), py::arg("isa"), py::arg("threads"))
        .def("fit", &Bound::fit, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("recipe"),
             py::arg("velocities"), py::arg("schedule"), py::arg("watch"), py::arg("isa"), py::arg("threads"))
        .def("step", &Bound::step, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("recipe"),
             py::arg("velocities"), py::arg("isa"), py::arg("threads"))
        .def("loss_and_gradients", &Bound::loss_and_gradients, py::arg("x"), py::arg("targets"),
             py::arg("weight"), py::arg("recipe"), py::arg("isa"), py::arg("threads"));
}

} // namespace

void bind_network(py::module_& m) {
    py::enum_<LossKind>(m, "LossKind")
        .value("softmax", LossKind::softmax)
        .value("hinge", LossKind::hinge)
        .value("squared_hinge", LossKind::squared_hinge)
        .value("squared_error", LossKind::squared_error);
    py::enum_<Status>(m, "Status")
        .value("finished", Status::finished)
        .value("cancelled", Status::cancelled)
        .value("diverged", Status::diverged);
    py::class_<Loss>(m, "Loss").def(
        py::init([](LossKind kind, double margin, bool sum) { return Loss{kind, margin, sum}; }),
        py::arg("kind"), py::arg("margin"), py::arg("sum"));
    py::class_<Recipe>(m, "Recipe")
        .def(
            py::init([](const Loss& loss, double l2, double l1, double learning_rate, double momentum,
                        bool nesterov) { return Recipe{loss, {l2, l1}, learning_rate, momentum, nesterov}; }),
            py::arg("loss"), py::arg("l2"), py::arg("l1"), py::arg("learning_rate"), py::arg("momentum"),
            py::arg("nesterov"));
    py::class_<Schedule>(m, "Schedule")
        .def(py::init([](Index epochs, Index first_epoch, Index batch, bool shuffle, std::uint64_t seed) {
                 return Schedule{epochs, first_epoch, batch, shuffle, seed};
             }),
             py::arg("epochs"), py::arg("first_epoch"), py::arg("batch"), py::arg("shuffle"),
             py::arg("seed"));
    py::class_<Result>(m, "Result")
        .def_readonly("losses", &Result::losses)
        .def_readonly("seconds", &Result::seconds)
        .def_readonly("status", &Result::status)
        .def_readonly("step", &Result::step);
    bind<float>(m, "ParametersFloat32", "NetworkFloat32");
    bind<double>(m, "ParametersFloat64", "NetworkFloat64");
}

} // namespace steepest::python
