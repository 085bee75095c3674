// Plan: how a network is trained, what one run is asked for, and what comes of it. Plain data.
#pragma once

#include "network/draws.hpp"
#include "training/optimizer.hpp"
#include "training/samples.hpp"

#include <limits>
#include <vector>

namespace steepest {

// How each step goes.
struct TrainConfig {
    Loss loss;
    std::vector<Penalty> penalties; // one for each stage that has parameters, or none at all
    // What each stage that has parameters multiplies the learning rate by; of 0 it is frozen. None: all by 1.
    std::vector<double> rate_factors;
    Optimizer optimizer;
    // Bounds of each component of the gradient, and then of its norm; of the norm of a weight's columns.
    double clip_value = unlimited, clip_norm = unlimited, max_norm = unlimited;
    bool penalty_by_batch = false; // the penalty is that of all the batch, divided as the loss is
    double report_scale = 1;       // what the loss counts for in the objective, but not in its gradient
    bool mean_by_count = false;    // an epoch's mean weighs batches by their samples, whatever these weigh
};

// Learning rates: one for all steps of a run, or one for each.
struct Rates {
    const double* data = nullptr;
    bool constant = true;
    double operator[](Index step) const { return data[constant ? 0 : step]; }
};

// Of some batches: their objectives times their shares in an epoch, and these shares.
struct Sums {
    double loss = 0, weight = 0;
    void add(double share, double objective) { loss += share * objective, weight += share; }
    [[nodiscard]] double mean() const { return weight > 0 ? loss / weight : 0; }
};

// An end to a run, after the epoch that is the more than `patience`th in a row not to bring the objective
// below `best` by more than `tolerance`. Never, by default.
struct Plateau {
    double tolerance = 0, patience = std::numeric_limits<double>::infinity();
    double best = std::numeric_limits<double>::infinity(), waited = 0;
    [[nodiscard]] bool possible() const { return patience < std::numeric_limits<double>::infinity(); }
    // Takes in an epoch's loss, and says whether it is to be the last. One thread.
    bool reached(double loss) {
        waited = loss > best - tolerance ? waited + 1 : 0;
        if (loss < best) best = loss;
        return waited > patience;
    }
};

// Which epochs and batches a run goes through.
struct FitRequest {
    Index epochs = 1, first_epoch = 0, batch = 1;
    bool shuffle = false;
    std::uint64_t seed = 0; // of shuffles and of the draws of each step
    Index first_step = 0;   // of this run, counted over all runs
    Index state_start = 0;  // at which the optimizer's state was zero
    Rates rates = {};
    Index first_batch = 0, batches = std::numeric_limits<Index>::max(); // of each epoch, or as many as it has
    Sums before = {};                                                   // of the epoch's earlier batches
    const std::int64_t* orders = nullptr; // of the samples in each epoch, instead of shuffles
    Plateau plateau = {};
    bool restorable = true; // whether an update that overflows is taken back, for which copies are kept
    [[nodiscard]] bool reordered() const { return shuffle || orders; }
};

// One step on all samples. Its update is not taken back: a copy of the parameters would take too long.
[[nodiscard]] inline FitRequest single_step(Index samples, const double* rate, StepKey key) {
    return {.batch = samples,
            .seed = key.seed,
            .first_step = Index(key.step),
            .rates = {.data = rate},
            .restorable = false};
}

// diverged: an objective was not finite; overflowed: a parameter after an update, or what is kept with it;
// invalid_label: a label of a batch was none of the classes.
enum class Status { finished, cancelled, diverged, overflowed, invalid_label };

struct Result {
    std::vector<double> losses, seconds; // of each finished epoch, or of the part of it that was run
    Sums sums;                           // of the last epoch, its earlier batches included
    Status status = Status::finished;
    Index step = 0;  // the batch that diverged, or the sample whose label is none of the classes
    Index steps = 0; // updates done, and not undone
    double loss = 0; // the objective of the last batch
    int threads = 1; // how many took part
};

} // namespace steepest
