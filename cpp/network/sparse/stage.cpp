// Compute: a dense first stage that reads its rows from a sparse batch. Its weight may be kept as a
// mixture of arrays; see lazy_weight.hpp.
#include "network/sparse/stage.hpp"
#include "network/sparse/weight_rows.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index features_between_polls = 1024;
constexpr Index columns_at_once = 128; // of a lazy weight's product
constexpr Index features_ahead = 8;    // of those updated, whose rows are asked for

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

// What one share does of the update of a weight, or of the gradient that is stored: rows of one term of a
// penalty at a time.
template <class T> class SparseUpdate {
  public:
    SparseUpdate(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step, Range own)
        : at_(at), context_(context), step_(step), own_(own), weight_(at.parameters().weight),
          update_(step.updates.weights[at.parameter_index()]), n_(at.stage().outputs),
          sums_(at.network().sparse()->gradient(context.share.rank)), adjoining_(rows_adjoin(at, step)) {}

    // Features that the batch does not have have a gradient of 0, from which plain descent changes nothing,
    // what a lazy weight does not need, and a lazy rule is not to.
    [[nodiscard]] bool only_touched() const {
        const bool unchanged =
            update_.plain && update_.slots == 0 && update_.l2_slope == 0 && update_.l1 == 0;
        return unchanged || lazy().active() || step_.updates.lazy;
    }

    // Stores the gradients of some rows.
    void store(Range rows) const {
        const MatrixView<T> gradients = step_.gradients[at_.parameter_index()].weight;
        for (Index i = rows.begin; i < rows.end; ++i) {
            T* const gradient = from(gradients, i).data;
            make_gradient(i, gradient);
            add_penalty_slope(context_.kernels, update_, from(weight_, i).data, gradient, n_);
        }
    }

    // Updates those whose feature the batch has.
    void update_touched(Range rows) const {
        const bool ahead = lazy().has_velocity() || step_.updates.lazy;
        bool any = false;
        for (Index i = rows.begin; i < rows.end; ++i) {
            const Index later = i + features_ahead;
            if (ahead && later < own_.end && entries(later).count > 0) prefetch_row(at_, step_, later);
            if (entries(i).count == 0) continue;
            any = true;
            make_gradient(i, sums_);
            if (lazy().has_velocity())
                lazy().update_row(context_.kernels, i, sums_);
            else
                update(i, sums_, n_);
            if (lazy().active() && step_.updates.renewed) lazy().renew_row(context_.kernels, i);
        }
        if (any) renew_term(rows);
    }

    // Updates all, in one call where they adjoin.
    void update_all(Range rows) {
        for (Index i = rows.begin; i < rows.end; ++i) {
            bool& zeros = zeros_[i - rows.begin]; // of a feature that the batch does not have
            if (!zeros || entries(i).count > 0) make_gradient(i, sums_ + (i - rows.begin) * n_);
            zeros = entries(i).count == 0;
        }
        const Index some = adjoining_ ? rows.size() : 1;
        for (Index i = rows.begin; i < rows.end; i += some)
            update(i, sums_ + (i - rows.begin) * n_, some * n_);
        renew_term(rows);
    }

  private:
    [[nodiscard]] const LazyWeight<T>& lazy() const { return at_.network().lazy_weight(); }
    [[nodiscard]] Entries<T> entries(Index i) const {
        return at_.network().sparse()->column(context_.share.rank, i - own_.begin);
    }
    void make_gradient(Index i, T* gradient) const {
        const Entries<T> own = entries(i);
        context_.kernels.sparse_row_product(own.values, own.places, own.count, read_only(at_.delta().rows()),
                                            gradient, n_);
    }
    void update(Index i, const T* gradient, Index count) const {
        context_.kernels.update(update_, gradient, from(weight_, i).data,
                                step_.state.of_row(at_.parameter_index(), i), count);
    }
    // The penalty's term of rows that have just been updated.
    void renew_term(Range rows) const {
        const Penalty* const penalty = step_.updates.renewed;
        if (penalty && lazy().active())
            lazy().renew_term(rows);
        else if (penalty)
            at_.workspace().penalty_terms[at_.parameter_index()].data()[rows.begin / term_rows] =
                context_.kernels.penalty(read_only(from(weight_, rows.begin)), rows.size(), n_, penalty->l2,
                                         penalty->l1);
    }

    const StageView<T>& at_;
    const Context<T>& context_;
    const StepUpdate<T>& step_;
    const Range own_;
    const MatrixView<T> weight_;
    const Update<T>& update_;
    const Index n_;
    T* const sums_; // room for the gradients of a term
    const bool adjoining_;
    bool zeros_[term_rows] = {};
};

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

template <class T>
void update_sparse_weight(const StageView<T>& at, const Context<T>& context, const StepUpdate<T>& step) {
    const Range own = row_chunk(at.stage().inputs, term_rows, context.share);
    at.network().sparse()->transpose(context.share.rank, own.begin, own.end, step.samples);
    SparseUpdate<T> update(at, context, step, own);
    const bool only_touched = update.only_touched();
    for (Index i = own.begin; i < own.end; i += term_rows) {
        const Range rows{i, std::min(i + term_rows, own.end)};
        if (step.gradients) {
            // Only gradients are left half-way, never an update.
            if (i % features_between_polls == 0 && context.stopped()) return;
            update.store(rows);
        } else if (only_touched) {
            update.update_touched(rows);
        } else {
            update.update_all(rows);
        }
    }
}

#define STEEPEST_INSTANTIATE(T)                                                                 \
    template void forward_sparse(const StageView<T>&, const Kernels<T>&, Block, MatrixView<T>); \
    template void update_sparse_weight(const StageView<T>&, const Context<T>&, const StepUpdate<T>&);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
