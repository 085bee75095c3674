// Compute: a batch on its way through all stages, forward and back.
#include "network/passes.hpp"
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {

template <class T> void Passes<T>::forward(std::size_t s, const Context<T>& context, Block y) const {
    network_.plan()[s].kind->template type<T>().forward({network_, s, x_}, context, y);
}

template <class T> void Passes<T>::backward(std::size_t s, const Context<T>& context, Block dx) const {
    network_.plan()[s].kind->template type<T>().backward({network_, s, x_}, context, dx);
}

// The gradient of the scores times the last stage's activation'.
template <class T> void Passes<T>::backward_scores(Range rows) const {
    const Stage& top = network_.plan().stages().back();
    if (top.activation == Activation::identity) return;
    const std::size_t seen = network_.plan().size() - 1 - reads_input(top.activation);
    const Workspace<T>& workspace = network_.workspace();
    for (Index i = rows.begin; i < rows.end; ++i) {
        T* const delta = workspace.deltas.back().row(i);
        context_.kernels.activation_gradient(top.activation, T(top.slope), workspace.outputs[seen].row(i),
                                             delta, delta, top.outputs);
    }
}

// Has every share visit its blocks of a stage's (samples, columns): its part, or its rows of a stage of too
// few columns to split. Waits first for the others' work on the stage before, unless both are by rows:
// `own_rows` says whether that one was, and the result whether this one is.
template <class T>
template <class Visit>
bool Passes<T>::for_each_block(Team& team, Division division, Index columns, bool own_rows,
                               Visit visit) const {
    const bool split = division != Division::rows &&
                       (division == Division::columns || splits_columns<T>(columns, team.shares()));
    if (split || !own_rows) team.barrier();
    team.then([=, this](const Share& share) {
        const Context<T> context = context_.of(share);
        if (!split) return visit(context, Block{row_chunk(samples_, 1, share), {0, columns}});
        if (division == Division::columns) {
            if (const Range own = column_chunk<T>(columns, share); own.size() > 0)
                visit(context, Block{{0, samples_}, own});
            return;
        }
        const Index piece = context.should_stop ? columns_between_polls : columns;
        for (const Block& own : partition_columns<T>(samples_, columns, share))
            for (Index j = own.columns.begin; j < own.columns.end && !context.stopped(); j += piece)
                visit(context, Block{own.rows, {j, std::min(j + piece, own.columns.end)}});
    });
    return !split;
}

// Kinds with statistics are divided by columns: the barrier before each block is there anyway.
template <class T> void Passes<T>::exchange(Team& team, std::size_t s, bool back) const {
    const StageType<T>& type = network_.plan()[s].kind->template type<T>();
    for_each_block(team, Division::columns, network_.plan()[s].outputs, false,
                   [this, s, back, &type](const Context<T>& context, Block own) {
                       type.measure({network_, s, x_}, context, own, back);
                   });
    team.barrier();
    type.exchange({network_, s, x_}, *context_.whole, back);
}

template <class T> void Passes<T>::forward(Range rows) const {
    const Plan& plan = network_.plan();
    for (std::size_t s = 0; s < plan.size() && !context_.stopped(); ++s)
        forward(s, context_, {rows, {0, plan[s].outputs}});
}

template <class T> void Passes<T>::forward_columns(Team& team, bool ready) const {
    const Plan& plan = network_.plan();
    bool own_rows = ready; // whether what a share needs next, it has made itself
    for (std::size_t s = 0; s < plan.size(); ++s) {
        if (context_.whole && plan[s].kind->has_statistics()) exchange(team, s, false);
        own_rows = for_each_block(team, plan[s].kind->division, plan[s].outputs, own_rows,
                                  [this, s](const Context<T>& context, Block y) { forward(s, context, y); });
    }
    if (!own_rows) team.barrier();
}

template <class T> void Passes<T>::backward(Range rows) const {
    const Plan& plan = network_.plan();
    backward_scores(rows);
    for (std::size_t s = plan.size() - 1; s > plan.first_parametric() && !context_.stopped(); --s)
        backward(s, context_, {rows, {0, plan[s].inputs}});
}

template <class T>
void Passes<T>::backward_columns(Team& team, const std::function<void(std::size_t s)>& visit) const {
    const Plan& plan = network_.plan();
    team.then([this](const Share& share) { backward_scores(row_chunk(samples_, 1, share)); });
    bool own_rows = true; // whether what a share needs next, it has made itself
    for (std::size_t s = plan.size() - 1; s + 1 > plan.first_parametric(); --s) {
        const bool makes_sums = plan[s].kind->always_backward; // which its gradient is made of
        if (visit && !makes_sums) visit(s);
        // The first parametric stage has nothing below it to tell, but may have its own sums to make.
        if (s == plan.first_parametric() && !makes_sums) break;
        if (context_.whole && plan[s].kind->has_statistics() && s > plan.first_parametric())
            exchange(team, s, true);
        own_rows =
            for_each_block(team, plan[s].kind->division, plan[s].inputs, own_rows,
                           [this, s](const Context<T>& context, Block dx) { backward(s, context, dx); });
        if (visit && makes_sums) visit(s);
    }
}

template class Passes<float>;
template class Passes<double>;

} // namespace steepest
