// Compute: single operations on whole matrices, each by a team of its own: what `steepest.functional` calls.
// For the caller alone. Each returns the size of the team, and is left unfinished where `poller` stops.
#pragma once

#include "base/poll.hpp"
#include "kernels/dispatch.hpp"
#include "training/samples.hpp"

namespace steepest {

// y = x @ weight + bias; bias may be null.
template <class T>
int linear(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<const T> weight,
           const T* bias, MatrixView<T> y, Index rows, Index inputs, Index outputs, Poller& poller);

// The same of sparse rows.
template <class T>
int sparse_linear(const Kernels<T>& kernels, int threads, const Csr<T>& x, MatrixView<const T> weight,
                  const T* bias, MatrixView<T> y, Index rows, Index outputs, Poller& poller);

// dx (rows, inputs), dw (inputs, outputs) and db (outputs,) of y = x @ w + b.
template <class T>
int linear_backward(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<const T> weight,
                    MatrixView<const T> dy, MatrixView<T> dx, MatrixView<T> dw, T* db, Index rows,
                    Index inputs, Index outputs, Poller& poller);

// The loss of scores and its gradient by them, averaged or summed as `loss` says.
template <class T>
int loss_and_gradient(const Kernels<T>& kernels, int threads, const Loss& loss, MatrixView<const T> scores,
                      const Samples<T>& samples, Index classes, MatrixView<T> gradient, double* value,
                      Poller& poller);

template <class T>
int softmax(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y, Index rows,
            Index columns, Poller& poller);

// Index of the first row that holds a number that is not finite, or -1. Every thread.
template <class T>
[[nodiscard]] Index first_nonfinite_row(const Kernels<T>& kernels, MatrixView<const T> x, Index rows,
                                        Index columns);

} // namespace steepest
