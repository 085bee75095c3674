// Plan: the numbers of one step, rounded to the type of the parameters.
#include "training/optimizer.hpp"

#include <string_view>

namespace steepest {

Momentum momentum_of(const Optimizer& o) {
    const OptimizerTraits& traits = traits_of(o.rule);
    Momentum momentum;
    if (!traits.descends) return momentum;
    for (int k = 0; k < traits.given.count; ++k) {
        if (std::string_view(traits.given.data[k]) == "momentum") momentum.value = o.given[k];
        if (std::string_view(traits.given.data[k]) == "nesterov") momentum.nesterov = o.given[k] != 0;
    }
    return momentum;
}

template <class T>
PreparedUpdate<T>::PreparedUpdate(const Optimizer& optimizer, double clip, double learning_rate, Index age,
                                  bool* overflow)
    : learning_rate_(learning_rate) {
    const OptimizerTraits& traits = traits_of(optimizer.rule);
    StepNumbers made{};
    traits.prepare({.given = optimizer.given,
                    .learning_rate = learning_rate,
                    .age = age,
                    .smallest_normal = double(std::numeric_limits<T>::min())},
                   made);
    update_.rule = optimizer.rule, update_.slots = slots_of(optimizer);
    update_.learning_rate = T(made.learning_rate);
    for (int i = 0; i < most_numbers; ++i) update_.numbers[i] = T(made.numbers[i]);
    update_.clip = T(clip);
    update_.plain = traits.descends && !(clip < unlimited);
    update_.overflow = overflow;
    keep_ = T(1 - made.decay);
}

template <class T> Update<T> PreparedUpdate<T>::of_weights(const Penalty& penalty) const {
    Update<T> u = update_;
    u.keep = keep_;
    u.l2_slope = T(2 * penalty.l2);
    (penalty.proximal ? u.threshold : u.l1) = T(penalty.proximal ? learning_rate_ * penalty.l1 : penalty.l1);
    u.plain = u.plain && u.threshold == 0 && u.keep == 1;
    return u;
}

template class PreparedUpdate<float>;
template class PreparedUpdate<double>;

} // namespace steepest
