// What goes wrong within a run - labels, infinities, overflow - is found, and taken back to the last epoch
// that was good.
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

template <class T> std::string state_of(const Model<T>& model) {
    return model.bits() + model.first.bits() + model.second.bits() + std::to_string(model.updates);
}

template <class T> Fit<T> adam(const Model<T>& model, Index epochs) {
    return {.config = adam_with_penalties(model.parameters.views().size()),
            .request = epochs_of(epochs),
            .rates = {0.01},
            .average = {.start = 2},
            .averaged = true};
}

template <class T> void check_divergence() {
    Model<T> wild(true);
    const std::string before = state_of(wild);
    wild.x[13 * 75] = std::numeric_limits<T>::infinity();
    const Result result = wild.fit(adam(wild, 3));
    check(result.status == Status::diverged && result.losses.empty() && result.steps == 0 &&
              state_of(wild) == before,
          "a diverged epoch is undone");
}

template <class T> void check_labels() {
    for (const std::int64_t label : {std::int64_t(5), std::int64_t(-1), std::int64_t(1) << 40}) {
        Model<T> wrong(true);
        const std::string before = state_of(wrong);
        wrong.labels[75] = label;
        const Result result = wrong.fit(adam(wrong, 3));
        check(result.status == Status::invalid_label && result.step == 75 && result.steps == 0 &&
                  state_of(wrong) == before,
              "an epoch with the label " + std::to_string(label) + " is undone");
    }
}

// Epochs whose learning rate is good, and then so large that the parameters of an update overflow, or only
// the objective of the next batch.
template <class T> void check_overflow(Index batch, double factor) {
    constexpr Index good = 3, all = 5;
    const Index batches = (Model<T>::samples + batch - 1) / batch;
    const double huge = double(std::numeric_limits<T>::max()) * factor;
    for (const int threads : {1, 2, 3}) {
        Model<T> expected(true), wild(true);
        Fit<T> how{.threads = threads, .config = descent(0.9), .request = epochs_of(good, batch)};
        how.config.loss.sum = true; // for gradients beyond 1
        how.averaged = true, how.rates.assign(std::size_t(all * batches), 1e-4);
        expected.fit(how);
        for (Index step = good * batches; step < all * batches; ++step) how.rates[std::size_t(step)] = huge;
        how.request.epochs = all;
        const Result result = wild.fit(how);
        check(result.status != Status::finished && Index(result.losses.size()) == good &&
                  result.steps == good * batches && state_of(wild) == state_of(expected),
              "epochs before an overflow are kept: batches of " + std::to_string(batch) + " with " +
                  std::to_string(threads));
    }
}

// Of the last update of a run, which no objective shows.
template <class T> void check_last_update(bool restorable) {
    Model<T> model;
    const std::string before = state_of(model);
    Fit<T> how{.request = epochs_of(1, Model<T>::samples, false),
               .rates = {double(std::numeric_limits<T>::max())}};
    how.config.loss.sum = true, how.request.restorable = restorable;
    const Result result = model.fit(how);
    check(result.status == Status::overflowed && (state_of(model) == before) == restorable,
          restorable ? "an overflow of the last update is taken back"
                     : "unless no copy was to be kept, and then it is told");
}

template <class T> void check_failures() {
    check_divergence<T>();
    check_labels<T>();
    check_overflow<T>(64, 1), check_overflow<T>(64, 1e-8), check_overflow<T>(150, 1);
    for (const bool restorable : {true, false}) check_last_update<T>(restorable);
}

const Concern failures{"failures", [] { check_failures<float>(), check_failures<double>(); }};

} // namespace
} // namespace steepest::tests
