// What the threads of one call share.
#pragma once

#include "training/trainer.hpp"

#include <atomic>
#include <utility>

namespace steepest {

template <class T> struct Trainer<T>::Run {
    const Kernels<T>& kernels;
    const Samples<T>& samples;
    const TrainConfig& config;
    const FitRequest& request;
    const State<T> state;
    const Parameters<T>* only_gradients; // store these and update nothing
    const CustomLoss<T>* custom;
    const Average<T> average;
    Lookout lookout;

    Range part{};                           // of the samples in an epoch's order
    bool several = false;                   // batches in it
    bool gathered = false;                  // batches are copied; otherwise they lie in order in the samples
    bool watched_inside = false;            // a step of long products, or near it
    std::vector<Parameters<T>> stored = {}; // the gradients of a step of long products
    Index epochs_between_snapshots = 1;     // at most, if they can be taken back
    Index first_epoch = 0, first_step = 0;  // of the team at work
    std::atomic<bool> finite{true};         // all numbers that the last inspection saw
    bool overflow = false;                  // what updates saw that cannot be taken back; see `Update`
    std::atomic<Index> invalid_label{-1};   // a sample
    double custom_loss = 0;                 // of the batch; written by rank 0, between barriers

    // Decided by one thread while all others wait, for all:
    bool ended = false; // by a plateau, or by numbers that are not finite
    bool go = false;    // whether the batch is to be learned

    // Of rank 0, and of the thread that decides:
    Result result{};
    Sums sums{}; // of this run's batches in the epoch
    Plateau plateau = request.plateau;
    double share = 0; // of the next parameters in the average; read by all between barriers
    Clock::time_point epoch_start = Clock::now();

    // What the snapshot was taken with: epochs and updates done, those of the average, and the plateau.
    Index saved_epoch = 0, saved_steps = 0;
    std::int64_t saved_updates = 0;
    Plateau saved_plateau = {};
};

} // namespace steepest
