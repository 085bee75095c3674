// Compute: epochs of mini-batches over a network: gather, forward, loss, backward, update, in one parallel
// region.
#pragma once

#include "base/poll.hpp"
#include "network/context.hpp"
#include "network/network.hpp"
#include "training/average.hpp"
#include "training/config.hpp"
#include "training/memory.hpp"

namespace steepest {

// What a run is about. The arrays behind `state` and `average` are written to, as the network's parameters.
template <class T> struct Job {
    const Kernels<T>& kernels;
    const Samples<T>& samples;
    const TrainConfig& config;
    const FitRequest& request;
    OptimizerState<T> state = {};
    const CustomLoss<T>* custom = nullptr; // null but for a loss of that kind
    Average<T> average = {};
    // If these are given, the gradients of each batch are stored here, penalty included, and nothing is
    // updated.
    const Parameters<T>* only_gradients = nullptr;
    // What a sample's loss and gradient are multiplied by next to its weight, where the batch is a part of a
    // larger one; 0 stands for 1 / the weight of the batch.
    double sample_scale = 0;
    // The larger batch: for stages whose results depend on all its samples, and, with only_gradients, for
    // its on_gradient; or null.
    const Whole<T>* whole = nullptr;
    // For an update by given gradients: a batch's statistics for each stage that has some; or null.
    const MatrixView<const T>* statistics = nullptr;
};

// Trains one network, which outlives it, with buffers that it keeps from call to call. The caller alone, one
// call at a time.
template <class T> class Trainer {
  public:
    explicit Trainer(Network<T>& network) : network_(network) {}

    // Runs the request. Each batch's labels and objective are checked before its update, and what updates
    // made of the parameters after each epoch, or after some epochs of one batch. If a label is none of
    // 0..outputs-1, or the objective or a parameter not finite, then parameters, state and the average go
    // back to the end of the last finished epoch, or to the beginning of a run within one; but a run that is
    // not restorable is left with parameters that overflowed. A cancelled run keeps those of the last
    // finished batch.
    [[nodiscard]] Result fit(const Job<T>& job, int threads, const Poll& poll);

    // The update alone, of one step, by gradients of the objective that the caller has; there are no samples.
    // As after a step, parameters that overflowed stay so.
    [[nodiscard]] Result update(const Job<T>& job, const Parameters<T>* gradients, int threads);

  private:
    Network<T>& network_;
    TrainMemory<T> memory_;
};

} // namespace steepest
