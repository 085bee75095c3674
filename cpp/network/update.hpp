// Compute: from the gradients of a batch to new parameters.
#pragma once

#include "network/stages/stage_type.hpp"

namespace steepest {

// After all rows of a batch have been back, by every share: its part of every parameter is updated or, with
// step.gradients, its regularized gradient stored.
template <class T>
void update_parameters(const Network<T>& network, const Context<T>& context, MatrixView<const T> x,
                       const StepUpdate<T>& step);

// The same of one stage; stages below need not have been back. Every share, after a barrier.
template <class T>
void update_stage(const Network<T>& network, const Context<T>& context, MatrixView<const T> x, std::size_t s,
                  const StepUpdate<T>& step);

// The update alone, from `scale` times the gradients that were stored. Every share, after a barrier.
template <class T>
void apply_gradients(const Network<T>& network, const Context<T>& context, const Updates<T>& updates,
                     const OptimizerState<T>& state, const Parameters<T>* gradients, double scale);

// The running statistics, from those that are given for each stage that has some, or else from those of the
// batch that went forward. Every share, its columns.
template <class T>
void update_statistics(const Network<T>& network, const Context<T>& context,
                       const MatrixView<const T>* given);

} // namespace steepest
