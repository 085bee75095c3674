// Compute: what a share of a step needs besides the arrays that it works on.
#pragma once

#include "base/poll.hpp"
#include "base/team.hpp"
#include "kernels/dispatch.hpp"
#include "network/draws.hpp"

#include <functional>

namespace steepest {

// The larger batch that a batch is a part of. Stages whose results depend on all samples ask for the
// statistics of the whole; see `StageType::exchange`. The leader calls, while the team waits.
template <class T> struct Whole {
    Index samples = 0;
    // Puts those of the whole in the place of the part's: two rows of so many columns, on the way forward or
    // back; false ends the run.
    std::function<bool(T* first, T* second, Index columns, bool back)> exchange;
    // Unless it is empty, is called when the gradients of the d-th stage that has some are stored, in
    // `Job::only_gradients`: for the last stage first, and before those of earlier ones are computed. False
    // ends the run.
    std::function<bool(std::size_t d)> on_gradient = {};
};

// The leader makes one for a step, and each share has a copy of its own.
template <class T> struct Context {
    const Kernels<T>& kernels;
    Share share{};
    StepKey key{};                   // of the step at work
    ShouldStop should_stop = {};     // empty where work is not cut
    const Whole<T>* whole = nullptr; // null but for a part of a larger batch

    [[nodiscard]] Context of(const Share& own) const {
        return {kernels, own, key, {should_stop.poller, own.thread}, whole};
    }
    [[nodiscard]] bool stopped() const { return should_stop && should_stop(); }
};

} // namespace steepest
