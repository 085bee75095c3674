// A test program of a few lines, and a small model that each concern trains in its own way: the tests of the
// core adapt here to what a Network and a Trainer are given. Prints one line a check.
#pragma once

#include "base/random.hpp"
#include "training/trainer.hpp"

#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace steepest::tests {

// ---- the program ----------------------------------------------------------------------------------------

// What a check found; a failed one is counted.
void check(bool good, const std::string& what);

// A concern, registered before main() runs it by name, or with all others.
struct Concern {
    Concern(const char* name, void (*body)());
};

// The message of the std::invalid_argument that `body` throws, or "".
template <class F> std::string error_of(F body) {
    try {
        body();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

// ---- numbers --------------------------------------------------------------------------------------------

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

template <class T> const char* name_of() { return sizeof(T) == 4 ? "float" : "double"; }

inline const KernelTable& best() { return *available_kernels().front(); }

// Those that round alike: SSE2 has no fused multiply-add.
inline bool is_fused(const KernelTable& table) { return std::string(table.name) != "sse2"; }

// FNV-1a, to compare what different processors print.
std::string hash(const std::string& bits);

template <class T> void append_bits(std::string& to, const std::vector<T>& values) {
    to.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// ---- models ---------------------------------------------------------------------------------------------

Stage stage(const char* kind, Index inputs, Index outputs, const char* activation = "identity",
            double slope = 0);

// 13 features to 5 classes: products and activations alone, or a stage of every kind.
std::vector<Stage> stages_of(bool every_kind);

// An array for the weight and one for the bias of each stage that has parameters. They stay where they are.
template <class T> class Arrays {
  public:
    using Fill = std::function<std::vector<T>(Index n, std::uint32_t stream)>;
    Arrays(const std::vector<Stage>& stages, const Fill& fill);
    Arrays(const Arrays&) = delete;
    Arrays& operator=(const Arrays&) = delete;

    [[nodiscard]] const std::vector<Parameters<T>>& views() const { return views_; }
    [[nodiscard]] const Parameters<T>* data() const { return views_.data(); }
    [[nodiscard]] std::string bits(std::size_t first = 0) const; // from the first-th stage with parameters on
    // Every number: the weight of the first stage, its bias, and so on.
    [[nodiscard]] std::vector<T> all() const;
    void add(Index place, T change); // to one of them

  private:
    std::vector<std::vector<T>> values_;
    std::vector<Parameters<T>> views_;
};

template <class T> std::vector<T> zeros(Index n, std::uint32_t /*stream*/) {
    return std::vector<T>(std::size_t(n), T(0));
}

TrainConfig descent(double momentum = 0);
TrainConfig adam_with_penalties(std::size_t stages);
FitRequest epochs_of(Index epochs, Index batch = 64, bool shuffle = true);

// What one fit is asked for.
template <class T> struct Fit {
    const KernelTable* table = &best();
    int threads = 2;
    TrainConfig config = descent();
    FitRequest request = epochs_of(4);
    std::vector<double> rates = {0.05};
    Poll poll = {};
    const CustomLoss<T>* custom = nullptr;
    Average<T> average = {}; // its kind; the model has the arrays
    bool averaged = false;
    bool weighted = true;
    Csr<T> sparse = {}; // in place of the samples
    const Parameters<T>* only_gradients = nullptr;
    const Whole<T>* whole = nullptr;
};

// A classifier with 150 samples of 13 features in 5 classes, and all that learning keeps.
template <class T> class Model {
  public:
    static constexpr Index samples = 150, features = 13, classes = 5;

    explicit Model(bool every_kind = false) : Model(stages_of(every_kind)) {}
    explicit Model(std::vector<Stage> stages);

    Result fit(const Fit<T>& how);
    // The scores of so many of its samples, or of sparse ones from the first on; `poll` may stop it.
    std::vector<T> predict(const KernelTable& table, int threads, Index first, Index rows,
                           const Poll& poll = {}, const Csr<T>& sparse = {});
    [[nodiscard]] std::string bits() const; // of parameters, statistics and average

    std::vector<Stage> stages;
    Arrays<T> parameters, first, second, average;
    std::vector<T> x = numbers<T>(samples * features, 5), weight = numbers<T>(samples, 6);
    std::vector<std::int64_t> labels;
    std::int64_t updates = 0; // in the average
    Index steps = 0;          // over all fits

  private:
    Network<T> network();
    std::vector<std::vector<T>> statistics_;
    std::vector<MatrixView<T>> running_;
};

} // namespace steepest::tests
