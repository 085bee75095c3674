// Compute: the L2 penalty of a sparse first stage, put off.
#include "network/sparse/lazy_scale.hpp"

namespace steepest {
namespace {

constexpr double small_scale = 1e-3; // below, a float loses bits to the numbers that it is added to

} // namespace

template <class T> Update<T> LazyScale::prepare(Update<T> update, double rate, double l2) {
    next_scale_ = scale_ * (1 - rate * 2 * l2);
    update.l2_slope = 0;
    update.learning_rate = T(rate / next_scale_);
    return update;
}

bool LazyScale::needs_flush() const { return scale_ < small_scale; }

template <class T>
void LazyScale::flush(const Team& team, MatrixView<T> weight, Index rows, Index columns) const {
    if (scale_ == 1) return;
    const Range own = row_chunk(rows, term_rows, team);
    for (Index i = own.begin; i < own.end; ++i) {
        T* const row = from(weight, i).data;
        for (Index j = 0; j < columns; ++j) row[j] = T(scale_ * double(row[j]));
    }
}

template Update<float> LazyScale::prepare(Update<float>, double, double);
template Update<double> LazyScale::prepare(Update<double>, double, double);
template void LazyScale::flush(const Team&, MatrixView<float>, Index, Index) const;
template void LazyScale::flush(const Team&, MatrixView<double>, Index, Index) const;

} // namespace steepest
