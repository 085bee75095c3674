// Compute: what a stage works on: its description, its arrays, and those of its neighbors.
#pragma once

#include "network/network.hpp"

namespace steepest {

// Made where it is used: it is three words and the samples. Every thread.
template <class T> class StageView {
  public:
    // Of stage s of a network whose batch is x.
    StageView(const Network<T>& network, std::size_t s, MatrixView<const T> x)
        : network_(network), s_(s), x_(x) {}

    // Descriptions: of all stages, of this one, and of the one whose outputs it takes.
    [[nodiscard]] const Plan& plan() const { return network_.plan(); }
    [[nodiscard]] const Stage& stage() const { return plan()[s_]; }
    [[nodiscard]] const Stage& below() const { return plan()[s_ - 1]; }
    // Whether nothing below it needs a gradient.
    [[nodiscard]] bool is_first_parametric() const { return s_ == plan().first_parametric(); }

    // Rows of what goes into the stage, and its outputs.
    [[nodiscard]] MatrixView<const T> input(Index row) const {
        return s_ ? read_only(workspace().outputs[s_ - 1].rows(row)) : from(x_, row);
    }
    [[nodiscard]] const Matrix<T>& input() const { return workspace().outputs[s_ - 1]; } // of s > 0
    [[nodiscard]] const Matrix<T>& output() const { return workspace().outputs[s_]; }
    // The gradient of its sums, and where that of the stage below goes.
    [[nodiscard]] const Matrix<T>& delta() const { return workspace().deltas[s_]; }
    [[nodiscard]] const Matrix<T>& delta_below() const { return workspace().deltas[s_ - 1]; }
    // What the derivative of the activation below comes from.
    [[nodiscard]] const Matrix<T>& seen_below() const {
        return workspace().outputs[s_ - 1 - reads_input(below().activation)];
    }
    // What it saved on the way forward.
    [[nodiscard]] const Matrix<T>& saved() const { return workspace().saved[s_]; }
    // Outputs, and gradients, of the other end of a residual block.
    [[nodiscard]] const Matrix<T>& partner_output() const {
        return workspace().outputs[std::size_t(stage().partner)];
    }
    [[nodiscard]] const Matrix<T>& partner_delta() const {
        return workspace().deltas[std::size_t(stage().partner)];
    }

    // Its place among those that have parameters, and these.
    [[nodiscard]] std::size_t parameter_index() const { return plan().parameter_index(s_); }
    [[nodiscard]] const Parameters<T>& parameters() const { return network_.parameters()[parameter_index()]; }
    [[nodiscard]] MatrixView<T> running() const { return network_.running()[plan().statistics_index(s_)]; }

    // The weight as the product needs it, where it needs another than it is.
    [[nodiscard]] bool needs_arranged() const { return network_.needs_arranged(s_); }
    [[nodiscard]] MatrixView<T> arranged() const { return workspace().arranged[parameter_index()].rows(); }
    // Whether it reads its rows from a sparse batch.
    [[nodiscard]] bool reads_sparse() const { return s_ == 0 && network_.sparse(); }

    // All the rest.
    [[nodiscard]] const Network<T>& network() const { return network_; }
    [[nodiscard]] const Workspace<T>& workspace() const { return network_.workspace(); }

    // y = activation(y) for n outputs.
    void activate(const Kernels<T>& kernels, T* y, Index n) const {
        if (stage().activation != Activation::identity)
            kernels.activate(stage().activation, T(stage().slope), y, y, n);
    }

    // dx = made * the derivative of the activation below, for some columns of a row; `made` may be dx.
    void finish_gradient(const Kernels<T>& kernels, Index row, Range columns, const T* made) const {
        const Index j = columns.begin;
        T* const dx = delta_below().row(row) + j;
        if (made != dx || below().activation != Activation::identity)
            kernels.activation_gradient(below().activation, T(below().slope), seen_below().row(row) + j, made,
                                        dx, columns.size());
    }

  private:
    const Network<T>& network_;
    std::size_t s_;
    MatrixView<const T> x_;
};

} // namespace steepest
