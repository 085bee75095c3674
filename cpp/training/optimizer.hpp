// How parameters are updated: an optimizer, penalties and limits, and the numbers of one step made of them.
#pragma once

#include "base/types.hpp"

#include <limits>

namespace steepest {

struct Penalty {
    double l2 = 0, l1 = 0; // of sum(w^2) and sum|w|
    bool proximal = false; // the update shrinks |w|, instead of following the slope of l1
    Penalty operator*(double share) const { return {l2 * share, l1 * share, proximal}; }
};

// The numbers of `Update` that are the same in each step; momentum is Adam's beta_1, decay its beta_2.
struct Optimizer {
    Rule rule = Rule::sgd;
    double momentum = 0;
    bool nesterov = false;
    double decay = 0, gain = 0, epsilon = 0;
    double weight_decay = 0;  // decoupled, of weights only
    bool epsilon_hat = false; // Adam's epsilon goes to the square root as it is, uncorrected for its start
    bool has_first() const { return rule == Rule::adam || (rule == Rule::sgd && momentum != 0); }
    bool has_second() const { return rule != Rule::sgd; }
};

constexpr double unlimited = std::numeric_limits<double>::infinity();

// The update with a learning rate, `age` steps after the optimizer's state was zero: of biases, which have
// neither a penalty nor decay,
template <class T> Update<T> update_with(const Optimizer& optimizer, double clip, double rate, Index age);

// and of weights.
template <class T>
Update<T> of_weights(Update<T> update, const Optimizer& optimizer, const Penalty& penalty, double rate);

// The same for a gradient that has its penalty already, times `scale`.
template <class T> Update<T> of_stored(Update<T> update, double scale);

} // namespace steepest
