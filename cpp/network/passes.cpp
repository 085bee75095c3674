// Compute: a batch on its way through all stages, forward and back.
#include "network/passes.hpp"
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {

template <class T> void Passes<T>::forward(std::size_t s, Block y) const {
    network_.plan()[s].kind->template type<T>().forward({network_, s, x_}, context_, y);
}

template <class T> void Passes<T>::backward(std::size_t s, Block dx) const {
    network_.plan()[s].kind->template type<T>().backward({network_, s, x_}, context_, dx);
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

// Visits this thread's blocks of a stage's (samples, columns): its part, or its rows of a stage of too few
// columns to split. Waits first for the others' work on the stage before, unless both are by rows: `own_rows`
// says whether that one was, and the result whether this one is.
template <class T>
template <class Visit>
bool Passes<T>::for_each_block(Division division, Index columns, Range mine, bool own_rows,
                               Visit visit) const {
    const Team& team = context_.team;
    const bool split = division != Division::rows &&
                       (division == Division::columns || splits_columns<T>(columns, team.size));
    if (split || !own_rows) team.barrier();
    if (division == Division::columns) {
        if (const Range own = column_chunk<T>(columns, team); own.size() > 0)
            visit(Block{{0, samples_}, own});
        return false;
    }
    if (!split) {
        visit(Block{mine, {0, columns}});
        return true;
    }
    const Index piece = context_.should_stop ? columns_between_polls : columns;
    for (const Block& own : partition_columns<T>(samples_, columns, team))
        for (Index j = own.columns.begin; j < own.columns.end && !context_.stopped(); j += piece)
            visit(Block{own.rows, {j, std::min(j + piece, own.columns.end)}});
    return false;
}

template <class T> void Passes<T>::forward(Range rows) const {
    const Plan& plan = network_.plan();
    for (std::size_t s = 0; s < plan.size() && !context_.stopped(); ++s)
        forward(s, {rows, {0, plan[s].outputs}});
}

template <class T> void Passes<T>::forward_columns(Range mine) const {
    const Plan& plan = network_.plan();
    bool own_rows = true; // whether what a thread needs next, it has made itself
    for (std::size_t s = 0; s < plan.size(); ++s)
        own_rows = for_each_block(plan[s].kind->division, plan[s].outputs, mine, own_rows,
                                  [&](Block y) { forward(s, y); });
    if (!own_rows) context_.team.barrier();
}

template <class T> void Passes<T>::backward(Range rows) const {
    const Plan& plan = network_.plan();
    backward_scores(rows);
    for (std::size_t s = plan.size() - 1; s > plan.first_parametric() && !context_.stopped(); --s)
        backward(s, {rows, {0, plan[s].inputs}});
}

template <class T> void Passes<T>::backward_columns(Range mine) const {
    const Plan& plan = network_.plan();
    backward_scores(mine);
    bool own_rows = true; // whether what a thread needs next, it has made itself
    for (std::size_t s = plan.size() - 1; s + 1 > plan.first_parametric(); --s) {
        // The first parametric stage has nothing below it to tell, but may have its own sums to make.
        if (s == plan.first_parametric() && !plan[s].kind->always_backward) break;
        own_rows = for_each_block(plan[s].kind->division, plan[s].inputs, mine, own_rows,
                                  [&](Block dx) { backward(s, dx); });
    }
}

template class Passes<float>;
template class Passes<double>;

} // namespace steepest
