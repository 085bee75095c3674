// Compute: the average of the parameters over a run's updates, which is kept beside them.
#pragma once

#include "network/context.hpp"
#include "network/network.hpp"

#include <algorithm>

namespace steepest {

// Owned by the caller, as parameters are; the parameters after each update from `start` on go into it.
template <class T> struct Average {
    const Parameters<T>* values = nullptr; // null for none
    std::int64_t* updates = nullptr;       // done so far, over all runs
    Index start = 0;
    bool uniform = true; // a mean of equal weights; otherwise mean = decay * mean + (1 - decay) * parameters
    double decay = 0;

    // The weight of the parameters after the next update: nothing before `start`, and all at it. The leader.
    [[nodiscard]] double next_weight() const {
        const Index averaged = Index(*updates) - start;
        if (averaged <= 0) return averaged < 0 ? 0 : 1;
        return uniform ? 1 / double(averaged + 1) : 1 - decay;
    }
};

// Takes this share's part of the parameters into the average, with a weight. Element by element, so threads
// change no bit. Every share, after an update by all.
template <class T>
void update_average(const Network<T>& network, const Context<T>& context, const Parameters<T>* averages,
                    T weight) {
    const auto& kernels = context.kernels;
    std::size_t next = 0;
    for (const Stage& stage : network.plan().stages()) {
        if (!stage.has_parameters()) continue;
        const Parameters<T>&own = network.parameters()[next], &mean = averages[next];
        const Range rows = row_chunk(stage.weight_rows(), 1, context.share);
        const Index columns = stage.weight_columns();
        const bool adjoining = own.weight.stride == columns && mean.weight.stride == columns;
        const Index piece = adjoining ? std::max<Index>(rows.size(), 1) : 1; // rows of one call
        for (Index i = rows.begin; i < rows.end; i += piece)
            kernels.average(weight, from(own.weight, i).data, from(mean.weight, i).data, piece * columns);
        if (own.bias && context.share.rank == context.share.size - 1)
            kernels.average(weight, own.bias, mean.bias, stage.outputs);
        ++next;
    }
}

} // namespace steepest
