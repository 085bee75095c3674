// Plan: how parameters are updated: an optimizer, and the numbers of one step made of it. Every thread may
// read them.
#pragma once

#include "kernels/dispatch.hpp"
#include "network/parameters.hpp"

#include <limits>

namespace steepest {

// A rule of the kernels' list, and the numbers that its traits name.
struct Optimizer {
    Rule rule{}; // the first of the list
    double given[most_numbers] = {};
};

// How many slots it uses.
[[nodiscard]] inline int slots_of(const Optimizer& o) { return traits_of(o.rule).slots(o.given); }

// Whether its update is w - learning_rate * g.
[[nodiscard]] inline bool is_descent(const Optimizer& o) {
    return traits_of(o.rule).descends && slots_of(o) == 0;
}

// The momentum of descent, if it has some.
[[nodiscard]] Momentum momentum_of(const Optimizer& o);

// Whether it leaves weight rows alone whose feature no sparse sample has.
[[nodiscard]] inline bool is_lazy(const Optimizer& o) { return traits_of(o.rule).lazy(o.given); }

constexpr double unlimited = std::numeric_limits<double>::infinity();

// One step of an optimizer, `age` steps after its slots were zero.
template <class T> class PreparedUpdate {
  public:
    PreparedUpdate(const Optimizer& optimizer, double clip, double learning_rate, Index age,
                   bool* overflow = nullptr);

    // Of biases and scales, which have neither a penalty nor decay.
    [[nodiscard]] const Update<T>& of_biases() const { return update_; }
    [[nodiscard]] Update<T> of_weights(const Penalty& penalty) const;

  private:
    Update<T> update_;
    double learning_rate_; // as it was given
    T keep_;
};

} // namespace steepest
