// Compute: the buffers of training, which are kept from run to run.
#pragma once

#include "network/sparse/batch.hpp"
#include "training/order.hpp"
#include "training/snapshot.hpp"

namespace steepest {

// Reserved by the caller alone; in a step every share writes its rows, and the leader the rest.
template <class T> struct TrainMemory {
    Matrix<T> x, targets; // the gathered batch
    SparseBatch<T> sparse;
    Buffer<T> weight;
    Buffer<std::int64_t> labels; // of any batch: copies, checked
    Buffer<double> row_losses;
    Order order;
    Updates<T> updates; // of the step that comes
    Snapshot<T> snapshot;
};

} // namespace steepest
