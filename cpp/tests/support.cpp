#include "support.hpp"

#include <cstdio>
#include <utility>

namespace steepest::tests {
namespace {

int failures = 0;

std::vector<std::pair<std::string, void (*)()>>& concerns() {
    static std::vector<std::pair<std::string, void (*)()>> all;
    return all;
}

} // namespace

void check(bool good, const std::string& what) {
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what.c_str());
    failures += !good;
}

Concern::Concern(const char* name, void (*body)()) { concerns().emplace_back(name, body); }

// All concerns, or those named. Exit status 1 if a check fails, or a name is none.
int run_concerns(const std::vector<std::string>& wanted) {
    for (const auto& name : wanted) {
        bool found = false;
        for (const auto& concern : concerns()) found |= concern.first == name;
        check(found, "a concern named " + name);
    }
    for (const auto& [name, body] : concerns()) {
        bool asked = wanted.empty();
        for (const auto& one : wanted) asked |= one == name;
        if (asked) body();
    }
    std::printf("%d failed\n", failures);
    return failures != 0;
}

std::string hash(const std::string& bits) {
    std::uint64_t h = 0xcbf29ce484222325;
    for (const char c : bits) h = (h ^ std::uint8_t(c)) * 0x100000001b3;
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(h));
    return text;
}

Stage stage(const char* kind, Index inputs, Index outputs, const char* activation, double slope) {
    return {.inputs = inputs,
            .outputs = outputs,
            .activation = activation_named(activation),
            .kind = &stage_kind(kind),
            .slope = slope};
}

std::vector<Stage> stages_of(bool every_kind) {
    if (!every_kind)
        return {stage("dense", 13, 40, "relu"),
                stage("elementwise", 40, 40, "gelu"),
                stage("dense", 40, 30, "sigmoid"),
                stage("elementwise", 30, 30, "tanh"),
                stage("elementwise", 30, 30, "softplus"),
                stage("elementwise", 30, 30, "elu", 1.5),
                stage("dense", 30, 5)};
    std::vector<Stage> stages = {stage("dense", 13, 40, "relu"),
                                 stage("dropout", 40, 40),
                                 stage("dense", 40, 60),
                                 stage("maxout", 60, 30),
                                 stage("batch_norm", 30, 30, "tanh"),
                                 stage("residual_split", 30, 30),
                                 stage("dense", 30, 30, "sigmoid"),
                                 stage("residual_add", 30, 30),
                                 stage("pool", 30, 12),
                                 stage("dense", 12, 5)};
    stages[1].number = 1, stages[1].rate = 0.2;
    stages[4].momentum = 0.9, stages[4].epsilon = 1e-5;
    stages[5].partner = 7, stages[7].partner = 5;
    stages[7].number = 2, stages[7].rate = 0.3;
    stages[8].number = 3;
    stages[8].height = 5, stages[8].width = 3, stages[8].channels = 2;
    stages[8].pooled_height = 3, stages[8].pooled_width = 2;
    return stages;
}

template <class T> Arrays<T>::Arrays(const std::vector<Stage>& stages, const Fill& fill) {
    for (const Stage& stage : stages) {
        if (!stage.has_parameters()) continue;
        const auto d = std::uint32_t(views_.size());
        values_.push_back(fill(stage.weight_rows() * stage.weight_columns(), 10 + d));
        values_.push_back(fill(stage.outputs, 20 + d));
        T *const weight = values_[2 * d].data(), *const bias = values_[2 * d + 1].data(); // survive a move
        views_.push_back({{weight, stage.weight_columns()}, bias});
    }
}

template <class T> std::string Arrays<T>::bits(std::size_t first) const {
    std::string bits;
    for (std::size_t i = 2 * first; i < values_.size(); ++i) append_bits(bits, values_[i]);
    return bits;
}

template <class T> std::vector<T> Arrays<T>::all() const {
    std::vector<T> all;
    for (const auto& values : values_) all.insert(all.end(), values.begin(), values.end());
    return all;
}

template <class T> void Arrays<T>::add(Index place, T change) {
    for (auto& values : values_) {
        if (place < Index(values.size())) {
            values[std::size_t(place)] += change;
            return;
        }
        place -= Index(values.size());
    }
}

TrainConfig descent(double momentum) {
    TrainConfig config;
    config.optimizer = {rule_named("sgd"), {momentum}};
    return config;
}

TrainConfig adam_with_penalties(std::size_t stages) {
    TrainConfig config;
    config.penalties.assign(stages, {1e-3, 1e-4, false});
    config.optimizer = {rule_named("adam"), {0.9, 0.999, 1e-8, 0.01, 0}};
    return config;
}

FitRequest epochs_of(Index epochs, Index batch, bool shuffle) {
    return {.epochs = epochs, .batch = batch, .shuffle = shuffle, .seed = 7};
}

template <class T>
Model<T>::Model(std::vector<Stage> stages_)
    : stages(std::move(stages_)), parameters(stages, numbers<T>), first(stages, zeros<T>),
      second(stages, zeros<T>), average(stages, zeros<T>) {
    for (const Stage& s : stages)
        if (s.kind->has_statistics()) {
            statistics_.emplace_back(std::size_t(s.kind->running_rows * s.outputs), T(1));
            running_.push_back({statistics_.back().data(), s.outputs});
        }
    for (Index i = 0; i < samples; ++i) {
        labels.push_back(i % classes);
        T& own = weight[std::size_t(i)];
        own = i % 7 ? std::fabs(own) : T(0);
    }
}

template <class T> Network<T> Model<T>::network() { return {stages, parameters.views(), running_}; }

template <class T> Result Model<T>::fit(const Fit<T>& how) {
    Network<T> network = this->network();
    Trainer<T> trainer(network);
    TrainConfig config = how.config;
    if (how.custom) config.loss.kind = LossKind::custom;
    FitRequest request = how.request;
    request.first_step = steps;
    request.rates = {how.rates.data(), how.rates.size() == 1};
    Samples<T> data{.x = {x.data(), features}, .labels = labels.data(), .count = samples};
    if (how.weighted && !how.custom) data.weight = weight.data();
    if (how.sparse) data.x = {}, data.sparse = how.sparse;
    Average<T> kept = how.average;
    if (how.averaged) kept.values = average.data(), kept.updates = &updates;
    Result result =
        trainer.fit({.kernels = kernels_of<T>(*how.table),
                     .samples = data,
                     .config = config,
                     .request = request,
                     .state = {.slots = {first.data(), second.data()}, .count = slots_of(config.optimizer)},
                     .custom = how.custom,
                     .average = kept,
                     .only_gradients = how.only_gradients,
                     .whole = how.whole},
                    how.threads, how.poll);
    if (!how.only_gradients) steps += result.steps;
    return result;
}

template <class T>
std::vector<T> Model<T>::predict(const KernelTable& table, int threads, Index from, Index rows,
                                 const Poll& poll, const Csr<T>& sparse) {
    Network<T> network = this->network();
    Poller poller(poll);
    SparseBatch<T> batch;
    batch.read(sparse);
    const SparseReading<T> reading(network, sparse ? &batch : nullptr);
    const Index outputs = stages.back().outputs, inputs = stages.front().inputs;
    std::vector<T> y(std::size_t(rows * outputs), std::numeric_limits<T>::quiet_NaN());
    const MatrixView<const T> dense{x.data() + from * inputs, inputs};
    network.predict(kernels_of<T>(table), threads, sparse ? MatrixView<const T>{} : dense,
                    {y.data(), outputs}, rows, poller);
    return y;
}

template <class T> std::string Model<T>::bits() const {
    std::string bits = parameters.bits();
    for (const auto& values : statistics_) append_bits(bits, values);
    return bits + average.bits();
}

template class Arrays<float>;
template class Arrays<double>;
template class Model<float>;
template class Model<double>;

} // namespace steepest::tests

int main(int count, char** arguments) {
    steepest::use_all_threads(true); // models of tests are small
    return steepest::tests::run_concerns({arguments + 1, arguments + count});
}
