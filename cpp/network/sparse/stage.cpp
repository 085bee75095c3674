// Compute: a dense first stage that reads its rows from a sparse batch. Its weight may be kept as a
// mixture of arrays; see lazy_weight.hpp.
#include "network/sparse/stage.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index features_between_polls = 1024;
constexpr Index columns_at_once = 128; // of a lazy weight's product
constexpr Index features_ahead = 8;    // of those updated, whose rows are asked for

// Adds the slope of a penalty to the gradient of a weight row.
template <class T>
void add_penalty_slope(const Kernels<T>& kernels, const Update<T>& update, const T* w, T* gradient, Index n) {
    if (update.l2_slope != 0) kernels.add_scaled(gradient, w, update.l2_slope, gradient, n);
    for (Index k = 0; update.l1 != 0 && k < n; ++k)
        gradient[k] += w[k] > 0 ? update.l1 : w[k] < 0 ? -update.l1 : T(0);
}

// Asks for a row that will be updated, and for what the optimizer keeps of it. Where rows are skipped
// hardware does not foresee the next: a lazy step for 90 entries of 2^14 features and 100 outputs took twice
// as long. (Plain descent, which reads one row in place of three, is 5 to 15 % faster without.)
// Inlined, or GCC takes it for a function that does nothing.
template <class T>
__attribute__((always_inline)) inline void prefetch_row(const StageView<T>& at, const StepUpdate<T>& step,
                                                        Index row) {
    const RowSlots<T> slots = step.state.of_row(at.parameter_index(), row);
    const T* const w = from(at.parameters().weight, row).data;
    for (Index j = 0; j < at.stage().outputs; j += Index(cache_line / sizeof(T))) {
        __builtin_prefetch(w + j, 1);
        for (int k = 0; k < step.state.count; ++k) __builtin_prefetch(slots.slot[k] + j, 1);
    }
}

// Renews the penalty's term of rows of one term, which have just been updated.
template <class T>
void renew_penalty_term(const StageView<T>& at, const Kernels<T>& kernels, const Penalty& penalty,
                        Range rows) {
    double* const terms = at.workspace().penalty_terms[at.parameter_index()].data();
    terms[rows.begin / term_rows] = kernels.penalty(read_only(from(at.parameters().weight, rows.begin)),
                                                    rows.size(), at.stage().outputs, penalty.l2, penalty.l1);
}

// y = a * P + b * Q of a lazy weight with a velocity, for the columns [j, j + n); y is a * P already, with
// the bias.
template <class T>
void add_velocity(const StageView<T>& at, const Kernels<T>& kernels, const Entries<T>& entries, Index j, T* y,
                  Index n) {
    const LazyWeight<T>& lazy = at.network().lazy_weight();
    T sums[columns_at_once];
    for (Index k = 0; k < n; k += columns_at_once) {
        const Index some = std::min(columns_at_once, n - k);
        kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                   read_only(from(lazy.velocity(), 0, j + k)), sums, some);
        kernels.add_scaled(y + k, sums, lazy.of_velocity(), y + k, some);
    }
}

} // namespace

template <class T>
void forward_sparse(const StageView<T>& at, const Kernels<T>& kernels, Block block, MatrixView<T> y) {
    const Parameters<T>& own = at.parameters();
    const LazyWeight<T>& lazy = at.network().lazy_weight();
    const T scale = lazy.of_weight();
    const Index j = block.columns.begin, n = block.columns.size();
    for (Index i = 0; i < block.rows.size(); ++i) {
        const Entries<T> entries = at.network().sparse()->row(block.rows.begin + i);
        T* const to = from(y, i).data;
        kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                   read_only(from(own.weight, 0, j)), to, n);
        if (own.bias)
            kernels.add_scaled(own.bias + j, to, scale, to, n);
        else if (scale != 1)
            for (Index k = 0; k < n; ++k) to[k] *= scale;
        if (lazy.has_velocity()) add_velocity(at, kernels, entries, j, to, n);
        at.activate(kernels, to, n);
    }
}

// Features that the batch does not have have a gradient of 0, from which plain descent changes nothing, what
// a lazy weight does not need, and a lazy rule is not to.
template <class T>
void update_sparse_weight(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) {
    SparseBatch<T>& batch = *at.network().sparse();
    const auto& kernels = context.kernels;
    const std::size_t d = at.parameter_index();
    const Update<T>& update = step.updates.weights[d];
    const Index n = at.stage().outputs;
    const MatrixView<T> weight = at.parameters().weight;
    const Range own = row_chunk(at.stage().inputs, term_rows, context.team);
    batch.transpose(context.team.rank, own.begin, own.end, step.samples);
    const bool unchanged = update.plain && update.slots == 0 && update.l2_slope == 0 && update.l1 == 0;
    const LazyWeight<T>& lazy = at.network().lazy_weight();
    const bool only_touched = !step.gradients && (unchanged || lazy.active() || step.updates.lazy);
    const bool ahead = !step.gradients && (lazy.has_velocity() || step.updates.lazy);
    const bool renewed = step.updates.renewed && !step.gradients;
    T* const sums = batch.gradient(context.team.rank);
    const auto entries_of = [&](Index i) { return batch.column(context.team.rank, i - own.begin); };
    bool zeros = false;   // whether sums are those of a feature that the batch does not have
    bool changed = false; // a row of the term at hand
    const auto end_term = [&](Index i) {
        const Index begin = i / term_rows * term_rows; // as row_chunk() cuts them
        if (changed && lazy.active())
            lazy.renew_term({begin, i + 1});
        else if (changed)
            renew_penalty_term(at, kernels, *step.updates.renewed, {begin, i + 1});
        changed = false;
    };
    for (Index i = own.begin; i < own.end; ++i) {
        const Index later = i + features_ahead;
        if (ahead && later < own.end && entries_of(later).count > 0) prefetch_row(at, step, later);
        // Only gradients are left half-way, never an update.
        if (step.gradients && i % features_between_polls == 0 && context.stopped()) return;
        const Entries<T> entries = entries_of(i);
        const bool last_of_term = (i + 1) % term_rows == 0 || i + 1 == own.end;
        if (only_touched && entries.count == 0) {
            if (last_of_term) end_term(i);
            continue;
        }
        T* const gradient = step.gradients ? from(step.gradients[d].weight, i).data : sums;
        if (step.gradients || !zeros || entries.count > 0)
            kernels.sparse_row_product(entries.values, entries.places, entries.count,
                                       read_only(at.delta().rows()), gradient, n);
        zeros = entries.count == 0;
        changed = renewed;
        T* const w = from(weight, i).data;
        if (step.gradients)
            add_penalty_slope(kernels, update, w, gradient, n);
        else if (lazy.has_velocity())
            lazy.update_row(kernels, i, gradient);
        else
            kernels.update(update, gradient, w, step.state.of_row(d, i), n);
        if (renewed && lazy.active()) lazy.renew_row(kernels, i);
        if (last_of_term) end_term(i);
    }
}

#define STEEPEST_INSTANTIATE(T)                                                                 \
    template void forward_sparse(const StageView<T>&, const Kernels<T>&, Block, MatrixView<T>); \
    template void update_sparse_weight(const StageView<T>&, const Context<T>&, const StepUpdate<T>&);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
