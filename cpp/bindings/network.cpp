// Networks and their training.
#include "samples.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace steepest::python {
namespace {

template <class T> class BoundNetwork {
  public:
    BoundNetwork(const std::vector<StageTuple>& stages, ParameterList parameters)
        : parameters_(stages, std::move(parameters)), network_(stages_from(stages), parameters_.views),
          trainer_(network_) {}

    // Scores of the rows of a plain matrix, read once; None if it is none, or a row is not finite.
    py::object try_forward(py::handle x_, const std::string& isa, int threads) {
        const PlainMatrix<T> x(x_);
        if (x.columns != network_.inputs()) return py::none();
        const Choice choice(isa, threads);
        auto scores = new_matrix<T>(x.count, network_.outputs());
        const Rows<T> y = rows_of(scores);
        int size = 1;
        bool finite;
        {
            const Exclusive::Turn turn(exclusive_);
            const Unlocked unlocked(network_.step_time(x.count));
            finite = in_pieces(x.count, x.columns * Index(sizeof(T)), [&](Index i, Index n) {
                const auto& kernels = kernels_of<T>(choice.table);
                if (first_nonfinite_row(kernels, from(x.rows, i), n, x.columns) >= 0) return false;
                const int team = network_.predict(kernels, choice.threads, from(x.rows, i), from(y, i), n);
                size = std::max(size, team);
                return true;
            });
        }
        choice.ran(size);
        if (!finite) return py::none();
        return scores;
    }

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
               const std::string& isa, int threads, const AverageSet<T>* average) {
        if (schedule.batch < 1) refuse("batches need a sample");
        if (schedule.first_batch < 0 || schedule.batches < 0) refuse("batches are counted from 0");
        const Data<T> data(x, targets, weight, recipe.loss, network_.inputs(), network_.outputs());
        return learn(data.samples(), recipe, velocities, average, schedule, std::move(watch),
                     Choice(isa, threads));
    }

    double step(const py::array& x, const py::array& targets, const py::object& weight, const Recipe& recipe,
                const ParameterSet<T>* velocities, const std::string& isa, int threads,
                const AverageSet<T>* average) {
        const Data<T> data(x, targets, weight, recipe.loss, network_.inputs(), network_.outputs());
        const Result result = learn(data.samples(), recipe, velocities, average, once(data.x.count),
                                    py::none(), Choice(isa, threads));
        require_labels(result);
        return result.loss;
    }

    // The objective before an update on plain arrays; None, and nothing is changed, if they are none, or
    // hold a number that is not finite, or a label out of range.
    py::object try_step(py::handle x_, py::handle targets_, const Recipe& recipe, py::handle velocities_,
                        const std::string& isa, int threads, py::handle average_) {
        // Not left to pybind11, which takes half a microsecond to see that None is no set of parameters.
        const auto* velocities = velocities_.is_none() ? nullptr : velocities_.cast<const ParameterSet<T>*>();
        const auto* average = average_.is_none() ? nullptr : average_.cast<const AverageSet<T>*>();
        const PlainMatrix<T> x(x_);
        if (x.count < 1 || x.columns != network_.inputs()) return py::none();
        const Choice choice(isa, threads);
        const auto& kernels = kernels_of<T>(choice.table);
        Samples<T> samples{x.rows, nullptr, {}, nullptr, x.count};
        if (recipe.loss.kind == LossKind::squared_error) {
            const PlainMatrix<T> targets(targets_);
            if (targets.count != x.count || targets.columns != network_.outputs()) return py::none();
            if (search_nonfinite_row(kernels, targets.rows, x.count, targets.columns) >= 0) return py::none();
            samples.targets = targets.rows;
        } else {
            const PlainVector<std::int64_t> labels(targets_);
            if (labels.size != x.count || network_.outputs() < 2) return py::none();
            samples.labels = labels.data;
        }
        if (search_nonfinite_row(kernels, x.rows, x.count, x.columns) >= 0) return py::none();
        const Result result = learn(samples, recipe, velocities, average, once(x.count), py::none(), choice);
        if (result.status == Status::mislabelled) return py::none();
        return py::float_(result.loss);
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
            compute(network_.step_time(data.x.count), py::none(), Choice(isa, threads),
                    [&](const Kernels<T>& kernels, int n, const Watch& asked) {
                        return trainer_.gradients(kernels, n, data.samples(), recipe, views.data(), asked);
                    });
        require_labels(result);
        return py::make_tuple(result.loss, arrays);
    }

  private:
    static Schedule once(Index samples) {
        Schedule schedule;
        schedule.batch = samples;
        return schedule;
    }

    static void require_labels(const Result& result) {
        if (result.status == Status::mislabelled) refuse("a label is out of range");
    }

    Result learn(const Samples<T>& samples, const Recipe& recipe, const ParameterSet<T>* velocities,
                 const AverageSet<T>* average, const Schedule& schedule, py::object watch,
                 const Choice& choice) {
        if (recipe.momentum != 0 && !velocities) refuse("momentum needs velocities");
        if (velocities) velocities->require_like(parameters_, "velocities");
        if (average) average->values.require_like(parameters_, "averages");
        const double visited =
            std::min(double(samples.count), double(schedule.batch) * double(schedule.batches));
        return compute(network_.step_time(1) * visited * double(schedule.epochs), std::move(watch), choice,
                       [&](const Kernels<T>& kernels, int n, const Watch& asked) {
                           return trainer_.fit(kernels, n, samples, recipe,
                                               recipe.momentum != 0 ? velocities->views.data() : nullptr,
                                               schedule, asked, average ? average->view : Average<T>{});
                       });
    }

    // Runs a computation of so much time, which asks `watch` and for signals unless it is quick.
    template <class F> Result compute(double time, py::object watch, const Choice& choice, F run) {
        Watcher watcher(std::move(watch));
        Result result;
        {
            const Exclusive::Turn turn(exclusive_);
            const Unlocked unlocked(time);
            result = run(kernels_of<T>(choice.table), choice.threads,
                         time > Unlocked::quick ? watcher.function() : Watch());
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

template <class T>
void bind(py::module_& m, const char* parameters, const char* average, const char* network) {
    using Bound = BoundNetwork<T>;
    py::class_<ParameterSet<T>>(m, parameters).def(py::init<const std::vector<StageTuple>&, ParameterList>());
    py::class_<AverageSet<T>>(m, average)
        .def(py::init<const std::vector<StageTuple>&, ParameterList, py::array, Index, bool, double>(),
             py::arg("stages"), py::arg("arrays"), py::arg("updates"), py::arg("start"), py::arg("uniform"),
             py::arg("decay"));
    py::class_<Bound>(m, network)
        .def(py::init<const std::vector<StageTuple>&, ParameterList>())
        .def("forward", &Bound::forward, py::arg("x"), py::arg("isa"), py::arg("threads"))
        .def("try_forward", &Bound::try_forward, py::arg("x"), py::arg("isa"), py::arg("threads"))
        .def("try_step", &Bound::try_step, py::arg("x"), py::arg("targets"), py::arg("recipe"),
             py::arg("velocities"), py::arg("isa"), py::arg("threads"), py::arg("average") = py::none())
        .def("fit", &Bound::fit, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("recipe"),
             py::arg("velocities"), py::arg("schedule"), py::arg("watch"), py::arg("isa"), py::arg("threads"),
             py::arg("average") = py::none())
        .def("step", &Bound::step, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("recipe"),
             py::arg("velocities"), py::arg("isa"), py::arg("threads"), py::arg("average") = py::none())
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
        .value("diverged", Status::diverged)
        .value("mislabelled", Status::mislabelled);
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
        .def(py::init([](Index epochs, Index first_epoch, Index batch, bool shuffle, std::uint64_t seed,
                         Index first_batch, std::optional<Index> batches, std::pair<double, double> sums) {
                 Schedule schedule{epochs, first_epoch, batch, shuffle, seed};
                 schedule.first_batch = first_batch;
                 if (batches) schedule.batches = *batches;
                 schedule.before = {sums.first, sums.second};
                 return schedule;
             }),
             py::arg("epochs"), py::arg("first_epoch"), py::arg("batch"), py::arg("shuffle"), py::arg("seed"),
             py::arg("first_batch") = 0, py::arg("batches") = py::none(),
             py::arg("sums") = std::make_pair(0.0, 0.0));
    py::class_<Result>(m, "Result")
        .def_readonly("losses", &Result::losses)
        .def_readonly("seconds", &Result::seconds)
        .def_readonly("status", &Result::status)
        .def_readonly("step", &Result::step)
        .def_property_readonly("sums",
                               [](const Result& r) { return std::make_pair(r.sums.loss, r.sums.weight); });
    bind<float>(m, "ParametersFloat32", "AverageFloat32", "NetworkFloat32");
    bind<double>(m, "ParametersFloat64", "AverageFloat64", "NetworkFloat64");
}

} // namespace steepest::python
