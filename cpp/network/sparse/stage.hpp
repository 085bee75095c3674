// Compute: a dense first stage that reads its rows from a sparse batch.
#pragma once

#include "network/stages/stage_type.hpp"

namespace steepest {

// A block of its outputs, to a matrix that begins where the block does. Every share.
template <class T>
void forward_sparse(const StageView<T>& at, const Kernels<T>& kernels, Block block, MatrixView<T> y);

// This share's rows of its weight, or of the gradient that is stored. Every share.
template <class T>
void update_sparse_weight(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step);

} // namespace steepest
