// Compute: dual coordinate ascent of a linear model on sparse rows.
#include "training/dual_ascent.hpp"
#include "base/buffer.hpp"
#include "network/partition.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index rows_between_polls = 64;

// One row of a point.
template <class T> class Row {
  public:
    Row(const DualRows<T>& rows, const DualPoint<T>& point, Index i)
        : rows_(rows), point_(point), i_(i), entries_(rows.x.row(i)) {}

    void score(const Kernels<T>& kernels, T* scores) const {
        const Index n = rows_.outputs;
        kernels.sparse_row_product(entries_.values, entries_.places, entries_.count, read_only(point_.weight),
                                   scores, n);
        if (point_.bias) kernels.add_scaled(scores, point_.bias, T(1), scores, n);
    }
    // Its loss and gap and, if there is room for it, a step: -share times the change of its gradient, which
    // is made. Returns how much the sum of squares of the weight will grow.
    double meet(const Kernels<T>& kernels, const T* scores, T* change, T* scratch) const {
        const T square = rows_.squares[i_] + (point_.bias ? point_.bias_square : T(0));
        const DualGap<T> met = kernels.dual_step({.kind = rows_.loss.kind,
                                                  .number = T(rows_.loss.number),
                                                  .scores = scores,
                                                  .label = rows_.labels ? Index(rows_.labels[i_]) : 0,
                                                  .target = from(rows_.targets, i_).data,
                                                  .pull = rows_.shares[i_] * square,
                                                  .gradient = from(point_.gradients, i_).data,
                                                  .change = change,
                                                  .scratch = scratch,
                                                  .n = rows_.outputs});
        point_.losses[i_] = met.loss, point_.gaps[i_] = met.gap;
        double growth = 0;
        for (Index k = 0; change && k < rows_.outputs; ++k) {
            change[k] *= -rows_.shares[i_];
            const double product = double(scores[k]) - double(point_.bias ? point_.bias[k] : 0);
            growth += (2 * product + double(rows_.squares[i_]) * double(change[k])) * double(change[k]);
        }
        return growth;
    }
    // Moves the weight and the bias by the change.
    void move(const Kernels<T>& kernels, const T* change) const {
        const Index n = rows_.outputs;
        kernels.add_to_rows(entries_.values, entries_.places, entries_.count, change, point_.weight, n);
        if (point_.bias) kernels.add_scaled(point_.bias, change, point_.bias_square, point_.bias, n);
    }

  private:
    const DualRows<T>& rows_;
    const DualPoint<T>& point_;
    Index i_;
    Entries<T> entries_;
};

template <class T> double work_of(const DualRows<T>& rows, Index count) {
    const double entries = double(rows.x.begin[rows.count]) / double(std::max<Index>(rows.count, 1));
    return 2 * double(count) * (entries + 10) * double(rows.outputs);
}

} // namespace

template <class T>
double ascend(const Kernels<T>& kernels, const DualRows<T>& rows, const DualPoint<T>& point,
              const std::int64_t* order, Index count, Poller& poller) {
    Buffer<T> buffers;
    buffers.reserve(3 * rows.outputs);
    T *const scores = buffers.data(), *const change = scores + rows.outputs,
             *const scratch = change + rows.outputs;
    const double work = rows_between_polls * work_of(rows, 1);
    double growth = 0;
    for (Index k = 0; k < count; ++k) {
        if (k % rows_between_polls == 0) poller.poll(work);
        if (poller.stopped()) break;
        const Row<T> row(rows, point, Index(order[k]));
        row.score(kernels, scores);
        growth += row.meet(kernels, scores, change, scratch);
        row.move(kernels, change);
    }
    return growth;
}

template <class T>
int measure(const Kernels<T>& kernels, int threads, const DualRows<T>& rows, const DualPoint<T>& point,
            Poller& poller) {
    const double all = work_of(rows, rows.count), work = rows_between_polls * work_of(rows, 1);
    Team team(thread_count(all, work_per_thread, threads), all);
    Buffer<T> buffers;
    buffers.reserve(2 * rows.outputs * team.threads());
    team.each_share([&](const Share& share) {
        T* const scores = buffers.data() + 2 * rows.outputs * share.thread;
        const Range own = row_chunk(rows.count, 1, share);
        for (Index i = own.begin; i < own.end; ++i) {
            if (i % rows_between_polls == 0) {
                if (share.thread == 0) poller.poll(work);
                if (poller.stopped()) return;
            }
            const Row<T> row(rows, point, i);
            row.score(kernels, scores);
            row.meet(kernels, scores, nullptr, scores + rows.outputs);
        }
    });
    return team.threads();
}

#define STEEPEST_INSTANTIATE(T)                                                                             \
    template double ascend(const Kernels<T>&, const DualRows<T>&, const DualPoint<T>&, const std::int64_t*, \
                           Index, Poller&);                                                                 \
    template int measure(const Kernels<T>&, int, const DualRows<T>&, const DualPoint<T>&, Poller&);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
