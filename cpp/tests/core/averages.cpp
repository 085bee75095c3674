// Averages of parameters over updates, uniform and exponential, against those of single steps.
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

constexpr Index steps = 8;

// Parameters after each of some steps on all samples.
template <class T> std::vector<std::vector<T>> path() {
    std::vector<std::vector<T>> path;
    Model<T> model;
    for (Index step = 0; step < steps; ++step) {
        model.fit({.request = epochs_of(1, Model<T>::samples, false), .rates = {0.3}});
        path.push_back(model.parameters.all());
    }
    return path;
}

template <class T> double worst_of(const std::vector<T>& got, const std::vector<double>& expected) {
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
        if (const double error = std::fabs(double(got[i]) - expected[i]); !(error <= worst)) worst = error;
    return worst;
}

// The average after all steps, by its definition.
template <class T> std::vector<double> mean_of(const std::vector<std::vector<T>>& path, Average<T> kind) {
    std::vector<double> mean;
    for (Index step = kind.start; step < Index(path.size()); ++step) {
        const auto& now = path[std::size_t(step)];
        const double weight = step == kind.start ? 1
                              : kind.uniform     ? 1 / double(step - kind.start + 1)
                                                 : 1 - kind.decay;
        mean.resize(now.size());
        for (std::size_t i = 0; i < now.size(); ++i) mean[i] += weight * (double(now[i]) - mean[i]);
    }
    return mean;
}

template <class T> void check_average(Average<T> kind, const char* what) {
    const auto path = tests::path<T>();
    const std::vector<double> expected = mean_of(path, kind);
    std::string bits;
    for (const int threads : {1, 2, 3}) {
        Model<T> whole, cut;
        Fit<T> how{.threads = threads,
                   .request = epochs_of(steps, Model<T>::samples, false),
                   .rates = {0.3},
                   .average = kind,
                   .averaged = true};
        whole.fit(how);
        how.request.epochs = steps / 2;
        cut.fit(how), cut.fit(how);
        const std::string which = std::string(what) + " " + name_of<T>() + " from " +
                                  std::to_string(kind.start) + " with " + std::to_string(threads);
        check(whole.parameters.all() == path.back(), "an average leaves the parameters alone: " + which);
        check(whole.updates == steps && worst_of(whole.average.all(), expected) <= tolerance<T>(steps),
              "it is that of its definition: " + which);
        check(cut.average.bits() == whole.average.bits() && cut.updates == steps,
              "and goes on from fit to fit: " + which);
        if (bits.empty()) bits = whole.bits();
        check(whole.bits() == bits, "to the bit: " + which);
    }
}

template <class T> void check_averages() {
    for (const Index start : {0, 3}) {
        check_average<T>({.start = start}, "uniform");
        check_average<T>({.start = start, .uniform = false, .decay = 0.9}, "exponential");
    }
    const Average<T> late{.start = 100};
    Model<T> model;
    model.fit({.average = late, .averaged = true});
    const Arrays<T> none(model.stages, zeros<T>);
    check(model.average.bits() == none.bits() && model.updates == 12, "before its start there is none");
}

const Concern averages{"averages", [] { check_averages<float>(), check_averages<double>(); }};

} // namespace
} // namespace steepest::tests
