// Network: how large all gradients are together, weights kept from growing too large, and whether all are
// finite.
#include "network/network.hpp"

#include <algorithm>
#include <cmath>

namespace steepest {

template <class T>
void Network<T>::measure(const Kernels<T>& kernels, const Team& team, const Parameters<T>* gradients,
                         double clip) {
    for (std::size_t s = first_learner_; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!stage.learns()) continue;
        const Parameters<T>& gradient = gradients[own_[s]];
        double* const terms = squares_[own_[s]].data();
        const Range rows = share(stage.weight_rows(), penalty_rows, team.rank, team.size);
        for (Index i = rows.begin; i < rows.end; i += penalty_rows)
            terms[i / penalty_rows] =
                kernels.squares(read_only(from(gradient.weight, i)), std::min(penalty_rows, rows.end - i),
                                stage.outputs, T(clip));
        if (team.rank == team.size - 1) // the bias, as one more term
            terms[penalty_terms(stage)] = parameters_[own_[s]].bias
                                              ? kernels.squares({gradient.bias, 0}, 1, stage.outputs, T(clip))
                                              : 0;
    }
}

template <class T> double Network<T>::gradient_norm() const {
    double sum = 0;
    for (std::size_t s = first_learner_; s < stages_.size(); ++s)
        for (Index i = 0; stages_[s].learns() && i <= penalty_terms(stages_[s]); ++i)
            sum += squares_[own_[s]].data()[i];
    return std::sqrt(sum);
}

template <class T> void Network<T>::constrain(const Kernels<T>& kernels, const Team& team, double limit) {
    for (std::size_t s = first_learner_; s < stages_.size(); ++s) {
        if (!stages_[s].dense()) continue;
        const Range own = share_columns<T>(stages_[s].outputs, team);
        kernels.constrain(from(parameters_[own_[s]].weight, 0, own.begin), stages_[s].inputs, own.size(),
                          limit);
    }
}

template <class T>
bool Network<T>::finite(const Kernels<T>& kernels, const Team& team, bool parameters, const State<T>& state,
                        const Parameters<T>* averages) const {
    if (!parameters && !averages && running_.empty()) return true;
    bool good = true;
    const auto look = [&](MatrixView<const T> m, Index rows, Index columns) {
        const Range own = share(rows, 1, team.rank, team.size);
        const Index together = m.stride == columns ? std::max<Index>(own.size(), 1) : 1; // rows of one call
        for (Index i = own.begin; i < own.end; i += together)
            good &= kernels.all_finite(from(m, i).data, together * columns);
    };
    const auto look_at = [&](const Parameters<T>* all, std::size_t s) {
        if (!all) return;
        const Parameters<T>& own = all[own_[s]];
        look(read_only(own.weight), stages_[s].weight_rows(), stages_[s].outputs);
        if (own.bias) look({own.bias, stages_[s].outputs}, 1, stages_[s].outputs);
    };
    for (std::size_t s = first_learner_; s < stages_.size(); ++s) {
        if (!stages_[s].learns()) continue;
        for (const Parameters<T>* all : {parameters_.data(), state.first, state.second})
            look_at(parameters ? all : nullptr, s);
        look_at(averages, s);
        if (stages_[s].kind == StageKind::batch_norm)
            look(read_only(running_[statistics_[s]]), 2, stages_[s].outputs);
    }
    return good;
}

#define STEEPEST_INSTANTIATE(T)                                                                      \
    template void Network<T>::measure(const Kernels<T>&, const Team&, const Parameters<T>*, double); \
    template double Network<T>::gradient_norm() const;                                               \
    template void Network<T>::constrain(const Kernels<T>&, const Team&, double);                     \
    template bool Network<T>::finite(const Kernels<T>&, const Team&, bool, const State<T>&,          \
                                     const Parameters<T>*) const;
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
