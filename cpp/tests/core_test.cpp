// The core without Python: products against plain loops, training against itself on every instruction set
// and number of threads, and cancelling. Prints one line a check; exit status 1 if one fails.
#include "base/random.hpp"
#include "network/partition.hpp"
#include "operations.hpp"
#include "training/trainer.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>

using namespace steepest;

namespace {

int failures = 0;

void check(bool good, const std::string& what) {
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what.c_str());
    failures += !good;
}

// Uniform numbers in (-1, 1), a function of the stream alone.
template <class T> std::vector<T> numbers(Index n, std::uint32_t stream) {
    std::vector<T> values;
    for (Index i = 0; i < n; ++i)
        values.push_back(T(double(philox({std::uint32_t(i), 0, 0, stream}, {1, 2})[0]) / 2147483648.0 - 1));
    return values;
}

// |difference| of a sum of `depth` products in (-1, 1) from its exact value, generously.
template <class T> double tolerance(Index depth) {
    return 4 * double(depth + 4) * double(std::numeric_limits<T>::epsilon());
}

template <class T> void check_products(const KernelTable& table, Index rows, Index inputs, Index outputs) {
    const auto& kernels = kernels_of<T>(table);
    const auto x = numbers<T>(rows * inputs, 1), w = numbers<T>(inputs * outputs, 2),
               b = numbers<T>(outputs, 3), dy = numbers<T>(rows * outputs, 4);
    const T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(rows * outputs, nan), dx(rows * inputs, nan), dw(inputs * outputs, nan),
        db(outputs, nan);
    Poller none;
    linear<T>(kernels, 3, {x.data(), inputs}, {w.data(), outputs}, b.data(), {y.data(), outputs}, rows,
              inputs, outputs, none);
    linear_backward<T>(kernels, 3, {x.data(), inputs}, {w.data(), outputs}, {dy.data(), outputs},
                       {dx.data(), inputs}, {dw.data(), outputs}, db.data(), rows, inputs, outputs, none);
    double worst = 0; // in tolerances; NaN, never written, must not pass
    const auto compare = [&](T got, double expected, Index depth) {
        const double error = std::fabs(double(got) - expected) / tolerance<T>(depth);
        if (!(error <= worst)) worst = error;
    };
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < outputs; ++j) {
            double sum = double(b[j]);
            for (Index k = 0; k < inputs; ++k) sum += double(x[i * inputs + k]) * double(w[k * outputs + j]);
            compare(y[i * outputs + j], sum, inputs);
        }
    for (Index i = 0; i < rows; ++i)
        for (Index k = 0; k < inputs; ++k) {
            double sum = 0;
            for (Index j = 0; j < outputs; ++j)
                sum += double(dy[i * outputs + j]) * double(w[k * outputs + j]);
            compare(dx[i * inputs + k], sum, outputs);
        }
    for (Index j = 0; j < outputs; ++j) {
        double column = 0;
        for (Index i = 0; i < rows; ++i) column += double(dy[i * outputs + j]);
        compare(db[j], column, rows);
        for (Index k = 0; k < inputs; ++k) {
            double sum = 0;
            for (Index i = 0; i < rows; ++i) sum += double(x[i * inputs + k]) * double(dy[i * outputs + j]);
            compare(dw[k * outputs + j], sum, rows);
        }
    }
    check(worst <= 1, std::string("products ") + table.name + (sizeof(T) == 4 ? " float " : " double ") +
                          std::to_string(rows) + " x " + std::to_string(inputs) + "-" +
                          std::to_string(outputs));
}

Stage stage(const char* kind, Index inputs, Index outputs, Activation activation = Activation::identity,
            double slope = 0) {
    return {.inputs = inputs,
            .outputs = outputs,
            .activation = activation,
            .kind = &stage_kind(kind),
            .slope = slope};
}

// 13 features to 5 classes: products and activations alone, or a stage of every kind.
std::vector<Stage> stages_of(bool every_kind) {
    if (!every_kind)
        return {stage("dense", 13, 40, activation_named("relu")),
                stage("elementwise", 40, 40, activation_named("gelu")),
                stage("dense", 40, 30, activation_named("sigmoid")),
                stage("elementwise", 30, 30, activation_named("tanh")),
                stage("elementwise", 30, 30, activation_named("softplus")),
                stage("elementwise", 30, 30, activation_named("elu"), 1.5),
                stage("dense", 30, 5)};
    std::vector<Stage> stages = {stage("dense", 13, 40, activation_named("relu")),
                                 stage("dropout", 40, 40),
                                 stage("dense", 40, 60),
                                 stage("maxout", 60, 30),
                                 stage("batch_norm", 30, 30, activation_named("tanh")),
                                 stage("residual_split", 30, 30),
                                 stage("dense", 30, 30, activation_named("sigmoid")),
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

// A small classifier, learning with AdamW and an elastic net, and an average of the parameters.
template <class T> struct Model {
    static constexpr Index samples = 150;
    std::vector<Stage> stages;
    std::vector<std::vector<T>> arrays, kept, means;
    std::vector<Parameters<T>> parameters, first, second, averages;
    std::int64_t updates = 0, steps = 0;
    std::vector<MatrixView<T>> running;
    std::vector<T> x = numbers<T>(samples * 13, 5), weight = numbers<T>(samples, 6);
    std::vector<std::int64_t> labels;

    explicit Model(bool every_kind = false) : stages(stages_of(every_kind)) {
        arrays.reserve(20), kept.reserve(40), means.reserve(20); // they stay where they are
        for (const Stage& stage : stages) {
            if (!stage.has_parameters()) continue;
            const auto l = std::uint32_t(parameters.size());
            const Index rows = stage.weight_rows(), columns = stage.outputs;
            for (const Index n : {rows * columns, columns}) {
                arrays.push_back(numbers<T>(n, (n == columns ? 20 : 10) + l));
                means.emplace_back(n, T(0));
            }
            for (const Index n : {rows * columns, columns, rows * columns, columns})
                kept.emplace_back(n, T(0));
            parameters.push_back({{arrays[2 * l].data(), columns}, arrays[2 * l + 1].data()});
            first.push_back({{kept[4 * l].data(), columns}, kept[4 * l + 1].data()});
            averages.push_back({{means[2 * l].data(), columns}, means[2 * l + 1].data()});
            second.push_back({{kept[4 * l + 2].data(), columns}, kept[4 * l + 3].data()});
        }
        if (every_kind) {
            arrays.emplace_back(2 * 30, T(1));
            running.push_back({arrays.back().data(), 30});
        }
        for (Index i = 0; i < samples; ++i) {
            labels.push_back(i % 5);
            weight[i] = i % 7 ? std::fabs(weight[i]) : T(0);
        }
    }
    // Epochs of three batches, run whole or in parts of some batches; of these, the result of the last.
    Result fit(const KernelTable& table, int threads, Index epochs, double learning_rate,
               const Poll& poll = {}, const CustomLoss<T>* custom = nullptr, bool weighted = true,
               Index part = 0) {
        Network<T> network(stages, parameters, running);
        Trainer<T> trainer(network);
        TrainConfig config;
        config.penalties.assign(parameters.size(), {1e-3, 1e-4, false});
        config.optimizer = {rule_named("adam"), {0.9, 0.999, 1e-8, 0.01, 0}};
        if (custom) config.loss.kind = LossKind::custom;
        const T* weights = weighted && !custom ? weight.data() : nullptr;
        const auto run = [&](FitRequest request) {
            request.first_step = steps, request.rates.data = &learning_rate;
            const Samples<T> data{
                .x = {x.data(), 13}, .labels = labels.data(), .weight = weights, .count = samples};
            Result result = trainer.fit({.kernels = kernels_of<T>(table),
                                         .samples = data,
                                         .config = config,
                                         .request = request,
                                         .state = {.slots = {first.data(), second.data()}, .count = 2},
                                         .custom = custom,
                                         .average = {averages.data(), &updates, 2}},
                                        threads, poll);
            steps += result.steps;
            return result;
        };
        Result result;
        if (part == 0) return run({epochs, 0, 64, true, 7});
        for (Index epoch = 0; epoch < epochs; ++epoch)
            for (Index from = 0; from < 3; from += part) {
                FitRequest request{1, epoch, 64, true, 7};
                request.first_batch = from, request.batches = part;
                if (from) request.before = result.sums;
                result = run(request);
            }
        return result;
    }
    std::string bits() const {
        std::string all;
        for (const auto* some : {&arrays, &means})
            for (const auto& a : *some)
                all.append(reinterpret_cast<const char*>(a.data()), a.size() * sizeof(T));
        return all;
    }
};

// FNV-1a, to compare what different processors print.
std::string hash(const std::string& bits) {
    std::uint64_t h = 0xcbf29ce484222325;
    for (const char c : bits) h = (h ^ std::uint8_t(c)) * 0x100000001b3;
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(h));
    return text;
}

template <class T> void check_training() {
    for (const bool every_kind : {false, true}) {
        std::map<bool, std::string> expected; // by whether the instruction set has a fused multiply-add
        for (const auto* table : available_kernels())
            for (const int threads : {1, 2, 3, 4, 7}) {
                Model<T> model(every_kind);
                const Result result = model.fit(*table, threads, 6, 0.01);
                auto& bits = expected[std::strcmp(table->name, "sse2") != 0];
                if (bits.empty()) bits = model.bits();
                check(model.bits() == bits && result.status == Status::finished &&
                          result.losses.back() < result.losses.front(),
                      std::string("training ") + (every_kind ? "every kind " : "") + table->name + " with " +
                          std::to_string(result.threads) + " threads: loss " +
                          std::to_string(result.losses.front()) + " to " +
                          std::to_string(result.losses.back()) + ", bits " + hash(model.bits()));
            }
    }
    for (const Index part : {1, 2, 3}) {
        Model<T> whole(true), cut(true);
        const Result expected = whole.fit(*available_kernels().front(), 2, 4, 0.01);
        const Result result = cut.fit(*available_kernels().front(), 2, 4, 0.01, {}, nullptr, true, part);
        check(cut.bits() == whole.bits() && result.sums.mean() == expected.losses.back() &&
                  cut.updates == 12 && whole.updates == 12,
              "an epoch is the same in parts of " + std::to_string(part));
    }
    Model<T> wild(true);
    const std::string before = wild.bits();
    wild.x[13 * 75] = std::numeric_limits<T>::infinity();
    const Result diverged = wild.fit(*available_kernels().front(), 2, 3, 0.01);
    check(diverged.status == Status::diverged && diverged.losses.empty() && wild.bits() == before,
          "a diverged epoch is undone");
    Model<T> wrong(true);
    wrong.labels[75] = 5;
    const Result invalid_label = wrong.fit(*available_kernels().front(), 2, 3, 0.01);
    check(invalid_label.status == Status::invalid_label && invalid_label.step == 75 &&
              wrong.bits() == Model<T>(true).bits() && wrong.updates == 0,
          "so is an epoch with a label out of range");
    Model<T> endless;
    int asked = 0;
    const Result cancelled =
        endless.fit(*available_kernels().front(), 2, 1000000000, 0.05, [&](double) { return ++asked == 3; });
    check(cancelled.status == Status::cancelled && asked == 3, "a poll cancels");
}

// Sparse samples learn the same bits with any number of threads: those of dense ones, or with a penalty that
// is put off.
template <class T> void check_sparse() {
    Model<T> model;
    std::vector<std::int64_t> begin = {0};
    std::vector<std::int32_t> columns;
    std::vector<T> values, dense(model.x.size(), T(0));
    for (Index i = 0; i < model.samples; ++i) {
        for (Index j = 0; j < 13; ++j) {
            if (i % 10 == 3 || j == 6 || (i + j) % 3) continue; // empty rows and an empty column
            columns.push_back(std::int32_t(j)), values.push_back(model.x[i * 13 + j]);
            dense[i * 13 + j] = values.back();
        }
        begin.push_back(std::int64_t(columns.size()));
    }
    const auto learned = [&](const KernelTable& table, int threads, bool sparse, double l2, int* used) {
        Model<T> own;
        Network<T> network(own.stages, own.parameters, own.running);
        Trainer<T> trainer(network);
        TrainConfig config;
        config.penalties.assign(own.parameters.size(), {l2, 0, false});
        config.optimizer.rule = rule_named("sgd");
        const double rate = 0.05;
        FitRequest request{6, 0, 64, true, 7};
        request.rates.data = &rate;
        Samples<T> samples{{dense.data(), 13}, own.labels.data(), {}, own.weight.data(), own.samples};
        if (sparse) samples.x = {}, samples.sparse = {begin.data(), columns.data(), values.data()};
        *used = trainer
                    .fit({.kernels = kernels_of<T>(table),
                          .samples = samples,
                          .config = config,
                          .request = request,
                          .state = {.slots = {own.first.data(), own.second.data()}, .count = 2}},
                         threads, {})
                    .threads;
        return own.bits();
    };
    for (const auto* table : available_kernels())
        for (const double l2 : {0.0, 1e-2}) {
            int used = 0;
            const std::string expected = learned(*table, 1, l2 > 0, l2, &used);
            for (int threads = 1; threads <= 7; ++threads) {
                const bool good = learned(*table, threads, true, l2, &used) == expected;
                check(good, std::string("sparse ") + (l2 > 0 ? "put off " : "as dense ") + table->name +
                                " with " + std::to_string(used) + " threads");
            }
        }
}

// A loss of the program's own that calls the kernel of another for the whole batch gives its bits.
template <class T> void check_custom_loss() {
    const KernelTable& table = *available_kernels().front();
    const auto& kernels = kernels_of<T>(table);
    CustomLoss<T> own;
    std::vector<double> losses(Model<T>::samples);
    Index calls = 0, last = 1000;
    own.compute = [&](const LossInput<T>& b, double* loss) {
        const double scale = 1 / double(b.rows);
        LossRows<T> batch{};
        batch.scores = b.scores, batch.labels = b.labels, batch.gradient = b.gradient;
        batch.scale = scale, batch.value = losses.data(), batch.rows = b.rows, batch.classes = 5;
        kernels.loss(batch);
        *loss = 0;
        for (Index i = 0; i < b.rows; ++i) *loss += losses[i] * scale;
        return ++calls < last;
    };
    for (const int threads : {1, 2, 7}) {
        Model<T> model, expected, cut;
        model.fit(table, threads, 4, 0.05, {}, &own);
        expected.fit(table, threads, 4, 0.05, {}, nullptr, false);
        check(model.bits() == expected.bits(), "a custom loss with " + std::to_string(threads) + " threads");
        calls = 0, last = 1;
        const Result ended = cut.fit(table, threads, 4, 0.05, {}, &own);
        check(ended.status == Status::cancelled && cut.bits() == Model<T>().bits(), "it ends a fit");
        calls = 0, last = 1000;
    }
}

// Every element of a matrix belongs to one thread of a team, and the shares are alike.
void check_parts() {
    bool whole = true, alike = true;
    for (const Index rows : {1, 7, 8, 64, 1000})
        for (const Index columns : {1, 15, 16, 17, 100, 256, 1000})
            for (const int size : {1, 2, 3, 4, 7}) {
                std::vector<int> owners(std::size_t(rows * columns), 0);
                const Index lines = (columns + 15) / 16, fair = lines * rows / size;
                for (int rank = 0; rank < size; ++rank) {
                    Index units = 0; // rows of lines
                    for (const Block& b :
                         partition_columns<float>(rows, columns, Team{rank, size, nullptr})) {
                        units += b.rows.size() * ((b.columns.size() + 15) / 16);
                        for (Index i = b.rows.begin; i < b.rows.end; ++i)
                            for (Index j = b.columns.begin; j < b.columns.end; ++j) ++owners[i * columns + j];
                    }
                    if (rows >= 8) alike &= std::abs(double(units - fair)) <= 9;
                }
                for (const int n : owners) whole &= n == 1;
            }
    check(whole, "parts cover a matrix once");
    check(alike, "parts are alike");
}

void check_order() {
    std::vector<Index> wide(1000);
    shuffle(wide.data(), 1000, 7, 3);
    Order order;
    order.reserve(1000);
    order.shuffle(1000, 7, 3);
    bool same = true;
    for (Index i = 0; i < 1000; ++i) same &= order[i] == wide[i];
    order.in_sequence();
    check(same && order[999] == 999, "an order in 4 bytes a sample is that in 8");
}

} // namespace

int main() {
    check_order();
    check_parts();
    for (const auto* table : available_kernels())
        for (const auto& shape : std::vector<std::vector<Index>>{{1, 1, 1},
                                                                 {5, 3, 2},
                                                                 {8, 48, 48},
                                                                 {33, 100, 49},
                                                                 {64, 70, 100},
                                                                 {130, 31, 257},
                                                                 {40, 2060, 65},
                                                                 {2060, 9, 50},
                                                                 {129, 64, 512}}) {
            check_products<float>(*table, shape[0], shape[1], shape[2]);
            check_products<double>(*table, shape[0], shape[1], shape[2]);
        }
    check_training<float>();
    check_training<double>();
    check_sparse<float>();
    check_sparse<double>();
    check_custom_loss<float>();
    check_custom_loss<double>();
    check(philox({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
          "philox, known answer");
    std::printf("%d failed\n", failures);
    return failures != 0;
}
