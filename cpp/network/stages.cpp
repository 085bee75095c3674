// Network: a block of one stage, forward and backward, as in training.
#include "network/network.hpp"
#include "network/pooling.hpp"

#include <algorithm>
#include <cmath>

namespace steepest {
namespace {

template <class T> T* place(const Matrix<T>& m, Index row, Index column) { return m.row(row) + column; }

} // namespace

// y of stage s. A batch_norm comes with all rows of its columns.
template <class T>
void Network<T>::forward(const Kernels<T>& kernels, const Team& team, std::size_t s, MatrixView<const T> x,
                         Block y, const StepKey& draws) {
    const Stage& stage = stages_[s];
    const Index first = y.rows.begin, j = y.columns.begin, n = y.columns.size();
    const MatrixView<const T> in = input(s, x, first);
    if (s == 0 && sparse_) return forward_sparse(kernels, y);
    if (stage.dense())
        return run_dense(kernels, s, in, outputs_[s].rows(first), y.rows.size(), y.columns, scratch(team));
    if (stage.kind == StageKind::batch_norm) return forward_norm(kernels, s, x, y);
    if (stage.kind == StageKind::pool) return pool(stage, &draws, in, outputs_[s].rows(first), y.rows.size());
    const bool kept = stage.kind != StageKind::residual_add || joined(stage, draws);
    for (Index i = first; i < y.rows.end; ++i) {
        const T* from = in.data + (i - first) * in.stride + j;
        T* to = place(outputs_[s], i, j);
        switch (stage.kind) {
        case StageKind::elementwise:
            kernels.activate(stage.activation, T(stage.slope), from, to, n);
            break;
        case StageKind::dropout:
            drop(kernels, s, i, y.columns, draws);
            kernels.multiply(from, place(factors_[s], i, j), to, n);
            break;
        case StageKind::maxout:
            kernels.maxout(from, stage.inputs / stage.outputs, stage.outputs, to, n);
            break;
        case StageKind::residual_add:
            if (kept)
                kernels.add_scaled(place(outputs_[stage.partner], i, j), from, T(1), to, n);
            else
                std::copy_n(place(outputs_[stage.partner], i, j), n, to);
            break;
        default: // fork
            std::copy_n(from, n, to);
        }
    }
}

// The factors of a dropout, kept for the way back: drawing them again costs more.
template <class T>
void Network<T>::drop(const Kernels<T>& kernels, std::size_t s, Index row, Range columns,
                      const StepKey& draws) {
    const Stage& stage = stages_[s];
    T* factors = place(factors_[s], row, columns.begin);
    const double scale = 1 / (1 - stage.rate);
    if (!stage.mask)
        return kernels.dropout_factors({draws.seed, std::uint32_t(draws.step), dropout_stream + stage.number,
                                        std::uint32_t(threshold_of(stage.rate)), scale}, // rate < 1
                                       row, columns.begin, columns.end, factors);
    const bool* kept = stage.mask + (stage.mask_rows > 1 ? row * stage.outputs : 0) + columns.begin;
    for (Index j = 0; j < columns.size(); ++j) factors[j] = kept[j] ? T(scale) : T(0);
}

template <class T>
void Network<T>::forward_norm(const Kernels<T>& kernels, std::size_t s, MatrixView<const T> x, Block y) {
    const Stage& stage = stages_[s];
    const Matrix<T>& normal = normal_[statistics_[s]];
    const MatrixView<const T> in = input(s, x, 0);
    const Index j = y.columns.begin, n = y.columns.size();
    kernels.moments(in, y.rows.end, j, y.columns.end, normal.row(norm_mean), normal.row(norm_variance));
    normalize(s, normal.row(norm_variance), y.columns);
    for (Index i = 0; i < y.rows.end; ++i) {
        T* to = place(outputs_[s], i, j);
        kernels.standardize(in.data + i * in.stride + j, place(normal, norm_mean, j),
                            place(normal, norm_scale, j), parameters_[own_[s]].bias + j, to, n);
        if (stage.activation != Activation::identity)
            kernels.activate(stage.activation, T(stage.slope), to, to, n);
    }
}

// dx of stage s, times the activation' of the stage below: the gradient of that stage's sums.
template <class T>
void Network<T>::backward(const Kernels<T>& kernels, const Team& team, std::size_t s, MatrixView<const T> x,
                          Block dx, const StepKey& draws) {
    const Stage& stage = stages_[s];
    const Index i = dx.rows.begin, j = dx.columns.begin, columns = dx.columns.size();
    if (!stage.dense()) return backward_rows(kernels, s, x, dx, draws);
    const MatrixView<T> weight =
        turned(stage) ? from(transposed_[own_[s]].rows(), 0, j) : from(parameters_[own_[s]].weight, j);
    kernels.input_gradient({read_only(deltas_[s].rows(i)), read_only(weight),
                            read_only(from(seen(s - 1).rows(i), 0, j)), from(deltas_[s - 1].rows(i), 0, j),
                            dx.rows.size(), columns, stage.outputs, stages_[s - 1].activation, turned(stage),
                            T(stages_[s - 1].slope)},
                           scratch(team));
}

template <class T>
void Network<T>::backward_rows(const Kernels<T>& kernels, std::size_t s, MatrixView<const T> x, Block dx,
                               const StepKey& draws) {
    const Stage& stage = stages_[s];
    if (stage.kind == StageKind::batch_norm) backward_norm(kernels, s, x, dx);
    if (s == first_learner_) return;
    const Stage& below = stages_[s - 1];
    const Index first = dx.rows.begin, j = dx.columns.begin, n = dx.columns.size();
    if (stage.kind == StageKind::pool)
        pool_gradient(stage, &draws, input(s, x, first), read_only(deltas_[s].rows(first)),
                      deltas_[s - 1].rows(first), dx.rows.size());
    const bool kept = stage.kind != StageKind::residual_add || joined(stage, draws);
    for (Index i = first; i < dx.rows.end; ++i) {
        const T* dy = place(deltas_[s], i, j);
        T* to = place(deltas_[s - 1], i, j);
        switch (stage.kind) {
        case StageKind::elementwise:
        case StageKind::batch_norm: // done above, as is a pool
        case StageKind::pool:
            break;
        case StageKind::dropout:
            kernels.multiply(dy, place(factors_[s], i, j), to, n);
            break;
        case StageKind::maxout:
            backward_pieces(kernels, s, i, dx.columns);
            break;
        case StageKind::residual_split:
            kernels.add_scaled(dy, place(deltas_[stage.partner], i, j), T(1), to, n);
            break;
        default: // join
            if (kept)
                std::copy_n(dy, n, to);
            else
                std::fill_n(to, n, T(0));
        }
        const T* made = stage.kind == StageKind::elementwise ? dy : to;
        if (made != to || below.activation != Activation::identity)
            kernels.activation_gradient(below.activation, T(below.slope), place(seen(s - 1), i, j), made, to,
                                        n);
    }
}

// A row of the columns of the pieces, piece by piece.
template <class T>
void Network<T>::backward_pieces(const Kernels<T>& kernels, std::size_t s, Index row, Range columns) {
    const Index outputs = stages_[s].outputs;
    for (Index j = columns.begin; j < columns.end;) {
        const Index piece = j / outputs, k = j % outputs;
        const Index n = std::min(outputs - k, columns.end - j);
        kernels.maxout_gradient(place(outputs_[s - 1], row, k), piece, outputs, place(outputs_[s], row, k),
                                place(deltas_[s], row, k), place(deltas_[s - 1], row, j), n);
        j += n;
    }
}

// The sums over the batch, and if there is anything below, dx.
template <class T>
void Network<T>::backward_norm(const Kernels<T>& kernels, std::size_t s, MatrixView<const T> x, Block dx) {
    const Matrix<T>& normal = normal_[statistics_[s]];
    const MatrixView<const T> in = input(s, x, 0);
    const Index j = dx.columns.begin, samples = dx.rows.end;
    kernels.moment_gradients(in, read_only(deltas_[s].rows()), samples, j, dx.columns.end,
                             normal.row(norm_mean), normal.row(norm_inverse), normal.row(norm_dscale),
                             normal.row(norm_dshift));
    if (s == first_learner_) return;
    const StandardiseGradient<T> gradient{
        place(normal, norm_mean, j),   place(normal, norm_inverse, j), parameters_[own_[s]].weight.data + j,
        place(normal, norm_dscale, j), place(normal, norm_dshift, j),  samples};
    for (Index i = 0; i < samples; ++i)
        kernels.standardise_gradient(in.data + i * in.stride + j, place(deltas_[s], i, j), gradient,
                                     place(deltas_[s - 1], i, j), dx.columns.size());
}

// inverse = 1 / sqrt(variance + epsilon) and scale = weight * inverse, for some columns.
template <class T> void Network<T>::normalize(std::size_t s, const T* variance, Range columns) {
    const Matrix<T>& normal = normal_[statistics_[s]];
    const T* weight = parameters_[own_[s]].weight.data;
    const T epsilon = T(stages_[s].epsilon);
    for (Index j = columns.begin; j < columns.end; ++j) {
        const T inverse = 1 / std::sqrt(variance[j] + epsilon);
        normal.row(norm_inverse)[j] = inverse;
        normal.row(norm_scale)[j] = weight[j] * inverse;
    }
}

// The gradient of the scores times the last stage's activation'.
template <class T> void Network<T>::backward_top(const Kernels<T>& kernels, Range rows) {
    const Stage& top = stages_.back();
    if (top.activation == Activation::identity) return;
    for (Index i = rows.begin; i < rows.end; ++i)
        kernels.activation_gradient(top.activation, T(top.slope), seen(stages_.size() - 1).row(i),
                                    deltas_.back().row(i), deltas_.back().row(i), top.outputs);
}

#define STEEPEST_INSTANTIATE(T)                                                                          \
    template void Network<T>::forward(const Kernels<T>&, const Team&, std::size_t, MatrixView<const T>,  \
                                      Block, const StepKey&);                                            \
    template void Network<T>::backward(const Kernels<T>&, const Team&, std::size_t, MatrixView<const T>, \
                                       Block, const StepKey&);                                           \
    template void Network<T>::backward_top(const Kernels<T>&, Range);                                    \
    template void Network<T>::normalize(std::size_t, const T*, Range);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
