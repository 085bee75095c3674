// Compute: from the gradients of a batch to new parameters.
#include "network/update.hpp"

namespace steepest {
namespace {

// The update from a gradient that has its penalty already, times `scale`.
template <class T> Update<T> of_stored(Update<T> update, double scale) {
    update.l2_slope = update.l1 = 0;
    update.scale = T(scale);
    update.plain = update.plain && update.scale == 1;
    return update;
}

} // namespace

template <class T>
void update_stage(const Network<T>& network, const Context<T>& context, MatrixView<const T> x, std::size_t s,
                  const StepUpdate<T>& step) {
    const Plan& plan = network.plan();
    if (plan[s].has_parameters() && !step.updates.freezes(plan.parameter_index(s)))
        plan[s].kind->template type<T>().update({network, s, x}, context, step);
}

template <class T>
void update_parameters(const Network<T>& network, const Context<T>& context, MatrixView<const T> x,
                       const StepUpdate<T>& step) {
    for (std::size_t s = network.plan().first_parametric(); s < network.plan().size(); ++s)
        update_stage(network, context, x, s, step);
}

template <class T>
void apply_gradients(const Network<T>& network, const Context<T>& context, const Updates<T>& updates,
                     const OptimizerState<T>& state, const Parameters<T>* gradients, double scale) {
    const auto& kernels = context.kernels;
    const Share& share = context.share;
    const Plan& plan = network.plan();
    for (std::size_t s = plan.first_parametric(); s < plan.size(); ++s) {
        const Stage& stage = plan[s];
        if (!stage.has_parameters()) continue;
        const std::size_t d = plan.parameter_index(s);
        if (updates.freezes(d)) continue;
        const Update<T> bias = of_stored(updates.biases[d], scale);
        const Parameters<T>&own = network.parameters()[d], &gradient = gradients[d];
        const Update<T> weight = stage.is_dense() ? of_stored(updates.weights[d], scale) : bias;
        const Range rows = row_chunk(stage.weight_rows(), term_rows, share);
        // Its columns are still those that the share's gradients were made of.
        const SparseBatch<T>* const only_touched = s == 0 && updates.lazy ? network.sparse() : nullptr;
        for (Index i = rows.begin; i < rows.end; ++i) {
            if (only_touched && only_touched->column(share.rank, i - rows.begin).count == 0) continue;
            kernels.update(weight, from(gradient.weight, i).data, from(own.weight, i).data,
                           state.of_row(d, i), stage.weight_columns());
        }
        if (own.bias && share.rank == share.size - 1)
            kernels.update(bias, gradient.bias, own.bias, state.of_bias(d), stage.outputs);
    }
}

template <class T>
void update_statistics(const Network<T>& network, const Context<T>& context,
                       const MatrixView<const T>* given) {
    const Plan& plan = network.plan();
    if (network.running().empty()) return;
    for (std::size_t s = 0; s < plan.size(); ++s)
        if (plan[s].kind->has_statistics())
            plan[s].kind->template type<T>().update_statistics(
                {network, s, {}}, context, given ? given + plan.statistics_index(s) : nullptr);
}

#define STEEPEST_INSTANTIATE(T)                                                                        \
    template void update_stage(const Network<T>&, const Context<T>&, MatrixView<const T>, std::size_t, \
                               const StepUpdate<T>&);                                                  \
    template void update_parameters(const Network<T>&, const Context<T>&, MatrixView<const T>,         \
                                    const StepUpdate<T>&);                                             \
    template void apply_gradients(const Network<T>&, const Context<T>&, const Updates<T>&,             \
                                  const OptimizerState<T>&, const Parameters<T>*, double);             \
    template void update_statistics(const Network<T>&, const Context<T>&, const MatrixView<const T>*);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
