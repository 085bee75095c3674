// Compute: the weight of a sparse first stage, whose penalty and momentum are put off.
//
// With descent an L2 penalty scales all of a weight in each step, and momentum goes on moving all of it: both
// alike for all rows of features that the batch does not have. So the weight W and its velocity V are kept as
// mixtures of what their arrays P and Q hold,
//
//     W = a P + b Q,    V = c P + d Q,
//
// a step moves the four numbers, and only rows of features that the batch has are touched: a step costs what
// the batch has entries. The result is that of the dense products within rounding; without penalty and
// momentum, to the bit where these sum in the order of the features, as they do for layers that do not have
// few outputs.
#pragma once

#include "kernels/dispatch.hpp"
#include "network/parameters.hpp"
#include "network/partition.hpp"

namespace steepest {

template <class T> class LazyWeight {
  public:
    // ---- every thread ------------------------------------------------------------------------------------
    // Whether a weight is kept so, and with a velocity; and what multiplies P and Q.
    [[nodiscard]] bool active() const { return active_; }
    [[nodiscard]] bool has_velocity() const { return momentum_.value != 0; }
    [[nodiscard]] T of_weight() const { return T(now_.a); }
    [[nodiscard]] MatrixView<T> velocity() const { return velocity_; }
    [[nodiscard]] T of_velocity() const { return T(now_.b); }
    // Whether the terms of the penalty are known: an update renews those that it changes.
    [[nodiscard]] bool terms_known() const { return terms_known_; }
    // The penalty of all of the weight, of the terms.
    [[nodiscard]] double penalty() const;

    // ---- every share, its rows: whole terms --------------------------------------------------------------
    // With a velocity, descends by the gradient of row i.
    void update_row(const Kernels<T>& kernels, Index i, const T* gradient) const;
    // Makes the terms of row i anew, and then those of all rows of a term.
    void renew_row(const Kernels<T>& kernels, Index i) const;
    void renew_term(Range rows) const;
    // Makes all terms.
    void make_terms(const Kernels<T>& kernels, const Share& share) const;
    // Makes the arrays what they stand for; the mixture is to be reset when all shares have.
    void flush(const Share& share) const;

    // ---- the leader alone, between barriers --------------------------------------------------------------
    // Starts with arrays that are the weight and the velocity themselves.
    void reset() { now_ = next_ = {}, terms_known_ = false; }
    // The update of a step that moves the mixture in place of the slope of a penalty, which counts for
    // `share`, and of momentum. Before the step.
    [[nodiscard]] Update<T> prepare(Update<T> update, double rate, double share);
    // From now on updates renew the terms.
    void renew_terms() { terms_known_ = true; }
    // Makes the mixture that of prepare(). When all shares have updated the weight.
    void commit() { now_ = next_; }
    // Whether the arrays should be flushed, before numbers of other sizes cost them bits.
    [[nodiscard]] bool needs_flush() const;

    // ---- the caller alone --------------------------------------------------------------------------------
    // Keeps a weight of so many rows and columns with a penalty of strength l2. Throws std::bad_alloc.
    void begin(MatrixView<T> weight, MatrixView<T> velocity, Index rows, Index columns, Momentum momentum,
               double l2);
    // Keeps none.
    void end() { active_ = false, momentum_ = {}, reset(); }

  private:
    struct Mixture {
        double a = 1, b = 0, c = 0, d = 1;
        double growth = 1; // of the steps of P and Q that come to a step of W
    };
    // Of a row or of a term: the sums of P * P and, with a velocity, of P * Q and Q * Q.
    [[nodiscard]] int sums() const { return has_velocity() ? 3 : 1; }

    MatrixView<T> weight_{}, velocity_{};
    Index rows_ = 0, columns_ = 0;
    Momentum momentum_;
    double l2_ = 0;
    bool active_ = false, terms_known_ = false;
    Mixture now_, next_;
    double weight_step_ = 0, velocity_step_ = 0; // along a gradient, of P and Q
    Buffer<double> row_sums_, term_sums_;
};

} // namespace steepest
