// Gradients alone: those of central differences, the same bits with any number of threads, and nothing else
// is written. One of two parts that are alike has the gradients of a batch.
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

template <class T> Fit<T> objective(int threads, const Parameters<T>* gradients) {
    FitRequest request = epochs_of(1, Model<T>::samples, false);
    request.restorable = false;
    TrainConfig config = descent(0.9);
    config.penalties.assign(6, {1e-2, 1e-3, false});
    return {.threads = threads,
            .config = config,
            .request = request,
            .rates = {0},
            .averaged = true,
            .only_gradients = gradients};
}

// Smooth stages only: differences know no kink.
std::vector<Stage> smooth() {
    std::vector<Stage> stages = {
        stage("dense", 13, 9, "tanh"), stage("batch_norm", 9, 9),        stage("elementwise", 9, 9, "gelu"),
        stage("residual_split", 9, 9), stage("dense", 9, 9, "softplus"), stage("residual_add", 9, 9),
        stage("dense", 9, 5)};
    stages[1].momentum = 0.9, stages[1].epsilon = 1e-5;
    stages[3].partner = 5, stages[5].partner = 3;
    return stages;
}

double loss_at(const std::vector<Stage>& stages, Index place, double change) {
    Model<double> model(stages);
    model.parameters.add(place, change);
    const Arrays<double> unused(stages, zeros<double>);
    Fit<double> how = objective<double>(1, unused.data());
    how.config.penalties.resize(unused.views().size());
    return model.fit(how).loss;
}

void check_differences() {
    const std::vector<Stage> stages = smooth();
    Model<double> model(stages);
    const Arrays<double> gradients(stages, zeros<double>);
    Fit<double> how = objective<double>(1, gradients.data());
    how.config.penalties.resize(gradients.views().size());
    model.fit(how);
    const std::vector<double> all = gradients.all();
    double worst = 0;
    for (std::size_t i = 0; i < all.size(); i += 7) {
        constexpr double h = 1e-5;
        const double slope = (loss_at(stages, Index(i), h) - loss_at(stages, Index(i), -h)) / (2 * h);
        if (const double error = std::fabs(slope - all[i]); !(error <= worst)) worst = error;
    }
    check(worst < 1e-8, "stored gradients are those of differences");
}

template <class T> void check_bits(bool every_kind) {
    std::string expected;
    for (const int threads : {1, 2, 3, 7}) {
        Model<T> model(every_kind);
        const std::string before = model.bits();
        const Arrays<T> gradients(model.stages, zeros<T>);
        Fit<T> how = objective<T>(threads, gradients.data());
        how.config.penalties.resize(gradients.views().size());
        const Result result = model.fit(how);
        if (expected.empty()) expected = gradients.bits();
        const Arrays<T> none(model.stages, zeros<T>);
        check(gradients.bits() == expected && gradients.bits() != none.bits() &&
                  result.status == Status::finished,
              "stored gradients with " + std::to_string(result.threads) + " threads");
        check(model.bits() == before && model.first.bits() == none.bits() && model.updates == 0,
              "and nothing is updated");
    }
}

template <class T> void check_parts() {
    std::string expected;
    Index asked = 0, last = 100;
    // Forward it has the statistics of the whole, back half of their sums.
    const Whole<T> whole{2 * Model<T>::samples, [&](T* first, T* second, Index columns, bool back) {
                             for (Index j = 0; back && j < columns; ++j) first[j] *= 2, second[j] *= 2;
                             return ++asked < last;
                         }};
    for (const int threads : {0, 1, 2, 7}) {
        Model<T> model(smooth());
        const Arrays<T> gradients(model.stages, zeros<T>);
        Fit<T> how = objective<T>(std::max(1, threads), gradients.data());
        how.config.penalties.resize(gradients.views().size());
        if (threads > 0) how.whole = &whole;
        asked = 0;
        model.fit(how);
        if (expected.empty()) expected = gradients.bits();
        check(gradients.bits() == expected && asked == (threads > 0 ? 2 : 0),
              "a part of a batch with " + std::to_string(threads) + " threads");
    }
    Model<T> model(smooth());
    const Arrays<T> gradients(model.stages, zeros<T>);
    Fit<T> how = objective<T>(2, gradients.data());
    how.config.penalties.resize(gradients.views().size());
    how.whole = &whole, asked = 0, last = 1;
    check(model.fit(how).status == Status::cancelled && asked == 1, "a part that fails ends the run");
}

// When one is announced, it is there, as are all after it.
template <class T> void check_announcements(bool every_kind) {
    const auto same = [](T*, T*, Index, bool) { return true; }; // of a part that is all
    std::string expected;
    for (const int threads : {0, 1, 2, 7}) {
        Model<T> model(every_kind);
        const Arrays<T> gradients(model.stages, zeros<T>);
        Fit<T> how = objective<T>(std::max(1, threads), gradients.data());
        std::size_t next = gradients.views().size();
        how.config.penalties.resize(next);
        std::vector<std::string> seen;
        bool in_order = true;
        const auto see = [&](std::size_t d) {
            in_order &= d + 1 == next--;
            seen.push_back(gradients.bits(d));
            return true;
        };
        const Whole<T> whole{Model<T>::samples, same, see};
        if (threads > 0) how.whole = &whole;
        const Result result = model.fit(how);
        const std::string bits = gradients.bits();
        if (threads == 0) expected = bits + std::to_string(result.loss), next = 0;
        for (const std::string& tail : seen) in_order &= bits.ends_with(tail);
        check(in_order && next == 0 && bits + std::to_string(result.loss) == expected,
              "announced gradients with " + std::to_string(threads) + " threads");
    }
    Model<T> model(every_kind);
    const Arrays<T> gradients(model.stages, zeros<T>);
    Fit<T> how = objective<T>(2, gradients.data());
    how.config.penalties.resize(gradients.views().size());
    int told = 0;
    const Whole<T> whole{Model<T>::samples, same, [&](std::size_t) { return ++told < 2; }};
    how.whole = &whole;
    check(model.fit(how).status == Status::cancelled && told == 2, "who is told can end the run");
}

const Concern gradients{"gradients", [] {
                            check_differences();
                            check_parts<float>(), check_parts<double>();
                            for (const bool every_kind : {false, true}) {
                                check_bits<float>(every_kind), check_bits<double>(every_kind);
                                check_announcements<float>(every_kind);
                                check_announcements<double>(every_kind);
                            }
                        }};

} // namespace
} // namespace steepest::tests
