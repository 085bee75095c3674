// Plan: how parameters are updated: an optimizer and limits, and the numbers of one step made of them. Pure
// functions, which every thread may call.
#pragma once

#include "network/parameters.hpp"

#include <limits>

namespace steepest {

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

// The update of biases, which have neither a penalty nor decay, with a learning rate, `age` steps after the
// optimizer's state was zero.
template <class T>
[[nodiscard]] Update<T> update_with(const Optimizer& optimizer, double clip, double rate, Index age);

// The same update of weights.
template <class T>
[[nodiscard]] Update<T> of_weights(Update<T> update, const Optimizer& optimizer, const Penalty& penalty,
                                   double rate);

} // namespace steepest
