// Compute: penalties, the norm of all gradients, weights kept from growing too large, and whether all numbers
// are finite.
#include "network/norms.hpp"

#include <algorithm>
#include <cmath>

namespace steepest {

template <class T>
void make_penalty_terms(const Network<T>& network, const Context<T>& context,
                        const std::vector<Penalty>& penalties) {
    const Plan& plan = network.plan();
    for (std::size_t s = plan.first_parametric(); s < plan.size(); ++s) {
        const Stage& stage = plan[s];
        if (!stage.is_dense() || (s == 0 && network.lazy_weight().terms_known())) continue;
        if (s == 0 && network.lazy_weight().active()) {
            network.lazy_weight().make_terms(context.kernels, context.share);
            continue;
        }
        const std::size_t d = plan.parameter_index(s);
        const MatrixView<T> weight = network.parameters()[d].weight;
        double* const terms = network.workspace().penalty_terms[d].data();
        const Range rows = row_chunk(stage.inputs, term_rows, context.share);
        for (Index i = rows.begin; i < rows.end; i += term_rows)
            terms[i / term_rows] =
                context.kernels.penalty(read_only(from(weight, i)), std::min(term_rows, rows.end - i),
                                        stage.outputs, penalties[d].l2, penalties[d].l1);
    }
}

template <class T> double penalty_value(const Network<T>& network) {
    const Plan& plan = network.plan();
    double sum = 0;
    for (std::size_t s = plan.first_parametric(); s < plan.size(); ++s) {
        if (!plan[s].is_dense()) continue;
        if (s == 0 && network.lazy_weight().active()) {
            sum = network.lazy_weight().penalty();
            continue;
        }
        const double* const terms = network.workspace().penalty_terms[plan.parameter_index(s)].data();
        for (Index i = 0; i < term_count(plan[s]); ++i) sum += terms[i];
    }
    return sum;
}

template <class T>
void make_gradient_norm_terms(const Network<T>& network, const Context<T>& context, const Updates<T>& updates,
                              const Parameters<T>* gradients, double clip) {
    const Plan& plan = network.plan();
    const Share& share = context.share;
    for (std::size_t s = plan.first_parametric(); s < plan.size(); ++s) {
        const Stage& stage = plan[s];
        if (!stage.has_parameters()) continue;
        const std::size_t d = plan.parameter_index(s);
        if (updates.freezes(d)) continue;
        const Parameters<T>& gradient = gradients[d];
        double* const terms = network.workspace().gradient_norm_terms[d].data();
        const Range rows = row_chunk(stage.weight_rows(), term_rows, share);
        for (Index i = rows.begin; i < rows.end; i += term_rows)
            terms[i / term_rows] =
                context.kernels.squares(read_only(from(gradient.weight, i)),
                                        std::min(term_rows, rows.end - i), stage.weight_columns(), T(clip));
        if (share.rank == share.size - 1) // the bias, as one more term
            terms[term_count(stage)] =
                network.parameters()[d].bias
                    ? context.kernels.squares({gradient.bias, 0}, 1, stage.outputs, T(clip))
                    : 0;
    }
}

template <class T> double gradient_norm(const Network<T>& network, const Updates<T>& updates) {
    const Plan& plan = network.plan();
    double sum = 0;
    for (std::size_t s = plan.first_parametric(); s < plan.size(); ++s) {
        if (!plan[s].has_parameters() || updates.freezes(plan.parameter_index(s))) continue;
        const double* const terms = network.workspace().gradient_norm_terms[plan.parameter_index(s)].data();
        for (Index i = 0; i <= term_count(plan[s]); ++i) sum += terms[i];
    }
    return std::sqrt(sum);
}

template <class T>
void limit_column_norms(const Network<T>& network, const Context<T>& context, const Updates<T>& updates,
                        double limit) {
    const Plan& plan = network.plan();
    for (std::size_t s = plan.first_parametric(); s < plan.size(); ++s) {
        if (!plan[s].is_dense() || updates.freezes(plan.parameter_index(s))) continue;
        const MatrixView<T> weight = network.parameters()[plan.parameter_index(s)].weight;
        const Range own = column_chunk<T>(plan[s].outputs, context.share);
        context.kernels.constrain(from(weight, 0, own.begin), plan[s].inputs, own.size(), limit);
    }
}

template <class T>
bool all_finite(const Network<T>& network, const Context<T>& context, bool parameters,
                const OptimizerState<T>& state, const Parameters<T>* averages) {
    if (!parameters && !averages && network.running().empty()) return true;
    const Plan& plan = network.plan();
    bool good = true;
    const auto inspect_matrix = [&](MatrixView<const T> m, Index rows, Index columns) {
        const Range own = row_chunk(rows, 1, context.share);
        const Index adjoining = m.stride == columns ? std::max<Index>(own.size(), 1) : 1; // rows of one call
        for (Index i = own.begin; i < own.end; i += adjoining)
            good &= context.kernels.all_finite(from(m, i).data, adjoining * columns);
    };
    const auto inspect = [&](const Parameters<T>* all, std::size_t s) {
        if (!all) return;
        const Parameters<T>& own = all[plan.parameter_index(s)];
        inspect_matrix(read_only(own.weight), plan[s].weight_rows(), plan[s].weight_columns());
        if (own.bias) inspect_matrix({own.bias, plan[s].outputs}, 1, plan[s].outputs);
    };
    for (std::size_t s = 0; s < plan.size(); ++s) {
        const StageKind& kind = *plan[s].kind;
        if (kind.has_statistics())
            inspect_matrix(read_only(network.running()[plan.statistics_index(s)]), kind.running_rows,
                           plan[s].outputs);
        if (!kind.has_parameters()) continue;
        if (parameters) inspect(network.parameters().data(), s);
        for (int k = 0; parameters && k < state.count; ++k) inspect(state.slots[k], s);
        inspect(averages, s);
    }
    return good;
}

#define STEEPEST_INSTANTIATE(T)                                                                          \
    template void make_penalty_terms(const Network<T>&, const Context<T>&, const std::vector<Penalty>&); \
    template double penalty_value(const Network<T>&);                                                    \
    template void make_gradient_norm_terms(const Network<T>&, const Context<T>&, const Updates<T>&,      \
                                           const Parameters<T>*, double);                                \
    template double gradient_norm(const Network<T>&, const Updates<T>&);                                 \
    template void limit_column_norms(const Network<T>&, const Context<T>&, const Updates<T>&, double);   \
    template bool all_finite(const Network<T>&, const Context<T>&, bool, const OptimizerState<T>&,       \
                             const Parameters<T>*);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
