// Network: the first layer's products with sparse rows, and its L2 penalty, which is put off.
//
// With plain descent an L2 penalty scales all of a weight in each step. It is kept as scale_ times what the
// array holds then, and only rows of features that the batch has are touched, so that a step costs what the
// batch has entries. The result is that of the dense products within rounding; without it, to the bit where
// these sum in the order of the features, as they do for layers that are not narrow.
#include "network/network.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr double small_scale = 1e-3; // below, a float loses bits to the numbers that it is added to
constexpr Index features_between_looks = 1024;

} // namespace

template <class T> void Network<T>::read(SparseBatch<T>* batch, bool lazy) {
    sparse_ = batch;
    lazy_ = lazy;
    written();
}

template <class T> void Network<T>::forward_sparse(const Kernels<T>& kernels, Block y) {
    const Parameters<T>& own = parameters_[own_[0]];
    const Index j = y.columns.begin, n = y.columns.size();
    for (Index i = y.rows.begin; i < y.rows.end; ++i) {
        const Entries<T> entries = sparse_->row(i);
        T* const to = outputs_[0].row(i) + j;
        kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                   read_only(from(own.weight, 0, j)), to, n);
        if (own.bias)
            kernels.add_scaled(own.bias + j, to, T(scale_), to, n);
        else if (scale_ != 1)
            for (Index k = 0; k < n; ++k) to[k] *= T(scale_);
        if (stages_[0].activation != Activation::identity)
            kernels.activate(stages_[0].activation, T(stages_[0].slope), to, to, n);
    }
}

// This thread's rows of the weight. Features that the batch does not have have a gradient of 0, from which
// plain descent changes nothing.
template <class T>
void Network<T>::learn_sparse(const Kernels<T>& kernels, const Team& team, Index samples,
                              const Update<T>& update, const State<T>& state, const Parameters<T>* gradients,
                              const Stop& stop) {
    const std::size_t d = own_[0];
    const Index n = stages_[0].outputs;
    const MatrixView<T> weight = parameters_[d].weight;
    const Parameters<T> first = state.first_of(d), second = state.second_of(d);
    const Range own = share(stages_[0].inputs, penalty_rows, team.rank, team.size);
    sparse_->transpose(team.rank, own.begin, own.end, samples);
    const bool some =
        !gradients && update.plain && update.momentum == 0 && update.l2_slope == 0 && update.l1 == 0;
    T* const sums = sparse_->gradient(team.rank);
    const bool cut = gradients && stop; // an update must not be left half-way
    for (Index i = own.begin; i < own.end; ++i) {
        if (cut && i % features_between_looks == 0 && stop()) return;
        const Entries<T> entries = sparse_->column(team.rank, i - own.begin);
        if (some && entries.count == 0) continue;
        T* const gradient = gradients ? from(gradients[d].weight, i).data : sums;
        kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                   read_only(deltas_[0].rows()), gradient, n);
        T* const w = from(weight, i).data;
        if (!gradients) {
            kernels.update(update, gradient, w, from(first.weight, i).data, from(second.weight, i).data, n);
            continue;
        }
        if (update.l2_slope != 0) kernels.add_scaled(gradient, w, update.l2_slope, gradient, n);
        for (Index k = 0; update.l1 != 0 && k < n; ++k)
            gradient[k] += w[k] > 0 ? update.l1 : w[k] < 0 ? -update.l1 : T(0);
    }
    if (lazy_ && !gradients) renew_terms(kernels, team, own);
}

// The penalty's terms of blocks that a feature of the batch is in.
template <class T> void Network<T>::renew_terms(const Kernels<T>& kernels, const Team& team, Range own) {
    const MatrixView<T> weight = parameters_[own_[0]].weight;
    for (Index i = own.begin; i < own.end; i += penalty_rows) {
        const Index rows = std::min(penalty_rows, own.end - i);
        Index entries = 0;
        for (Index k = 0; k < rows; ++k) entries += sparse_->column(team.rank, i - own.begin + k).count;
        if (entries > 0)
            penalties_[own_[0]].data()[i / penalty_rows] =
                kernels.penalty(read_only(from(weight, i)), rows, stages_[0].outputs, lazy_l2_, 0);
    }
}

template <class T> Update<T> Network<T>::put_off(Update<T> update, double rate, double l2) {
    lazy_l2_ = l2;
    next_scale_ = scale_ * (1 - rate * 2 * l2);
    update.l2_slope = 0;
    update.learning_rate = T(rate / next_scale_);
    return update;
}

template <class T> bool Network<T>::wants_writing() const { return scale_ < small_scale; }

template <class T> void Network<T>::write_scaled(const Team& team) {
    if (scale_ == 1) return;
    const MatrixView<T> weight = parameters_[own_[0]].weight;
    const Range own = share(stages_[0].inputs, penalty_rows, team.rank, team.size);
    for (Index i = own.begin; i < own.end; ++i) {
        T* const row = from(weight, i).data;
        for (Index j = 0; j < stages_[0].outputs; ++j) row[j] = T(scale_ * double(row[j]));
    }
}

#define STEEPEST_INSTANTIATE(T)                                                                     \
    template void Network<T>::read(SparseBatch<T>*, bool);                                          \
    template void Network<T>::forward_sparse(const Kernels<T>&, Block);                             \
    template void Network<T>::learn_sparse(const Kernels<T>&, const Team&, Index, const Update<T>&, \
                                           const State<T>&, const Parameters<T>*, const Stop&);     \
    template Update<T> Network<T>::put_off(Update<T>, double, double);                              \
    template bool Network<T>::wants_writing() const;                                                \
    template void Network<T>::write_scaled(const Team&);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
