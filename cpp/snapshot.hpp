// Copies of parameters, velocities and averages, to go back to.
#pragma once

#include "network.hpp"

#include <algorithm>
#include <vector>

namespace steepest {

template <class T> class Snapshot {
  public:
    // Copies the arrays of each dense stage; velocities and averages may be null.
    void save(const Network<T>& network, const Parameters<T>* velocities, const Parameters<T>* averages) {
        for_each(network, velocities, averages,
                 [](Matrix<T>& copy, const Parameters<T>& now, const Stage& stage) {
                     copy.reserve(stage.inputs + 1, stage.outputs);
                     for (Index i = 0; i < stage.inputs; ++i)
                         std::copy_n(now.weight.data + i * now.weight.stride, stage.outputs, copy.row(i));
                     if (now.bias) std::copy_n(now.bias, stage.outputs, copy.row(stage.inputs));
                 });
    }

    // Writes them back to where save() found them.
    void restore(const Network<T>& network, const Parameters<T>* velocities, const Parameters<T>* averages) {
        for_each(network, velocities, averages,
                 [](Matrix<T>& copy, const Parameters<T>& now, const Stage& stage) {
                     for (Index i = 0; i < stage.inputs; ++i)
                         std::copy_n(copy.row(i), stage.outputs, now.weight.data + i * now.weight.stride);
                     if (now.bias) std::copy_n(copy.row(stage.inputs), stage.outputs, now.bias);
                 });
    }

  private:
    template <class Visit>
    void for_each(const Network<T>& network, const Parameters<T>* velocities, const Parameters<T>* averages,
                  Visit visit) {
        copies_.resize(3 * network.parameters().size());
        std::size_t next = 0, dense = 0;
        for (const auto& stage : network.stages()) {
            if (!stage.dense) continue;
            visit(copies_[next++], network.parameters()[dense], stage);
            if (velocities) visit(copies_[next++], velocities[dense], stage);
            if (averages) visit(copies_[next++], averages[dense], stage);
            ++dense;
        }
    }

    std::vector<Matrix<T>> copies_; // the bias is one more row of its weight
};

} // namespace steepest
