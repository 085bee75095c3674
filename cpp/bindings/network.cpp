// Networks and their training.
#include "bindings/custom_loss.hpp"
#include "bindings/inputs.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <array>
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
    BoundNetwork(StageList stages, ParameterList parameters, std::vector<py::array> running)
        : stages_(std::move(stages)), parameters_(stages_, std::move(parameters)),
          running_(stages_, std::move(running)), engine_(new_engine()) {}

    // Scores of the rows of a plain matrix, read once; None if it is none, or a row is not finite.
    py::object try_forward(py::handle x_, const std::string& isa, int threads) {
        const PlainMatrix<T> x(x_);
        if (x.columns != network().inputs()) return py::none();
        auto scores = new_matrix<T>(x.count, network().outputs());
        if (!predict(x.rows, x.count, rows_of(scores), true, Choice(isa, threads))) return py::none();
        return scores;
    }

    py::array_t<T> forward(py::array x_, const std::string& isa, int threads) {
        const Input<T> x(std::move(x_), "x");
        x.require(x.count, network().inputs(), "x");
        auto scores = new_matrix<T>(x.count, network().outputs());
        predict(x.rows, x.count, rows_of(scores), false, Choice(isa, threads));
        return scores;
    }

    Result fit(const py::object& x, const py::array& targets, const py::object& weight,
               const Learning<T>& how, FitRequest request, const py::object& rates_, py::object watch,
               const std::string& isa, int threads, py::object custom, const AverageSet<T>* average,
               const py::object& orders_) {
        if (request.batch < 1) refuse("batches need a sample");
        if (request.first_batch < 0 || request.batches < 0) refuse("batches are counted from 0");
        const Data<T> data(x, targets, weight, how.config.loss, network().inputs(), network().outputs());
        PythonLoss<T> own(std::move(custom), how.config.loss, network().outputs(), data.targets.columns);
        const auto rates = py::cast<py::array_t<double, py::array::c_style>>(rates_);
        const Index size = std::min(request.batch, data.count);
        const Index batches = std::min((data.count + size - 1) / size, request.batches);
        request.rates = {rates.data(), rates.size() == 1};
        if (rates.size() < 1) refuse("no learning rate");
        if (rates.size() != 1 && rates.size() < request.epochs * batches) refuse("too few learning rates");
        const Orders orders(orders_, request.epochs, data.count);
        request.orders = orders.data();
        return learn(data.samples(), how, average, request, std::move(watch), Choice(isa, threads), &own);
    }

    double step(const py::object& x, const py::array& targets, const py::object& weight,
                const Learning<T>& how, double rate, const std::string& isa, int threads, py::object custom,
                const AverageSet<T>* average, std::uint64_t seed) {
        const Data<T> data(x, targets, weight, how.config.loss, network().inputs(), network().outputs());
        PythonLoss<T> own(std::move(custom), how.config.loss, network().outputs(), data.targets.columns);
        const Result result = learn(data.samples(), how, average, once(data.count, &rate, seed), py::none(),
                                    Choice(isa, threads), &own);
        require_labels(result);
        require_finite(result);
        return result.loss;
    }

    // The objective before an update on plain arrays; None, and nothing is changed, if they are none, or
    // hold a number that is not finite, or a label or target out of range, or if the loss needs more than
    // them.
    py::object try_step(py::handle x_, py::handle targets_, const Learning<T>& how, double rate,
                        const std::string& isa, int threads, py::handle average_, std::uint64_t seed) {
        // Not left to pybind11, which takes half a microsecond to see that None is no average.
        const auto* average = average_.is_none() ? nullptr : average_.cast<const AverageSet<T>*>();
        const LossKind loss = how.config.loss.kind;
        if (how.config.loss.weighted || loss == LossKind::custom) return py::none();
        const PlainMatrix<T> x(x_);
        if (x.count < 1 || x.columns != network().inputs() || !masks_cover(x.count)) return py::none();
        const Choice choice(isa, threads);
        const auto& kernels = kernels_of<T>(choice.table);
        Samples<T> samples{.x = x.rows, .count = x.count};
        if (takes_labels(loss)) {
            const PlainVector<std::int64_t> labels(targets_);
            if (labels.size != x.count || network().outputs() < 2) return py::none();
            samples.labels = labels.data;
        } else {
            const PlainMatrix<T> targets(targets_);
            if (targets.count != x.count || targets.columns != network().outputs()) return py::none();
            if (search_nonfinite_row(kernels, targets.rows, x.count, targets.columns) >= 0) return py::none();
            if (!all_in_range(loss, targets.rows.data, targets.count * targets.columns)) return py::none();
            samples.targets = targets.rows;
        }
        if (search_nonfinite_row(kernels, x.rows, x.count, x.columns) >= 0) return py::none();
        const Result result = learn(samples, how, average, once(x.count, &rate, seed), py::none(), choice);
        if (result.status == Status::invalid_label) return py::none();
        require_finite(result);
        return py::float_(result.loss);
    }

    py::tuple loss_and_gradients(const py::object& x, const py::array& targets, const py::object& weight,
                                 const TrainConfig& config, const std::string& isa, int threads,
                                 py::object custom, std::uint64_t seed, std::uint64_t number) {
        const Data<T> data(x, targets, weight, config.loss, network().inputs(), network().outputs());
        if (!masks_cover(data.count)) refuse("a mask has too few rows");
        PythonLoss<T> own(std::move(custom), config.loss, network().outputs(), data.targets.columns);
        require_penalties(config);
        require_dense(data.samples());
        py::list arrays;
        std::vector<Parameters<T>> views;
        for (const auto& stage : network().plan().stages()) {
            if (!stage.has_parameters()) continue;
            auto w = new_matrix<T>(stage.weight_rows(), stage.outputs);
            py::object bias = py::none();
            Parameters<T> view{rows_of(w), nullptr};
            if (network().parameters()[views.size()].bias) {
                auto b = py::array_t<T>(stage.outputs);
                view.bias = b.mutable_data();
                bias = b;
            }
            views.push_back(view);
            arrays.append(py::make_tuple(w, bias));
        }
        const Result result =
            compute(network().plan().total_time(data.count), py::none(), Choice(isa, threads),
                    [&](Trainer<T>& trainer, const Kernels<T>& kernels, int n, const Poll& poll) {
                        return trainer.gradients(kernels, n, data.samples(), config, views.data(),
                                                 {seed, number}, poll, own.get());
                    });
        own.raise();
        require_labels(result);
        return py::make_tuple(result.loss, arrays);
    }

  private:
    // What computes, with its buffers: one computation at a time.
    struct Engine {
        Network<T> network;
        Trainer<T> trainer{network};
        Exclusive turns;
        const unsigned forks = steepest::forks();
        explicit Engine(Network<T> made) : network(std::move(made)) {}
    };

    std::unique_ptr<Engine> new_engine() const {
        return std::make_unique<Engine>(Network<T>(stages_from(stages_), parameters_.views, running_.views));
    }

    // A child process has none of its parent's threads: what they computed with is left as it is.
    Engine& engine() {
        if (engine_->forks != forks()) {
            if (!engine_->turns.idle()) static_cast<void>(engine_.release());
            engine_ = new_engine();
        }
        return *engine_;
    }
    Network<T>& network() { return engine().network; }

    // Scores y of rows, some that stay in the cache at a time; false if they are to be finite and one is not.
    bool predict(MatrixView<const T> x, Index count, MatrixView<T> y, bool finite, const Choice& choice) {
        Engine& own = engine();
        const auto& kernels = kernels_of<T>(choice.table);
        const Index columns = own.network.inputs();
        const Index piece = std::max<Index>(1, (Index(4) << 20) / (columns * Index(sizeof(T))));
        const double time = own.network.plan().total_time(count) + double(count) * double(columns);
        Watcher signals;
        Poller poller(time > Unlocked::quick ? signals.function() : Poll());
        int size = 1;
        bool good = true;
        {
            const Exclusive::Turn turn(own.turns);
            const Unlocked unlocked(time);
            for (Index i = 0; i < count && good && !poller.stopped(); i += piece) {
                const Index n = std::min(piece, count - i);
                good = !finite || first_nonfinite_row(kernels, from(x, i), n, columns) < 0;
                if (!good) break;
                size = std::max(
                    size, own.network.predict(kernels, choice.threads, from(x, i), from(y, i), n, poller));
                poller.poll(work_between_polls);
            }
        }
        choice.ran(size);
        signals.raise();
        return good;
    }

    static FitRequest once(Index samples, const double* rate, std::uint64_t seed) {
        FitRequest request;
        request.batch = samples;
        request.seed = seed;
        request.rates.data = rate;
        request.restorable = false; // a copy of the parameters for each step would take too long
        return request;
    }

    // A batch that needs more rows of a mask than there are would read beyond them.
    bool masks_cover(Index batch) const {
        return std::all_of(stages_.begin(), stages_.end(), [=](const BoundStage& bound) {
            return bound.stage.mask_rows <= 1 || bound.stage.mask_rows >= batch;
        });
    }

    static void require_labels(const Result& result) {
        if (result.status == Status::invalid_label) refuse("a label is out of range");
    }

    static void require_finite(const Result& result) {
        if (result.status == Status::overflowed) throw Overflowed();
    }

    void require_penalties(const TrainConfig& config) const {
        if (!config.penalties.empty() && config.penalties.size() != parameters_.views.size())
            refuse("one penalty for each stage that learns");
    }

    // Sparse rows are only for a first stage that is dense.
    void require_dense(const Samples<T>& samples) const {
        if (samples.sparse && !stages_.front().stage.is_dense())
            refuse("sparse rows need a dense first stage");
    }

    Result learn(const Samples<T>& samples, const Learning<T>& how, const AverageSet<T>* average,
                 FitRequest request, py::object watch, const Choice& choice, PythonLoss<T>* own = nullptr) {
        require_penalties(how.config);
        how.require_like(parameters_);
        require_dense(samples);
        if (average) average->values.require_like(parameters_, "the average");
        if (!masks_cover(std::min(request.batch, samples.count))) refuse("a mask has too few rows");
        const CustomLoss<T>* const custom = own ? own->get() : nullptr;
        const double visited =
            std::min(double(samples.count), double(request.batch) * double(request.batches));
        const double time = network().plan().total_time(1) * visited * double(request.epochs);
        Result result = compute(custom ? unknown_time : time, std::move(watch), choice,
                                [&](Trainer<T>& trainer, const Kernels<T>& kernels, int n, const Poll& poll) {
                                    request.first_step = *how.steps, request.state_start = how.state_start;
                                    Result done =
                                        trainer.fit({.kernels = kernels,
                                                     .samples = samples,
                                                     .config = how.config,
                                                     .request = request,
                                                     .state = how.state(),
                                                     .custom = custom,
                                                     .average = average ? average->view : Average<T>{}},
                                                    n, poll);
                                    *how.steps += done.steps;
                                    return done;
                                });
        if (own) own->raise();
        return result;
    }

    // Not quick: a loss written in Python may take any time.
    static constexpr double unknown_time = 2 * Unlocked::quick;

    // Runs a computation of so much time, which asks `watch` and for signals unless it is quick.
    template <class F> Result compute(double time, py::object watch, const Choice& choice, F run) {
        Engine& own = engine();
        Watcher watcher(std::move(watch));
        Result result;
        {
            const Exclusive::Turn turn(own.turns);
            const Unlocked unlocked(time);
            result = run(own.trainer, kernels_of<T>(choice.table), choice.threads,
                         time > Unlocked::quick ? watcher.function() : Poll());
        }
        choice.ran(result.threads);
        watcher.raise();
        return result;
    }

    StageList stages_;
    ParameterSet<T> parameters_;
    RunningSet<T> running_;
    std::unique_ptr<Engine> engine_;
};

template <class T> void bind(py::module_& m, const char* learning, const char* average, const char* network) {
    using Bound = BoundNetwork<T>;
    using List = std::optional<ParameterList>;
    py::class_<Learning<T>>(m, learning)
        .def(py::init<const StageList&, const TrainConfig&, List, List, py::array, Index>(),
             py::arg("stages"), py::arg("config"), py::arg("first"), py::arg("second"), py::arg("steps"),
             py::arg("state_start"));
    py::class_<AverageSet<T>>(m, average)
        .def(py::init<const StageList&, ParameterList, py::array, Index, bool, double>(), py::arg("stages"),
             py::arg("arrays"), py::arg("updates"), py::arg("start"), py::arg("uniform"), py::arg("decay"));
    py::class_<Bound>(m, network)
        .def(py::init<StageList, ParameterList, std::vector<py::array>>(), py::arg("stages"),
             py::arg("parameters"), py::arg("running") = py::tuple())
        .def("forward", &Bound::forward, py::arg("x"), py::arg("isa"), py::arg("threads"))
        .def("try_forward", &Bound::try_forward, py::arg("x"), py::arg("isa"), py::arg("threads"))
        .def("try_step", &Bound::try_step, py::arg("x"), py::arg("targets"), py::arg("how"), py::arg("rate"),
             py::arg("isa"), py::arg("threads"), py::arg("average") = py::none(), py::arg("seed") = 0)
        .def("fit", &Bound::fit, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("how"),
             py::arg("request"), py::arg("rates"), py::arg("watch"), py::arg("isa"), py::arg("threads"),
             py::arg("custom") = py::none(), py::arg("average") = py::none(), py::arg("orders") = py::none())
        .def("step", &Bound::step, py::arg("x"), py::arg("targets"), py::arg("weight"), py::arg("how"),
             py::arg("rate"), py::arg("isa"), py::arg("threads"), py::arg("custom") = py::none(),
             py::arg("average") = py::none(), py::arg("seed") = 0)
        .def("loss_and_gradients", &Bound::loss_and_gradients, py::arg("x"), py::arg("targets"),
             py::arg("weight"), py::arg("config"), py::arg("isa"), py::arg("threads"),
             py::arg("custom") = py::none(), py::arg("seed") = 0, py::arg("number") = 0);
}

BoundStage make_stage(const std::string& kind, Index inputs, Index outputs, const std::string& activation,
                      double slope, std::uint32_t number, double rate, double momentum, double epsilon,
                      Index partner, const std::vector<Index>& image, const py::object& mask) {
    BoundStage bound;
    Stage& s = bound.stage;
    s.kind = &stage_kind(kind), s.activation = activation_named(activation);
    s.inputs = inputs, s.outputs = outputs, s.slope = slope, s.number = number, s.rate = rate;
    s.momentum = momentum, s.epsilon = epsilon, s.partner = partner;
    if (!image.empty()) {
        if (image.size() != 5) refuse("an image has five sizes");
        s.height = image[0], s.width = image[1], s.channels = image[2];
        s.pooled_height = image[3], s.pooled_width = image[4];
    }
    if (!mask.is_none()) {
        bound.mask = py::cast<py::array_t<bool, py::array::c_style>>(mask);
        if (bound.mask.ndim() != 2 || bound.mask.shape(1) != outputs) refuse("mask has another shape");
        s.mask = bound.mask.data(), s.mask_rows = bound.mask.shape(0);
    }
    return bound;
}

} // namespace

void bind_network(py::module_& m) {
    py::enum_<LossKind>(m, "LossKind")
        .value("softmax", LossKind::softmax)
        .value("hinge", LossKind::hinge)
        .value("squared_hinge", LossKind::squared_hinge)
        .value("squared_error", LossKind::squared_error)
        .value("absolute_error", LossKind::absolute_error)
        .value("huber", LossKind::huber)
        .value("binary_cross_entropy", LossKind::binary_cross_entropy)
        .value("poisson", LossKind::poisson)
        .value("custom", LossKind::custom);
    py::enum_<Status>(m, "Status")
        .value("finished", Status::finished)
        .value("cancelled", Status::cancelled)
        .value("diverged", Status::diverged)
        .value("overflowed", Status::overflowed)
        .value("invalid_label", Status::invalid_label);
    py::class_<BoundStage>(m, "Stage")
        .def(py::init(&make_stage), py::arg("kind"), py::arg("inputs"), py::arg("outputs"),
             py::arg("activation"), py::arg("slope") = 0.0, py::arg("number") = 0, py::arg("rate") = 0.0,
             py::arg("momentum") = 0.0, py::arg("epsilon") = 0.0, py::arg("partner") = 0,
             py::arg("image") = py::tuple(), py::arg("mask") = py::none());
    py::class_<Loss>(m, "Loss").def(py::init([](LossKind kind, double parameter, bool sum, bool weighted) {
                                        return Loss{kind, parameter, sum, weighted};
                                    }),
                                    py::arg("kind"), py::arg("parameter") = 0.0, py::arg("sum") = false,
                                    py::arg("weighted") = false);
    py::enum_<Rule>(m, "Rule")
        .value("sgd", Rule::sgd)
        .value("rmsprop", Rule::rmsprop)
        .value("adam", Rule::adam);
    py::class_<Optimizer>(m, "Optimizer")
        .def(py::init([](Rule rule, double momentum, bool nesterov, double decay, double gain, double epsilon,
                         double weight_decay, bool epsilon_hat) {
                 return Optimizer{rule, momentum, nesterov, decay, gain, epsilon, weight_decay, epsilon_hat};
             }),
             py::arg("rule"), py::arg("momentum"), py::arg("nesterov"), py::arg("decay"), py::arg("gain"),
             py::arg("epsilon"), py::arg("weight_decay"), py::arg("epsilon_hat") = false);
    py::class_<Penalty>(m, "Penalty")
        .def(py::init([](double l2, double l1, bool proximal) { return Penalty{l2, l1, proximal}; }),
             py::arg("l2"), py::arg("l1"), py::arg("proximal"));
    py::class_<TrainConfig>(m, "TrainConfig")
        .def(py::init([](const Loss& loss, std::vector<Penalty> penalties, const Optimizer& optimizer,
                         double clip_value, double clip_norm, double max_norm, bool penalty_by_batch,
                         double report_scale, bool mean_by_count) {
                 return TrainConfig{loss,     std::move(penalties), optimizer,    clip_value,   clip_norm,
                                    max_norm, penalty_by_batch,     report_scale, mean_by_count};
             }),
             py::arg("loss"), py::arg("penalties"), py::arg("optimizer"), py::arg("clip_value"),
             py::arg("clip_norm"), py::arg("max_norm"), py::arg("penalty_by_batch") = false,
             py::arg("report_scale") = 1.0, py::arg("mean_by_count") = false);
    py::class_<FitRequest>(m, "FitRequest")
        .def(py::init([](Index epochs, Index first_epoch, Index batch, bool shuffle, std::uint64_t seed,
                         Index first_batch, std::optional<Index> batches, std::pair<double, double> sums,
                         std::optional<std::array<double, 4>> plateau) {
                 FitRequest request{epochs, first_epoch, batch, shuffle, seed};
                 request.first_batch = first_batch;
                 if (batches) request.batches = *batches;
                 request.before = {sums.first, sums.second};
                 if (plateau) {
                     const auto [tolerance, patience, best, waited] = *plateau;
                     request.plateau = {tolerance, patience, best, waited};
                 }
                 return request;
             }),
             py::arg("epochs"), py::arg("first_epoch"), py::arg("batch"), py::arg("shuffle"), py::arg("seed"),
             py::arg("first_batch") = 0, py::arg("batches") = py::none(),
             py::arg("sums") = std::make_pair(0.0, 0.0), py::arg("plateau") = py::none());
    py::class_<Result>(m, "Result")
        .def_readonly("losses", &Result::losses)
        .def_readonly("seconds", &Result::seconds)
        .def_readonly("status", &Result::status)
        .def_readonly("step", &Result::step)
        .def_property_readonly("sums",
                               [](const Result& r) { return std::make_pair(r.sums.loss, r.sums.weight); });
    py::register_exception<Overflowed>(m, "Overflowed", PyExc_ArithmeticError);
    bind<float>(m, "LearningFloat32", "AverageFloat32", "NetworkFloat32");
    bind<double>(m, "LearningFloat64", "AverageFloat64", "NetworkFloat64");
}

} // namespace steepest::python
