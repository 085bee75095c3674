// Compute: single operations on whole matrices, each by a team of its own.
#include "operations.hpp"
#include "base/poll.hpp"
#include "network/partition.hpp"
#include "network/stages/dense_product.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr double work_of_exp = 20; // an exponential costs about as much as 20 multiply-adds
// What a thread does between two polls, in multiply-adds: some ms, in which a packed block is used often.
constexpr double work_of_piece = 2e8;
constexpr double shorter = 20;
constexpr Index least_rows = 96, least_columns = 96; // of a piece: whole tiles of every kernel

// visit(block) for the pieces of a matrix of which each element takes so much work, until `stop`; all of it
// at once without.
template <class F> void in_blocks(Block whole, double each, const ShouldStop& stop, F visit) {
    Index rows = whole.rows.size(), columns = whole.columns.size();
    if (rows == 0 || columns == 0) return;
    if (stop) {
        const double most = work_of_piece / std::max(each, 1.0);
        columns = std::min(columns, std::max(least_columns, Index(most / least_rows)));
        rows = std::min(rows, std::max(least_rows, Index(most / double(columns))));
    }
    for (Index i = whole.rows.begin; i < whole.rows.end; i += rows)
        for (Index j = whole.columns.begin; j < whole.columns.end && !(stop && stop()); j += columns)
            visit(Block{{i, std::min(i + rows, whole.rows.end)},
                        {j, std::min(j + columns, whole.columns.end)}});
}

// body(first, count) for some of the rows after the other, each share of all
template <class F> int share_rows(Index rows, double work, int threads, Poller& poller, F body) {
    Team team(thread_count(work, work_per_thread, threads), work);
    team.each_share([&](const Share& share) {
        const Range mine = row_chunk(rows, 1, share);
        // Nothing is packed for them, so that shorter pieces cost nothing.
        const double each = shorter * work / double(std::max<Index>(rows, 1));
        in_blocks({mine, {0, 1}}, each, poller.should_stop(share.thread),
                  [&](Block b) { body(b.rows.begin, b.rows.size()); });
    });
    return team.threads();
}

} // namespace

template <class T>
int linear(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<const T> weight,
           const T* bias, MatrixView<T> y, Index rows, Index inputs, Index outputs, Poller& poller) {
    const double work = double(rows) * double(inputs) * double(outputs);
    Team team(thread_count(work, work_per_thread, threads), work);
    Buffer<T> scratch;
    scratch.reserve(team.threads() * kernels.scratch);
    Matrix<T> transposed;
    const bool transposes = needs_transpose<T>(inputs, outputs);
    if (transposes) {
        transposed.reserve(outputs, inputs, dot_bytes);
        kernels.transpose(weight, inputs, outputs, transposed.rows());
        weight = read_only(transposed.rows());
    }
    const auto forward = forward_kernel(kernels, inputs, outputs);
    team.each_share([&](const Share& share) {
        const Range mine = row_chunk(rows, 1, share);
        in_blocks({mine, {0, outputs}}, double(inputs), poller.should_stop(share.thread), [&](Block b) {
            const Index i = b.rows.begin, j = b.columns.begin;
            forward({.x = from(x, i),
                     .weight = transposes ? from(weight, j) : from(weight, 0, j),
                     .bias = from(bias, j),
                     .y = from(y, i, j),
                     .rows = b.rows.size(),
                     .inputs = inputs,
                     .outputs = b.columns.size(),
                     .activation = Activation::identity,
                     .slope = 0},
                    scratch.data() + share.thread * kernels.scratch);
        });
    });
    return team.threads();
}

template <class T>
int sparse_linear(const Kernels<T>& kernels, int threads, const Csr<T>& x, MatrixView<const T> weight,
                  const T* bias, MatrixView<T> y, Index rows, Index outputs, Poller& poller) {
    const double work = double(rows ? x.begin[rows] + rows : 0) * double(outputs);
    return share_rows(rows, work, threads, poller, [&](Index first, Index n) {
        for (Index i = first; i < first + n; ++i) {
            T* const to = from(y, i).data;
            const Entries<T> row = x.row(i);
            kernels.sparse_row_product(row.values, row.places, row.count, weight, to, outputs);
            if (bias) kernels.add_scaled(to, bias, T(1), to, outputs);
        }
    });
}

template <class T>
int linear_backward(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<const T> weight,
                    MatrixView<const T> dy, MatrixView<T> dx, MatrixView<T> dw, T* db, Index rows,
                    Index inputs, Index outputs, Poller& poller) {
    const double work = 2.0 * double(rows) * double(inputs) * double(outputs);
    Team team(thread_count(work, work_per_thread, threads), work);
    Buffer<T> scratch;
    scratch.reserve(team.threads() * kernels.scratch);
    team.each_share([&](const Share& share) {
        const ShouldStop stop = poller.should_stop(share.thread);
        T* own_scratch = scratch.data() + share.thread * kernels.scratch;
        const Range samples = row_chunk(rows, 1, share);
        in_blocks({samples, {0, inputs}}, double(outputs), stop, [&](Block b) {
            const Index i = b.rows.begin, j = b.columns.begin;
            kernels.input_gradient({.dy = from(dy, i),
                                    .weight = from(weight, j),
                                    .y = {},
                                    .dx = from(dx, i, j),
                                    .rows = b.rows.size(),
                                    .inputs = b.columns.size(),
                                    .outputs = outputs,
                                    .activation = Activation::identity,
                                    .transposed = false,
                                    .slope = 0},
                                   own_scratch);
        });
        const Range features = row_chunk(inputs, term_rows, share);
        in_blocks({features, {0, outputs}}, double(rows), stop, [&](Block b) {
            const Index j = b.columns.begin;
            kernels.weight_gradient({.x = x,
                                     .dy = from(dy, 0, j),
                                     .weight = {},
                                     .slots = WeightSlots<T>{},
                                     .gradient = from(dw, 0, j),
                                     .samples = rows,
                                     .outputs = b.columns.size(),
                                     .first = b.rows.begin,
                                     .last = b.rows.end,
                                     .update = {},
                                     .few_outputs = false},
                                    own_scratch);
        });
        const Range columns = chunk(outputs, 16, share.rank, share.size);
        kernels.column_sums(dy, rows, columns.begin, columns.end, db);
    });
    return team.threads();
}

template <class T>
int loss_and_gradient(const Kernels<T>& kernels, int threads, const Loss& loss, MatrixView<const T> scores,
                      const Samples<T>& samples, Index classes, MatrixView<T> gradient, double* value,
                      Poller& poller) {
    const Index rows = samples.count;
    double weight = double(rows);
    if (samples.weight) {
        weight = 0;
        for (Index i = 0; i < rows; ++i) weight += double(samples.weight[i]);
        weight = usable_weight(weight);
    }
    const double scale = loss.sum ? 1 : weight > 0 ? 1 / weight : 0;
    Buffer<double> values;
    values.reserve(rows);
    const int size = share_rows(rows, work_of_exp * double(rows) * double(classes), threads, poller,
                                [&](Index i, Index n) {
                                    kernels.loss({.kind = loss.kind,
                                                  .number = T(loss.number),
                                                  .scores = from(scores, i),
                                                  .labels = from(samples.labels, i),
                                                  .targets = from(samples.targets, i),
                                                  .weight = from(samples.weight, i),
                                                  .scale = scale,
                                                  .gradient = from(gradient, i),
                                                  .value = values.data() + i,
                                                  .rows = n,
                                                  .classes = classes});
                                });
    if (poller.stopped()) return size;
    double sum = 0;
    for (Index i = 0; i < rows; ++i) sum += values.data()[i];
    *value = loss.sum ? sum : weight > 0 ? sum / weight : 0;
    return size;
}

template <class T>
int softmax(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y, Index rows,
            Index columns, Poller& poller) {
    return share_rows(rows, work_of_exp * double(rows) * double(columns), threads, poller,
                      [&](Index i, Index n) { kernels.softmax(from(x, i), from(y, i), n, columns); });
}

template <class T>
Index first_nonfinite_row(const Kernels<T>& kernels, MatrixView<const T> x, Index rows, Index columns) {
    for (Index i = 0; i < rows; ++i)
        if (!kernels.all_finite(x.data + i * x.stride, columns)) return i;
    return -1;
}

#define STEEPEST_INSTANTIATE(T)                                                                              \
    template int linear(const Kernels<T>&, int, MatrixView<const T>, MatrixView<const T>, const T*,          \
                        MatrixView<T>, Index, Index, Index, Poller&);                                        \
    template int sparse_linear(const Kernels<T>&, int, const Csr<T>&, MatrixView<const T>, const T*,         \
                               MatrixView<T>, Index, Index, Poller&);                                        \
    template int linear_backward(const Kernels<T>&, int, MatrixView<const T>, MatrixView<const T>,           \
                                 MatrixView<const T>, MatrixView<T>, MatrixView<T>, T*, Index, Index, Index, \
                                 Poller&);                                                                   \
    template int loss_and_gradient(const Kernels<T>&, int, const Loss&, MatrixView<const T>,                 \
                                   const Samples<T>&, Index, MatrixView<T>, double*, Poller&);               \
    template int softmax(const Kernels<T>&, int, MatrixView<const T>, MatrixView<T>, Index, Index, Poller&); \
    template Index first_nonfinite_row(const Kernels<T>&, MatrixView<const T>, Index, Index);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
