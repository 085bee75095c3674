// Compute: what a thread of a team needs besides the arrays that it works on.
#pragma once

#include "base/parallel.hpp"
#include "base/poll.hpp"
#include "kernels/dispatch.hpp"
#include "network/draws.hpp"

namespace steepest {

// Each thread has its own, for as long as it is of the team.
template <class T> struct Context {
    const Kernels<T>& kernels;
    const Team& team;
    StepKey key{};               // of the step at work
    ShouldStop should_stop = {}; // empty where work is not cut

    [[nodiscard]] bool stopped() const { return should_stop && should_stop(); }
};

} // namespace steepest
