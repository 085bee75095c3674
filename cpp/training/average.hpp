// The average of the parameters over a run's updates, which is kept beside them.
#pragma once

#include "network/network.hpp"

namespace steepest {

// Owned by the caller, as parameters are; the parameters after each update from `start` on go into it.
template <class T> struct Average {
    const Parameters<T>* values = nullptr; // null for none
    std::int64_t* updates = nullptr;       // done so far, over all runs
    Index start = 0;
    bool uniform = true; // a mean of equal shares; otherwise mean = decay * mean + (1 - decay) * parameters
    double decay = 0;

    // What the parameters after the next update count for: nothing before `start`, and all at it.
    double next_share() const {
        const Index averaged = Index(*updates) - start;
        if (averaged <= 0) return averaged < 0 ? 0 : 1;
        return uniform ? 1 / double(averaged + 1) : 1 - decay;
    }
};

// This thread's part of the average takes the parameters in. Element by element, so threads change no bit.
template <class T>
void take_in(const Kernels<T>& kernels, const Team& team, const Network<T>& network,
             const Parameters<T>* averages, T portion) {
    std::size_t next = 0;
    for (const auto& stage : network.stages()) {
        if (!stage.learns()) continue;
        const Parameters<T>&own = network.parameters()[next], &mean = averages[next];
        const Range rows = share(stage.weight_rows(), 1, team.rank, team.size);
        const bool adjoining = own.weight.stride == stage.outputs && mean.weight.stride == stage.outputs;
        const Index piece = adjoining ? std::max<Index>(rows.size(), 1) : 1; // rows of one call
        for (Index i = rows.begin; i < rows.end; i += piece)
            kernels.average(portion, from(own.weight, i).data, from(mean.weight, i).data,
                            piece * stage.outputs);
        if (own.bias && team.rank == team.size - 1)
            kernels.average(portion, own.bias, mean.bias, stage.outputs);
        ++next;
    }
}

} // namespace steepest
