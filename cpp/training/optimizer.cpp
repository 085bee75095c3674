// Plan: how parameters are updated: the numbers of one step.
#include "training/optimizer.hpp"

#include <algorithm>
#include <cmath>

namespace steepest {
namespace {

// base^n by squaring: the same bits on every machine, which std::pow does not promise.
double power(double base, Index n) {
    double result = 1;
    for (; n > 0; n /= 2, base *= base)
        if (n % 2) result *= base;
    return result;
}

} // namespace

template <class T> Update<T> update_with(const Optimizer& optimizer, double clip, double rate, Index age) {
    double step = rate, epsilon = optimizer.epsilon;
    if (optimizer.rule == Rule::adam) {
        // m / (1 - beta_1^t) over sqrt(v / (1 - beta_2^t)) + epsilon, both by sqrt(1 - beta_2^t). As epsilon
        // hat, it is what is added then.
        const double root = std::sqrt(1 - power(optimizer.decay, age + 1));
        step *= root / (1 - power(optimizer.momentum, age + 1));
        if (!optimizer.epsilon_hat) epsilon *= root;
    }
    Update<T> u{};
    u.rule = optimizer.rule;
    u.learning_rate = T(step);
    u.momentum = T(optimizer.momentum), u.nesterov = optimizer.nesterov;
    u.first_gain = T(1 - optimizer.momentum);
    u.decay = T(optimizer.decay), u.gain = T(optimizer.gain);
    // An epsilon that is 0 in the type would be 0 / 0 where all gradients have been 0; Adam's is corrected.
    u.epsilon = std::max(T(epsilon), std::numeric_limits<T>::min());
    u.clip = T(clip);
    u.plain = u.rule == Rule::sgd && !(clip < unlimited);
    return u;
}

template <class T>
Update<T> of_weights(Update<T> u, const Optimizer& optimizer, const Penalty& penalty, double rate) {
    u.keep = T(1 - rate * optimizer.weight_decay);
    u.l2_slope = T(2 * penalty.l2);
    (penalty.proximal ? u.threshold : u.l1) = T(penalty.proximal ? rate * penalty.l1 : penalty.l1);
    u.plain = u.plain && u.threshold == 0;
    return u;
}

#define STEEPEST_INSTANTIATE(T)                                              \
    template Update<T> update_with(const Optimizer&, double, double, Index); \
    template Update<T> of_weights(Update<T>, const Optimizer&, const Penalty&, double);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
