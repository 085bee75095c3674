// Networks and their training.
#include "bindings/custom_loss.hpp"
#include "bindings/engine.hpp"
#include "bindings/samples.hpp"
#include "bindings/whole.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace steepest::python {
namespace {

// An update made parameters that are not finite, which cannot be taken back.
struct Overflowed : std::runtime_error {
    Overflowed() : std::runtime_error("the update made parameters that are not finite") {}
};

template <class T> class BoundNetwork {
  public:
    BoundNetwork(py::handle stages, py::handle parameters, std::vector<py::array> running)
        : engine_(stages, parameters, std::move(running)) {}

    // What Python's `TrainState` describes, read once; with the function of a loss of the caller's own.
    std::unique_ptr<BoundState<T>> bind(py::handle state, py::object custom) const {
        return std::make_unique<BoundState<T>>(engine_.stages(), state, std::move(custom));
    }

    // Scores of the rows of a plain matrix, read once; None if it is none, or a row is not finite.
    py::object try_forward(py::handle x_, const std::string& isa, int threads) {
        const PlainMatrix<T> x(x_);
        if (x.columns != inputs()) return py::none();
        auto scores = new_matrix<T>(x.count, outputs());
        if (!engine_.predict(x.rows, x.count, rows_of(scores), true, Choice(isa, threads))) return py::none();
        return scores;
    }

    py::array_t<T> forward(const py::object& x_, const std::string& isa, int threads) {
        if (py::isinstance<py::tuple>(x_)) {
            const SparseInput<T> x(py::cast<py::tuple>(x_), inputs());
            require_dense();
            auto scores = new_matrix<T>(x.count, outputs());
            engine_.predict(x.view(), x.count, rows_of(scores), Choice(isa, threads));
            return scores;
        }
        const Input<T> x(py::cast<py::array>(x_), "x");
        x.require(x.count, inputs(), "x");
        auto scores = new_matrix<T>(x.count, outputs());
        engine_.predict(x.rows, x.count, rows_of(scores), false, Choice(isa, threads));
        return scores;
    }

    Result fit(const py::object& x, const py::array& targets, const py::object& weight,
               const BoundState<T>& state, py::handle request_, py::object should_stop,
               const std::string& isa, int threads) {
        FitRequest request = request_from(request_);
        const Data<T> data(x, targets, weight, state.config.loss, inputs(), outputs());
        PythonLoss<T> own(state.custom, state.config.loss, outputs(), data.targets.columns);
        const auto rates = read<py::array_t<double, py::array::c_style>>(request_, "rates");
        const Index size = std::min(request.batch, data.count);
        const Index batches = std::min((data.count + size - 1) / size, request.batches);
        request.rates = {rates.data(), rates.size() == 1};
        if (rates.size() < 1) refuse("no learning rate");
        if (rates.size() != 1 && rates.size() < request.epochs * batches) refuse("too few learning rates");
        const Orders orders(request_.attr("orders"), request.epochs, data.count);
        request.orders = orders.data();
        return learn(data.samples(), state, request, std::move(should_stop), Choice(isa, threads), &own);
    }

    double step(const py::object& x, const py::array& targets, const py::object& weight,
                const BoundState<T>& state, double rate, const std::string& isa, int threads,
                std::uint64_t seed) {
        const Data<T> data(x, targets, weight, state.config.loss, inputs(), outputs());
        PythonLoss<T> own(state.custom, state.config.loss, outputs(), data.targets.columns);
        const Result result = learn(data.samples(), state, single_step(data.count, &rate, {seed, 0}),
                                    py::none(), Choice(isa, threads), &own);
        require_labels(result);
        require_finite(result);
        return result.loss;
    }

    // The objective before an update on plain arrays; None, and nothing is changed, if they are none, or
    // hold a number that is not finite, or a label or target out of range, or if the loss needs more than
    // them.
    py::object try_step(py::handle x_, py::handle targets_, const BoundState<T>& state, double rate,
                        const std::string& isa, int threads, std::uint64_t seed) {
        const Loss& loss = state.config.loss;
        if (loss.weighted || loss.kind == LossKind::custom) return py::none();
        const PlainMatrix<T> x(x_);
        if (x.count < 1 || x.columns != inputs() || !engine_.masks_cover(x.count)) return py::none();
        const Choice choice(isa, threads);
        const auto& kernels = kernels_of<T>(choice.table);
        Samples<T> samples{.x = x.rows, .count = x.count};
        if (takes_labels(loss.kind)) {
            const PlainVector<std::int64_t> labels(targets_);
            if (labels.size != x.count || outputs() < 2) return py::none();
            samples.labels = labels.data;
        } else {
            const PlainMatrix<T> targets(targets_);
            if (targets.count != x.count || targets.columns != outputs()) return py::none();
            if (search_nonfinite_row(kernels, targets.rows, x.count, targets.columns) >= 0) return py::none();
            if (!all_in_range(loss.kind, targets.rows.data, targets.count * targets.columns))
                return py::none();
            samples.targets = targets.rows;
        }
        if (search_nonfinite_row(kernels, x.rows, x.count, x.columns) >= 0) return py::none();
        const Result result =
            learn(samples, state, single_step(x.count, &rate, {seed, 0}), py::none(), choice);
        if (result.status == Status::invalid_label) return py::none();
        require_finite(result);
        return py::float_(result.loss);
    }

    py::tuple loss_and_gradients(const py::object& x, const py::array& targets, const py::object& weight,
                                 py::handle config_, const std::string& isa, int threads, py::object custom,
                                 std::uint64_t seed, std::uint64_t number, double sample_scale,
                                 py::handle into, const py::object& whole_) {
        const TrainConfig config = config_from(config_);
        const Data<T> data(x, targets, weight, config.loss, inputs(), outputs());
        if (!engine_.masks_cover(data.count)) refuse("a mask has too few rows");
        PythonLoss<T> own(std::move(custom), config.loss, outputs(), data.targets.columns);
        PythonWhole<T> whole(whole_);
        require_penalties(config);
        if (data.sparse) require_dense();
        std::vector<Parameters<T>> views;
        std::optional<ParameterSet<T>> given;
        if (!into.is_none()) {
            given.emplace(engine_.stages(), into);
            given->require_like(engine_.parameters(), "what the gradients are written to");
            views = given->views;
        }
        const py::list arrays =
            given ? py::list() : new_gradients(engine_.stages(), engine_.parameters(), views);
        const double rate = 0;
        const Samples<T> samples = data.samples();
        const FitRequest request = single_step(data.count, &rate, {seed, number});
        const double time = whole.get() ? unknown_time : engine_.network().plan().total_time(data.count);
        const Result result =
            engine_.compute(time, py::none(), Choice(isa, threads),
                            [&](Trainer<T>& trainer, const Kernels<T>& kernels, int n, const Poll& poll) {
                                return trainer.fit({.kernels = kernels,
                                                    .samples = samples,
                                                    .config = config,
                                                    .request = request,
                                                    .custom = own.get(),
                                                    .only_gradients = views.data(),
                                                    .sample_scale = sample_scale,
                                                    .whole = whole.get()},
                                                   n, poll);
                            });
        own.raise();
        whole.raise();
        require_labels(result);
        return py::make_tuple(result.loss, arrays);
    }

    void update(py::handle gradients_, const BoundState<T>& state, double rate, const std::string& isa,
                int threads, std::vector<py::array> statistics_) {
        require_penalties(state.config);
        state.require_like(engine_.parameters());
        const ParameterSet<T> gradients(engine_.stages(), gradients_);
        gradients.require_like(engine_.parameters(), "the gradient");
        double time = 0; // some nanoseconds for each parameter
        for (const auto& [weight, bias] : gradients.owners) time += double(weight.size());
        std::optional<RunningSet<T>> given;
        if (!statistics_.empty()) given.emplace(engine_.stages(), std::move(statistics_));
        std::vector<MatrixView<const T>> statistics;
        if (given)
            for (const MatrixView<T>& own : given->views) statistics.push_back(read_only(own));
        const Samples<T> samples{};
        FitRequest request = single_step(0, &rate, {});
        request.first_step = *state.steps.value, request.state_start = state.state_start;
        const Result result = engine_.compute(
            time, py::none(), Choice(isa, threads),
            [&](Trainer<T>& trainer, const Kernels<T>& kernels, int n, const Poll&) {
                return trainer.update({.kernels = kernels,
                                       .samples = samples,
                                       .config = state.config,
                                       .request = request,
                                       .state = state.state(),
                                       .average = state.average ? state.average->view : Average<T>{},
                                       .statistics = given ? statistics.data() : nullptr},
                                      gradients.views.data(), n);
            });
        *state.steps.value += result.steps;
        require_finite(result);
    }

  private:
    Index inputs() { return engine_.network().inputs(); }
    Index outputs() { return engine_.network().outputs(); }

    static void require_labels(const Result& result) {
        if (result.status == Status::invalid_label) refuse("a label is out of range");
    }

    static void require_finite(const Result& result) {
        if (result.status == Status::overflowed) throw Overflowed();
    }

    void require_penalties(const TrainConfig& config) const {
        if (!config.penalties.empty() && config.penalties.size() != engine_.parameters().views.size())
            refuse("one penalty for each stage with parameters");
        if (!config.rate_factors.empty() && config.rate_factors.size() != engine_.parameters().views.size())
            refuse("one factor of the rate for each stage with parameters");
    }

    // Sparse rows are only for a first stage that is dense.
    void require_dense() const {
        const Stage& first = engine_.stages().front().stage;
        if (!first.is_dense() || first.ramp_columns > 0) refuse("sparse rows need a dense first stage");
    }

    Result learn(const Samples<T>& samples, const BoundState<T>& state, FitRequest request,
                 py::object should_stop, const Choice& choice, PythonLoss<T>* own = nullptr) {
        require_penalties(state.config);
        state.require_like(engine_.parameters());
        if (samples.sparse) require_dense();
        if (!engine_.masks_cover(std::min(request.batch, samples.count))) refuse("a mask has too few rows");
        const CustomLoss<T>* const custom = own ? own->get() : nullptr;
        const double visited =
            std::min(double(samples.count), double(request.batch) * double(request.batches));
        const double time = engine_.network().plan().total_time(1) * visited * double(request.epochs);
        Result result = engine_.compute(
            custom ? unknown_time : time, std::move(should_stop), choice,
            [&](Trainer<T>& trainer, const Kernels<T>& kernels, int n, const Poll& poll) {
                request.first_step = *state.steps.value, request.state_start = state.state_start;
                Result done = trainer.fit({.kernels = kernels,
                                           .samples = samples,
                                           .config = state.config,
                                           .request = request,
                                           .state = state.state(),
                                           .custom = custom,
                                           .average = state.average ? state.average->view : Average<T>{}},
                                          n, poll);
                *state.steps.value += done.steps;
                return done;
            });
        if (own) own->raise();
        return result;
    }

    // Not quick: a loss written in Python may take any time.
    static constexpr double unknown_time = 2 * Unlocked::quick;

    Engine<T> engine_;
};

template <class T> void bind(py::module_& m, const char* state, const char* network) {
    using Bound = BoundNetwork<T>;
    py::class_<BoundState<T>>(m, state);
    py::class_<Bound>(m, network)
        .def(py::init<py::handle, py::handle, std::vector<py::array>>(), py::arg("stages"),
             py::arg("parameters"), py::arg("running") = py::tuple())
        .def("bind", &Bound::bind, py::arg("state"), py::arg("custom") = py::none())
        .def("forward", &Bound::forward, py::arg("x"), py::arg("isa"), py::arg("threads"))
        .def("try_forward", &Bound::try_forward, py::arg("x"), py::arg("isa"), py::arg("threads"))
        .def("try_step", &Bound::try_step, py::arg("x"), py::arg("targets"), py::arg("state"),
             py::arg("rate"), py::arg("isa"), py::arg("threads"), py::arg("seed") = 0)
        .def("fit", &Bound::fit, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("state"),
             py::arg("request"), py::arg("should_stop"), py::arg("isa"), py::arg("threads"))
        .def("step", &Bound::step, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("state"),
             py::arg("rate"), py::arg("isa"), py::arg("threads"), py::arg("seed") = 0)
        .def("loss_and_gradients", &Bound::loss_and_gradients, py::arg("x"), py::arg("targets"),
             py::arg("weight"), py::arg("config"), py::arg("isa"), py::arg("threads"),
             py::arg("custom") = py::none(), py::arg("seed") = 0, py::arg("number") = 0,
             py::arg("sample_scale") = 0.0, py::arg("into") = py::none(), py::arg("whole") = py::none())
        .def("update", &Bound::update, py::arg("gradients"), py::arg("state"), py::arg("rate"),
             py::arg("isa"), py::arg("threads"), py::arg("statistics") = py::tuple());
}

} // namespace

void bind_network(py::module_& m) {
    py::register_exception<Overflowed>(m, "Overflowed", PyExc_ArithmeticError);
    bind<float>(m, "StateFloat32", "NetworkFloat32");
    bind<double>(m, "StateFloat64", "NetworkFloat64");
}

} // namespace steepest::python
