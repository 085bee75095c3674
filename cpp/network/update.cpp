// Network: from the gradients of the stages to new parameters.
#include "network/network.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index learn_rows = 192; // weight rows between two looks at `stop`: whole blocks of the kernels

} // namespace

// A block of one weight, as rows and columns, for all samples.
template <class T>
void Network<T>::learn(const Kernels<T>& kernels, const Team& team, std::size_t s, MatrixView<const T> x,
                       Index samples, Block block, const Update<T>& update, const State<T>& state,
                       const Parameters<T>* gradients) {
    const std::size_t d = own_[s];
    const Index j = block.columns.begin;
    const auto part = [j](MatrixView<T> m) { return from(m, 0, j); };
    kernels.weight_gradient({input(s, x, 0), read_only(part(deltas_[s].rows())), part(parameters_[d].weight),
                             part(state.first_of(d).weight), part(state.second_of(d).weight),
                             gradients ? part(gradients[d].weight) : MatrixView<T>{}, samples,
                             block.columns.size(), block.rows.begin, block.rows.end, update,
                             narrow<T>(stages_[s].outputs)},
                            scratch(team));
}

template <class T>
void Network<T>::learn_bias(const Kernels<T>& kernels, const Team& team, std::size_t s, Index samples,
                            const Update<T>& update, const State<T>& state, const Parameters<T>* gradients) {
    const std::size_t d = own_[s];
    const Range own = share_columns<T>(stages_[s].outputs, team);
    const Index j = own.begin;
    if (!parameters_[d].bias || own.size() == 0) return;
    T* sums = gradients ? gradients[d].bias : deltas_[s].row(samples);
    kernels.column_sums(read_only(deltas_[s].rows()), samples, j, own.end, sums);
    if (gradients) return;
    kernels.update(update, sums + j, parameters_[d].bias + j, state.first ? state.first[d].bias + j : nullptr,
                   state.second ? state.second[d].bias + j : nullptr, own.size());
}

// Neither a penalty nor decay is for scales: they are updated as biases are.
template <class T>
void Network<T>::learn_norm(const Kernels<T>& kernels, const Team& team, std::size_t s,
                            const Update<T>& update, const State<T>& state, const Parameters<T>* gradients) {
    const std::size_t d = own_[s];
    const Matrix<T>& normal = normal_[statistics_[s]];
    const Range own = share_columns<T>(stages_[s].outputs, team);
    const Index j = own.begin, n = own.size();
    if (n == 0) return;
    const T *dscale = normal.row(norm_dscale) + j, *dshift = normal.row(norm_dshift) + j;
    if (gradients) {
        std::copy_n(dscale, n, gradients[d].weight.data + j);
        std::copy_n(dshift, n, gradients[d].bias + j);
        return;
    }
    const Parameters<T> first = state.first_of(d), second = state.second_of(d);
    const auto at = [j](T* row) { return row ? row + j : nullptr; };
    kernels.update(update, dscale, parameters_[d].weight.data + j, at(first.weight.data),
                   at(second.weight.data), n);
    kernels.update(update, dshift, parameters_[d].bias + j, at(first.bias), at(second.bias), n);
}

template <class T> void Network<T>::learn_statistics(const Team& team) {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        if (stages_[s].kind != StageKind::batch_norm) continue;
        const Matrix<T>& normal = normal_[statistics_[s]];
        const MatrixView<T> running = running_[statistics_[s]];
        const Range own = share_columns<T>(stages_[s].outputs, team);
        const T kept = T(stages_[s].momentum), taken = T(1 - stages_[s].momentum);
        for (Index j = own.begin; j < own.end; ++j)
            for (Index row = 0; row < 2; ++row) { // mean, variance
                T& value = running.data[row * running.stride + j];
                value = kept * value + taken * normal.row(norm_mean + row)[j];
            }
    }
}

template <class T>
void Network<T>::learn(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Index samples,
                       const Updates<T>& updates, const State<T>& state, const Parameters<T>* gradients,
                       const Stop& stop) {
    for (std::size_t s = first_learner_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (stage.kind == StageKind::batch_norm)
            learn_norm(kernels, team, s, updates.biases, state, gradients);
        if (!stage.dense()) continue;
        if (s == 0 && sparse_) {
            learn_sparse(kernels, team, samples, updates.weights[0], state, gradients, stop);
            learn_bias(kernels, team, s, samples, updates.biases, state, gradients);
            continue;
        }
        Part part;
        if (together(team, samples) && divisible<T>(stage.outputs, team.size))
            part = part_of<T>(stage.inputs, stage.outputs, team);
        else
            part.blocks[part.count++] = {share(stage.inputs, penalty_rows, team.rank, team.size),
                                         {0, stage.outputs}};
        const bool cut = gradients && stop; // an update must not be left half-way
        const Index piece = cut ? learn_rows : stage.inputs;
        for (const Block& own : part)
            for (Index i = own.rows.begin; i < own.rows.end && !(cut && stop()); i += piece)
                learn(kernels, team, s, x, samples, {{i, std::min(i + piece, own.rows.end)}, own.columns},
                      updates.weights[own_[s]], state, gradients);
        learn_bias(kernels, team, s, samples, updates.biases, state, gradients);
    }
}

template <class T>
void Network<T>::apply(const Kernels<T>& kernels, const Team& team, const Updates<T>& updates,
                       const State<T>& state, const Parameters<T>* gradients, double scale) {
    const Update<T> bias = of_stored(updates.biases, scale);
    for (std::size_t s = first_learner_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!stage.learns()) continue;
        const Parameters<T>&own = parameters_[own_[s]], &gradient = gradients[own_[s]];
        const Parameters<T> first = state.first_of(own_[s]), second = state.second_of(own_[s]);
        const Update<T> weight = stage.dense() ? of_stored(updates.weights[own_[s]], scale) : bias;
        const Range rows = share(stage.weight_rows(), penalty_rows, team.rank, team.size);
        for (Index i = rows.begin; i < rows.end; ++i)
            kernels.update(weight, from(gradient.weight, i).data, from(own.weight, i).data,
                           from(first.weight, i).data, from(second.weight, i).data, stage.outputs);
        if (own.bias && team.rank == team.size - 1)
            kernels.update(bias, gradient.bias, own.bias, first.bias, second.bias, stage.outputs);
    }
}

template <class T>
void Network<T>::penalize(const Kernels<T>& kernels, const Team& team,
                          const std::vector<Penalty>& penalties) {
    for (std::size_t s = first_learner_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!stage.dense() || (s == 0 && terms_known_)) continue;
        const MatrixView<T> weight = parameters_[own_[s]].weight;
        const Penalty& penalty = penalties[own_[s]];
        const Range rows = share(stage.inputs, penalty_rows, team.rank, team.size);
        for (Index i = rows.begin; i < rows.end; i += penalty_rows)
            penalties_[own_[s]].data()[i / penalty_rows] =
                kernels.penalty(read_only(from(weight, i)), std::min(penalty_rows, rows.end - i),
                                stage.outputs, penalty.l2, penalty.l1);
    }
}

template <class T> double Network<T>::penalty_value() const {
    double sum = 0;
    for (std::size_t s = first_learner_; s < stages_.size(); ++s) {
        for (Index i = 0; stages_[s].dense() && i < penalty_terms(stages_[s]); ++i)
            sum += penalties_[own_[s]].data()[i];
        if (s == 0) sum *= scale_ * scale_;
    }
    return sum;
}

#define STEEPEST_INSTANTIATE(T)                                                                             \
    template void Network<T>::learn_statistics(const Team&);                                                \
    template void Network<T>::learn(const Kernels<T>&, const Team&, MatrixView<const T>, Index,             \
                                    const Updates<T>&, const State<T>&, const Parameters<T>*, const Stop&); \
    template void Network<T>::apply(const Kernels<T>&, const Team&, const Updates<T>&, const State<T>&,     \
                                    const Parameters<T>*, double);                                          \
    template void Network<T>::penalize(const Kernels<T>&, const Team&, const std::vector<Penalty>&);        \
    template double Network<T>::penalty_value() const;
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
