// How a run ends before its epochs do: a poll, also inside a step, and a plateau.
#include "tests/support.hpp"

namespace steepest::tests {
namespace {

template <class T> void check_poll() {
    Model<T> endless;
    int asked = 0;
    double done = 0;
    Fit<T> how{.request = epochs_of(1000000000), .poll = [&](double epochs) {
                   done = epochs;
                   return ++asked == 3;
               }};
    const Result result = endless.fit(how);
    check(result.status == Status::cancelled && asked == 3 && done > 0, "a poll cancels");
    Model<T> again;
    again.fit({.request = epochs_of(Index(result.losses.size()))});
    const Index rest = result.steps - 3 * Index(result.losses.size());
    Fit<T> more{.request = epochs_of(1)};
    more.request.first_epoch = Index(result.losses.size()), more.request.batches = rest;
    if (rest) again.fit(more);
    check(again.bits() == endless.bits(), "after a whole number of steps");
}

// One step of some hundred milliseconds, which changes nothing if it is left.
void check_stop_inside() {
    const KernelTable& slowest = *available_kernels().back();
    const std::vector<Stage> stages = {stage("dense", 13, 1800), stage("dense", 1800, 2000),
                                       stage("dense", 2000, 5)};
    for (const int threads : {1, 2}) {
        Model<double> model(stages);
        const std::string before = model.bits();
        int asked = 0;
        Fit<double> how{.table = &slowest,
                        .threads = threads,
                        .request = epochs_of(1, Model<double>::samples, false),
                        .poll = [&](double) { return ++asked == 2; }};
        const Result result = model.fit(how);
        check(asked == 2 && result.status == Status::cancelled && result.steps == 0 && model.bits() == before,
              "a long step is left as it was, with " + std::to_string(threads));
    }
}

template <class T> void check_plateau() {
    const auto learned = [](Index epochs, double tolerance, double patience, Index* ran) {
        Model<T> model(true);
        Fit<T> how{.request = epochs_of(epochs), .rates = {0.01}};
        how.request.plateau.tolerance = tolerance;
        if (patience >= 0) how.request.plateau.patience = patience;
        const Result result = model.fit(how);
        *ran = Index(result.losses.size());
        check(result.status == Status::finished && result.steps == 3 * *ran, "a plateau is an end");
        return model.bits();
    };
    Index ran = 0;
    const std::string four = learned(4, 0, -1, &ran);
    check(ran == 4, "without a plateau, every epoch");
    // The first epoch is better than none; then three in a row are not better by so much.
    check(learned(50, 1e9, 2, &ran) == four && ran == 4, "a plateau of three epochs ends the run");
    static_cast<void>(learned(5, -1e9, 0, &ran));
    check(ran == 5, "an objective that falls by enough is no plateau");
}

template <class T> void check_waited() {
    Plateau plateau{.tolerance = 0.5, .patience = 1};
    check(plateau.possible() && !Plateau{}.possible(), "a plateau is never by default");
    const bool ends[] = {plateau.reached(3),   plateau.reached(2),   plateau.reached(1.6),
                         plateau.reached(1.0), plateau.reached(1.0), plateau.reached(0.9)};
    check(!ends[0] && !ends[1] && !ends[2] && !ends[3] && !ends[4] && ends[5] && plateau.best == 0.9,
          "epochs in a row without progress are counted from the best");
}

const Concern ends{"ends", [] {
                       check_poll<float>(), check_poll<double>();
                       check_stop_inside();
                       check_plateau<float>(), check_plateau<double>();
                       check_waited<double>();
                   }};

} // namespace
} // namespace steepest::tests
