// Network: from the gradients of the scores to new parameters.
#include "network.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index learn_rows = 192; // weight rows between two looks at `stop`: whole blocks of the kernels

} // namespace

// dx, the gradient of the sums of the stage below: of stage s's inputs, times that stage's activation'.
template <class T>
void Network<T>::backward(const Kernels<T>& kernels, const Team& team, std::size_t s, Block dx) {
    const Stage &stage = stages_[s], &below = stages_[s - 1];
    const Index i = dx.rows.begin, j = dx.columns.begin, columns = dx.columns.size();
    const Rows<T> y = from(outputs_[s - 1].rows(i), 0, j), to = from(deltas_[s - 1].rows(i), 0, j);
    const Rows<T> dy = deltas_[s].rows(i);
    if (stage.dense) {
        const Rows<T> weight = turned(stage) ? from(transposed_[dense_[s]].rows(), 0, j)
                                             : from(parameters_[dense_[s]].weight, j);
        return kernels.input_gradient({read_only(dy), read_only(weight), read_only(y), to, dx.rows.size(),
                                       columns, stage.outputs, below.activation, turned(stage)},
                                      scratch(team));
    }
    for (Index row = 0; row < dx.rows.size(); ++row)
        kernels.activation_gradient(below.activation, y.data + row * y.stride, dy.data + row * dy.stride + j,
                                    to.data + row * to.stride, columns);
}

// The gradient of the scores times the last stage's activation'.
template <class T> void Network<T>::backward_top(const Kernels<T>& kernels, Range rows) {
    const Stage& top = stages_.back();
    if (top.activation == Activation::identity) return;
    for (Index i = rows.begin; i < rows.end; ++i)
        kernels.activation_gradient(top.activation, outputs_.back().row(i), deltas_.back().row(i),
                                    deltas_.back().row(i), top.outputs);
}

template <class T> void Network<T>::backward(const Kernels<T>& kernels, const Team& team, Range rows) {
    backward_top(kernels, rows);
    for (std::size_t s = stages_.size() - 1; s > first_dense_; --s)
        backward(kernels, team, s, {rows, {0, stages_[s].inputs}});
}

template <class T>
void Network<T>::backward_together(const Kernels<T>& kernels, const Team& team, Index samples, Range mine,
                                   const Stop& stop) {
    backward_top(kernels, mine);
    bool own_rows = true; // whether what a thread needs next, it has made itself
    for (std::size_t s = stages_.size() - 1; s > first_dense_; --s) {
        own_rows = divide<T>(team, samples, stages_[s].inputs, mine, own_rows, stop,
                             [&](Block dx) { backward(kernels, team, s, dx); });
    }
}

// A block of one weight, as rows and columns, for all samples.
template <class T>
void Network<T>::learn(const Kernels<T>& kernels, const Team& team, std::size_t s, Rows<const T> x,
                       Index samples, Block block, const Update<T>& update, const State<T>& state,
                       const Parameters<T>* gradients) {
    const std::size_t d = dense_[s];
    const Index j = block.columns.begin;
    const auto part = [j](Rows<T> m) { return from(m, 0, j); };
    kernels.weight_gradient({s ? read_only(outputs_[s - 1].rows()) : x, read_only(part(deltas_[s].rows())),
                             part(parameters_[d].weight), part(state.first_of(d).weight),
                             part(state.second_of(d).weight),
                             gradients ? part(gradients[d].weight) : Rows<T>{}, samples, block.columns.size(),
                             block.rows.begin, block.rows.end, update, narrow<T>(stages_[s].outputs)},
                            scratch(team));
}

template <class T>
void Network<T>::learn_bias(const Kernels<T>& kernels, const Team& team, std::size_t s, Index samples,
                            const Update<T>& update, const State<T>& state, const Parameters<T>* gradients) {
    const std::size_t d = dense_[s];
    const Range own = share_columns<T>(stages_[s].outputs, team);
    const Index j = own.begin;
    if (!parameters_[d].bias || own.size() == 0) return;
    T* sums = gradients ? gradients[d].bias : deltas_[s].row(samples);
    kernels.column_sums(read_only(deltas_[s].rows()), samples, j, own.end, sums);
    if (gradients) return;
    kernels.update(update, sums + j, parameters_[d].bias + j, state.first ? state.first[d].bias + j : nullptr,
                   state.second ? state.second[d].bias + j : nullptr, own.size());
}

template <class T>
void Network<T>::learn(const Kernels<T>& kernels, const Team& team, Rows<const T> x, Index samples,
                       const Updates<T>& updates, const State<T>& state, const Parameters<T>* gradients,
                       const Stop& stop) {
    for (std::size_t s = first_dense_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!stage.dense) continue;
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
                      updates.weights[dense_[s]], state, gradients);
        learn_bias(kernels, team, s, samples, updates.biases, state, gradients);
    }
}

template <class T>
void Network<T>::apply(const Kernels<T>& kernels, const Team& team, const Updates<T>& updates,
                       const State<T>& state, const Parameters<T>* gradients, double scale) {
    const Update<T> bias = of_stored(updates.biases, scale);
    for (std::size_t s = first_dense_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!stage.dense) continue;
        const Parameters<T>&own = parameters_[dense_[s]], &gradient = gradients[dense_[s]];
        const Parameters<T> first = state.first_of(dense_[s]), second = state.second_of(dense_[s]);
        const Update<T> weight = of_stored(updates.weights[dense_[s]], scale);
        const Range rows = share(stage.inputs, penalty_rows, team.rank, team.size);
        for (Index i = rows.begin; i < rows.end; ++i)
            kernels.update(weight, from(gradient.weight, i).data, from(own.weight, i).data,
                           from(first.weight, i).data, from(second.weight, i).data, stage.outputs);
        if (own.bias && team.rank == team.size - 1)
            kernels.update(bias, gradient.bias, own.bias, first.bias, second.bias, stage.outputs);
    }
}

template <class T>
void Network<T>::penalise(const Kernels<T>& kernels, const Team& team,
                          const std::vector<Penalty>& penalties) {
    for (std::size_t s = first_dense_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!stage.dense) continue;
        const Rows<T> weight = parameters_[dense_[s]].weight;
        const Penalty& penalty = penalties[dense_[s]];
        const Range rows = share(stage.inputs, penalty_rows, team.rank, team.size);
        for (Index i = rows.begin; i < rows.end; i += penalty_rows)
            penalties_[dense_[s]].data()[i / penalty_rows] =
                kernels.penalty(read_only(from(weight, i)), std::min(penalty_rows, rows.end - i),
                                stage.outputs, penalty.l2, penalty.l1);
    }
}

template <class T> double Network<T>::penalty_value() const {
    double sum = 0;
    for (std::size_t s = first_dense_; s < stages_.size(); ++s)
        for (Index i = 0; stages_[s].dense && i < penalty_terms(stages_[s]); ++i)
            sum += penalties_[dense_[s]].data()[i];
    return sum;
}

#define STEEPEST_INSTANTIATE(T)                                                                              \
    template void Network<T>::backward(const Kernels<T>&, const Team&, Range);                               \
    template void Network<T>::backward_together(const Kernels<T>&, const Team&, Index, Range, const Stop&);  \
    template void Network<T>::learn(const Kernels<T>&, const Team&, Rows<const T>, Index, const Updates<T>&, \
                                    const State<T>&, const Parameters<T>*, const Stop&);                     \
    template void Network<T>::apply(const Kernels<T>&, const Team&, const Updates<T>&, const State<T>&,      \
                                    const Parameters<T>*, double);                                           \
    template void Network<T>::penalise(const Kernels<T>&, const Team&, const std::vector<Penalty>&);         \
    template double Network<T>::penalty_value() const;
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
