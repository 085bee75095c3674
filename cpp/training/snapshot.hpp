// Copies of parameters, an optimizer's state, averages and running statistics, to go back to.
#pragma once

#include "network/network.hpp"

#include <algorithm>
#include <vector>

namespace steepest {

template <class T> class Snapshot {
  public:
    // Copies the arrays of each stage that learns; averages may be null.
    void save(const Network<T>& network, const State<T>& state, const Parameters<T>* averages) {
        for_each(network, state, averages, [](Matrix<T>& copy, const Parameters<T>& now, const Stage& stage) {
            const Index rows = stage.weight_rows();
            copy.reserve(rows + 1, stage.outputs);
            for (Index i = 0; i < rows; ++i)
                std::copy_n(now.weight.data + i * now.weight.stride, stage.outputs, copy.row(i));
            if (now.bias) std::copy_n(now.bias, stage.outputs, copy.row(rows));
        });
    }

    // Writes them back to where save() found them.
    void restore(const Network<T>& network, const State<T>& state, const Parameters<T>* averages) {
        for_each(network, state, averages, [](Matrix<T>& copy, const Parameters<T>& now, const Stage& stage) {
            const Index rows = stage.weight_rows();
            for (Index i = 0; i < rows; ++i)
                std::copy_n(copy.row(i), stage.outputs, now.weight.data + i * now.weight.stride);
            if (now.bias) std::copy_n(copy.row(rows), stage.outputs, now.bias);
        });
    }

  private:
    template <class Visit>
    void for_each(const Network<T>& network, const State<T>& state, const Parameters<T>* averages,
                  Visit visit) {
        copies_.resize(4 * network.parameters().size() + network.running().size());
        std::size_t next = 0, own = 0, norm = 0;
        for (const auto& stage : network.stages()) {
            if (!stage.learns()) continue;
            visit(copies_[next++], network.parameters()[own], stage);
            if (state.first) visit(copies_[next++], state.first[own], stage);
            if (state.second) visit(copies_[next++], state.second[own], stage);
            if (averages) visit(copies_[next++], averages[own], stage);
            ++own;
            if (stage.kind != StageKind::batch_norm) continue;
            const MatrixView<T> running =
                network.running()[norm++]; // mean and variance, like a weight and a bias
            visit(copies_[next++], {running, running.data + running.stride}, stage);
        }
    }

    std::vector<Matrix<T>> copies_; // the bias is one more row of its weight
};

} // namespace steepest
