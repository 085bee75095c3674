// What the threads of one call share, and the clock that ends it.
#pragma once

#include "trainer.hpp"

#include <atomic>
#include <chrono>
#include <utility>

namespace steepest {

using Clock = std::chrono::steady_clock;

constexpr auto watch_interval = std::chrono::milliseconds(20);
constexpr double work_between_looks = 2e6; // multiply-adds before the clock is read again, about 20 us

template <class T> struct Trainer<T>::Run {
    const Kernels<T>& kernels;
    const Samples<T>& samples;
    const Recipe& recipe;
    const Schedule& schedule;
    const State<T> state;
    const Parameters<T>* only_gradients; // store these and update nothing
    const Watch& watch;
    const CustomLoss<T>* custom;
    const Average<T> average;

    Range part{};                           // of the samples in an epoch's order
    bool several = false;                   // batches in it
    bool ended = false;                     // by a plateau; written by rank 0, before a barrier
    bool gathered = false;                  // batches are copied; otherwise they lie in order in the samples
    bool watched_inside = false;            // a step of long products, or near it
    std::vector<Parameters<T>> stored = {}; // the gradients of a step of long products
    std::atomic<bool> stop{false};
    std::atomic<Index> mislabelled{-1}; // a sample
    double custom_loss = 0;             // of the batch; written by rank 0, between barriers

    // Of rank 0 alone:
    Result result{};
    Index saved_steps = 0; // those done when the snapshot was taken
    Sums sums{};           // of this run's batches in the epoch
    double epochs_done = 0, work_since_look = 0;
    Plateau plateau = schedule.plateau;
    double share = 0;               // of the next parameters in the average; read by all between barriers
    std::int64_t saved_updates = 0; // of the average, when the snapshot was taken
    Clock::time_point last_look = Clock::now(), epoch_start = Clock::now();

    Result outcome() {
        const Index sample = mislabelled.load();
        if (sample >= 0 && result.status != Status::cancelled)
            result.status = Status::mislabelled, result.step = sample;
        return std::move(result);
    }

    void look(double work) {
        if (!watch || (work_since_look += work) < work_between_looks) return;
        work_since_look = 0;
        const auto now = Clock::now();
        if (now - last_look < watch_interval) return;
        last_look = now;
        if (watch(epochs_done)) stop.store(true, std::memory_order_relaxed);
    }
};

} // namespace steepest
