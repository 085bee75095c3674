// Compute: penalties, the norm of all gradients, weights kept from growing too large, and whether all numbers
// are finite. Sums run in one fixed order, whatever the threads: these make terms, and one thread adds up.
#pragma once

#include "network/context.hpp"
#include "network/network.hpp"

namespace steepest {

// This share's terms of the penalties, one penalty for each parametric stage. Every share.
template <class T>
void make_penalty_terms(const Network<T>& network, const Context<T>& context,
                        const std::vector<Penalty>& penalties);
// Their sum. One thread, after a barrier.
template <class T> [[nodiscard]] double penalty_value(const Network<T>& network);

// This share's terms of the squares of gradients, each component clamped to [-clip, clip]. Every share.
template <class T>
void make_gradient_norm_terms(const Network<T>& network, const Context<T>& context, const Updates<T>& updates,
                              const Parameters<T>* gradients, double clip);
// The norm of all gradients together. Any thread, after a barrier.
template <class T> [[nodiscard]] double gradient_norm(const Network<T>& network, const Updates<T>& updates);

// Scales back this share's columns of weights whose norm is beyond the limit. Every share, after an update
// by all.
template <class T>
void limit_column_norms(const Network<T>& network, const Context<T>& context, const Updates<T>& updates,
                        double limit);

// Whether this share's part of the running statistics and, if there are any, of the averages and, if they
// are asked for, of the parameters and the optimizer's state is finite. Every share.
template <class T>
[[nodiscard]] bool all_finite(const Network<T>& network, const Context<T>& context, bool parameters,
                              const OptimizerState<T>& state, const Parameters<T>* averages);

} // namespace steepest
