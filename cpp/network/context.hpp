// Compute: what a share of a step needs besides the arrays that it works on.
#pragma once

#include "base/poll.hpp"
#include "base/team.hpp"
#include "kernels/dispatch.hpp"
#include "network/draws.hpp"

namespace steepest {

// The leader makes one for a step, and each share has a copy of its own.
template <class T> struct Context {
    const Kernels<T>& kernels;
    Share share{};
    StepKey key{};               // of the step at work
    ShouldStop should_stop = {}; // empty where work is not cut

    [[nodiscard]] Context of(const Share& own) const {
        return {kernels, own, key, {should_stop.poller, own.thread}};
    }
    [[nodiscard]] bool stopped() const { return should_stop && should_stop(); }
};

} // namespace steepest
