// Compute: copies of parameters, an optimizer's state, averages and running statistics, to go back to.
#pragma once

#include "network/network.hpp"

#include <algorithm>
#include <vector>

namespace steepest {

// One thread at a time, while no other writes to what is copied.
template <class T> class Snapshot {
  public:
    // Copies the arrays of each stage that has parameters; averages may be null. Throws std::bad_alloc, but
    // not when it has been called before for the same network.
    void save(const Network<T>& network, const OptimizerState<T>& state, const Parameters<T>* averages) {
        for_each(network, state, averages,
                 [](Matrix<T>& copy, const Parameters<T>& now, Index rows, Index columns) {
                     copy.reserve(rows + 1, columns);
                     for (Index i = 0; i < rows; ++i)
                         std::copy_n(now.weight.data + i * now.weight.stride, columns, copy.row(i));
                     if (now.bias) std::copy_n(now.bias, columns, copy.row(rows));
                 });
    }

    // Writes them back to where save() found them.
    void restore(const Network<T>& network, const OptimizerState<T>& state, const Parameters<T>* averages) {
        for_each(network, state, averages,
                 [](Matrix<T>& copy, const Parameters<T>& now, Index rows, Index columns) {
                     for (Index i = 0; i < rows; ++i)
                         std::copy_n(copy.row(i), columns, now.weight.data + i * now.weight.stride);
                     if (now.bias) std::copy_n(copy.row(rows), columns, now.bias);
                 });
    }

  private:
    // visit(copy, arrays, rows, columns) for all that learning changes, always in the same order.
    template <class Visit>
    void for_each(const Network<T>& network, const OptimizerState<T>& state, const Parameters<T>* averages,
                  Visit visit) {
        const Plan& plan = network.plan();
        copies_.resize((2 + std::size_t(state.count)) * network.parameters().size() +
                       network.running().size());
        std::size_t next = 0;
        for (std::size_t s = 0; s < plan.size(); ++s) {
            const Stage& stage = plan[s];
            const StageKind& kind = *stage.kind;
            if (kind.has_parameters()) {
                const std::size_t d = plan.parameter_index(s);
                const Index rows = stage.weight_rows(), columns = stage.weight_columns();
                visit(copies_[next++], network.parameters()[d], rows, columns);
                for (int k = 0; k < state.count; ++k)
                    visit(copies_[next++], state.slots[k][d], rows, columns);
                if (averages) visit(copies_[next++], averages[d], rows, columns);
            }
            if (kind.has_statistics())
                visit(copies_[next++], {network.running()[plan.statistics_index(s)], nullptr},
                      kind.running_rows, stage.outputs);
        }
    }

    std::vector<Matrix<T>> copies_; // the bias is one more row of its weight
};

} // namespace steepest
