// The core without Python: products against plain loops, training against itself on every instruction set
// and number of threads, and cancelling. Prints one line a check; exit status 1 if one fails.
#include "../operations.hpp"
#include "../random.hpp"

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
    linear<T>(kernels, 3, {x.data(), inputs}, {w.data(), outputs}, b.data(), {y.data(), outputs}, rows,
              inputs, outputs);
    linear_backward<T>(kernels, 3, {x.data(), inputs}, {w.data(), outputs}, {dy.data(), outputs},
                       {dx.data(), inputs}, {dw.data(), outputs}, db.data(), rows, inputs, outputs);
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

// A small classifier with everything in it: 13-40-30-5, ReLU, sigmoid and tanh, momentum, elastic net, and an
// average of the parameters.
template <class T> struct Model {
    static constexpr Index samples = 150, sizes[4] = {13, 40, 30, 5};
    std::vector<std::vector<T>> arrays, speeds, means;
    std::vector<Parameters<T>> parameters, velocities, averages;
    std::int64_t updates = 0;
    std::vector<T> x = numbers<T>(samples * 13, 5), weight = numbers<T>(samples, 6);
    std::vector<std::int64_t> labels;

    Model() {
        for (int l = 0; l < 3; ++l) {
            arrays.push_back(numbers<T>(sizes[l] * sizes[l + 1], 10 + l));
            arrays.push_back(numbers<T>(sizes[l + 1], 20 + l));
            speeds.emplace_back(sizes[l] * sizes[l + 1], T(0));
            speeds.emplace_back(sizes[l + 1], T(0));
            means.emplace_back(sizes[l] * sizes[l + 1], T(0));
            means.emplace_back(sizes[l + 1], T(0));
        }
        for (int l = 0; l < 3; ++l) {
            parameters.push_back({{arrays[2 * l].data(), sizes[l + 1]}, arrays[2 * l + 1].data()});
            velocities.push_back({{speeds[2 * l].data(), sizes[l + 1]}, speeds[2 * l + 1].data()});
            averages.push_back({{means[2 * l].data(), sizes[l + 1]}, means[2 * l + 1].data()});
        }
        for (Index i = 0; i < samples; ++i) {
            labels.push_back(i % 5);
            weight[i] = i % 7 ? std::fabs(weight[i]) : T(0);
        }
    }
    // Epochs of three batches, run whole or in parts of some batches; of these, the result of the last.
    Result fit(const KernelTable& table, int threads, Index epochs, double learning_rate,
               const Watch& watch = {}, Index part = 0) {
        Network<T> network({{13, 40, Activation::relu, true},
                            {40, 30, Activation::sigmoid, true},
                            {30, 30, Activation::tanh, false},
                            {30, 5, Activation::identity, true}},
                           parameters);
        Trainer<T> trainer(network);
        Recipe recipe;
        recipe.penalty = {1e-3, 1e-4};
        recipe.learning_rate = learning_rate;
        recipe.momentum = 0.9;
        recipe.nesterov = true;
        const auto run = [&](const Schedule& schedule) {
            return trainer.fit(kernels_of<T>(table), threads,
                               {{x.data(), 13}, labels.data(), {}, weight.data(), samples}, recipe,
                               velocities.data(), schedule, watch, {averages.data(), &updates, 2});
        };
        Result result;
        if (part == 0) return run({epochs, 0, 64, true, 7});
        for (Index epoch = 0; epoch < epochs; ++epoch)
            for (Index first = 0; first < 3; first += part)
                result = run({1, epoch, 64, true, 7, first, part, first ? result.sums : Sums{}});
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
    std::map<bool, std::string> expected; // by whether the instruction set has a fused multiply-add
    for (const auto* table : available_kernels())
        for (const int threads : {1, 2, 3, 4, 7}) {
            Model<T> model;
            const Result result = model.fit(*table, threads, 6, 0.05);
            auto& bits = expected[std::strcmp(table->name, "sse2") != 0];
            if (bits.empty()) bits = model.bits();
            check(model.bits() == bits && result.status == Status::finished &&
                      result.losses.back() < result.losses.front(),
                  std::string("training ") + table->name + " with " + std::to_string(result.threads) +
                      " threads: loss " + std::to_string(result.losses.front()) + " to " +
                      std::to_string(result.losses.back()) + ", bits " + hash(model.bits()));
        }
    for (const Index part : {1, 2, 3}) {
        Model<T> whole, cut;
        const Result expected = whole.fit(*available_kernels().front(), 2, 4, 0.05);
        const Result result = cut.fit(*available_kernels().front(), 2, 4, 0.05, {}, part);
        check(cut.bits() == whole.bits() && result.sums.mean() == expected.losses.back() &&
                  cut.updates == 12 && whole.updates == 12,
              "an epoch is the same in parts of " + std::to_string(part));
    }
    Model<T> wild;
    const std::string before = wild.bits();
    wild.x[13 * 75] = std::numeric_limits<T>::infinity();
    const Result diverged = wild.fit(*available_kernels().front(), 2, 3, 0.05);
    check(diverged.status == Status::diverged && diverged.losses.empty() && wild.bits() == before,
          "a diverged epoch is undone");
    Model<T> wrong;
    wrong.labels[75] = 5;
    const Result mislabelled = wrong.fit(*available_kernels().front(), 2, 3, 0.05);
    check(mislabelled.status == Status::mislabelled && mislabelled.step == 75 &&
              wrong.bits() == Model<T>().bits() && wrong.updates == 0,
          "so is an epoch with a label out of range");
    Model<T> endless;
    int asked = 0;
    const Result cancelled =
        endless.fit(*available_kernels().front(), 2, 1000000000, 0.05, [&](double) { return ++asked == 3; });
    check(cancelled.status == Status::cancelled && asked == 3, "a watcher cancels");
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
                    for (const Block& b : part_of<float>(rows, columns, Team{rank, size, nullptr})) {
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
    check(philox({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
          "philox, known answer");
    std::printf("%d failed\n", failures);
    return failures != 0;
}
