// Limits of a step: gradients clipped by value and by norm, and the norm of a weight's columns. One step of
// plain descent with rate 1, so that the change is the limited gradient.
#include "tests/support.hpp"

#include <algorithm>

namespace steepest::tests {
namespace {

template <class T> Fit<T> one_step(int threads) {
    return {.threads = threads, .request = epochs_of(1, Model<T>::samples, false), .rates = {1}};
}

template <class T> std::vector<T> gradients_of(Model<T>& model) {
    const Arrays<T> gradients(model.stages, zeros<T>);
    Fit<T> how = one_step<T>(2);
    how.only_gradients = gradients.data();
    model.fit(how);
    return gradients.all();
}

// Whether parameters are those before less some gradient, within roundings of numbers of size 1.
template <class T>
bool are_less(const Model<T>& model, const std::vector<T>& before, const std::vector<T>& gradient) {
    double worst = 0;
    const std::vector<T> after = model.parameters.all();
    for (std::size_t i = 0; i < after.size(); ++i) {
        const double error = std::fabs(double(after[i]) - (double(before[i]) - double(gradient[i])));
        if (!(error <= worst)) worst = error;
    }
    return worst <= tolerance<T>(150);
}

template <class T> double norm_of(const std::vector<T>& values) {
    double sum = 0;
    for (const T value : values) sum += double(value) * double(value);
    return std::sqrt(sum);
}

// One step under a limit; the bits of 1, 2 and 3 threads must be the same.
template <class T> void step(Model<T>& model, double value, double norm, double column, const char* what) {
    std::string bits;
    for (const int threads : {3, 2, 1}) {
        Model<T> own(model.stages);
        Model<T>& learner = threads == 1 ? model : own;
        Fit<T> how = one_step<T>(threads);
        how.config.clip_value = value, how.config.clip_norm = norm, how.config.max_norm = column;
        learner.fit(how);
        if (bits.empty()) bits = learner.bits();
        check(learner.bits() == bits,
              std::string(what) + " has the same bits with " + std::to_string(threads));
    }
}

template <class T> void check_clipping() {
    Model<T> by_value, by_norm, by_both, wide;
    const std::vector<T> before = by_value.parameters.all(), gradient = gradients_of(by_value);
    const double norm = norm_of(gradient), limit = norm / 3;
    const T bound = T(norm / 50);
    std::vector<T> clamped = gradient, scaled = gradient;
    for (T& g : clamped) g = std::clamp(g, -bound, bound);
    for (T& g : scaled) g = T(double(g) * limit / norm);
    check(clamped != gradient && norm_of(clamped) > norm / 10, "a bound that some components exceed");

    step(by_value, double(bound), unlimited, unlimited, "clipping by value");
    check(are_less(by_value, before, clamped), "components are clamped");
    step(by_norm, unlimited, limit, unlimited, "clipping by norm");
    check(are_less(by_norm, before, scaled), "a gradient is scaled to its largest norm");
    std::vector<T> both = clamped;
    for (T& g : both) g = T(double(g) * limit / 2 / norm_of(clamped));
    step(by_both, double(bound), limit / 2, unlimited, "clipping by value and norm");
    check(norm_of(clamped) > limit / 2 && are_less(by_both, before, both), "the norm is that of the clamped");
    step(wide, 2 * norm, 2 * norm, unlimited, "clipping that does nothing");
    check(are_less(wide, before, gradient), "a small gradient is left alone");
}

// Norms of the columns of each dense weight.
template <class T> std::vector<double> column_norms(const Model<T>& model) {
    std::vector<double> norms;
    std::size_t d = 0;
    for (const Stage& s : model.stages) {
        if (!s.is_dense()) continue;
        const MatrixView<T> weight = model.parameters.views()[d++].weight;
        for (Index j = 0; j < s.outputs; ++j) {
            double sum = 0;
            for (Index i = 0; i < s.inputs; ++i)
                sum += std::pow(double(weight.data[i * weight.stride + j]), 2);
            norms.push_back(std::sqrt(sum));
        }
    }
    return norms;
}

template <class T> void check_max_norm() {
    Model<T> limited, free;
    step(free, unlimited, unlimited, unlimited, "a free step");
    const std::vector<double> norms = column_norms(free);
    const double limit =
        (*std::min_element(norms.begin(), norms.end()) + *std::max_element(norms.begin(), norms.end())) / 2;
    step(limited, unlimited, unlimited, limit, "a maximal norm");
    bool below = true;
    Index at_it = 0;
    const std::vector<double> now = column_norms(limited);
    for (std::size_t j = 0; j < norms.size(); ++j) {
        const double expected = std::min(norms[j], limit);
        below &= std::fabs(now[j] - expected) <= expected * tolerance<T>(40);
        at_it += norms[j] > limit;
    }
    check(below && at_it > 0 && at_it < Index(norms.size()),
          "columns beyond the limit come down to it, others stay");
}

const Concern limits{"limits", [] {
                         check_clipping<float>(), check_clipping<double>();
                         check_max_norm<float>(), check_max_norm<double>();
                     }};

} // namespace
} // namespace steepest::tests
