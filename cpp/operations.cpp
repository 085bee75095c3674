#include "operations.hpp"

namespace steepest {
namespace {

constexpr double work_of_exp = 20; // an exponential costs about as much as 20 multiply-adds

// body(first, count) for each thread's share of the rows
template <class F> int share_rows(Index rows, double work, int threads, F body) {
    int size = 1;
    run(thread_count(work, work_per_new_thread, threads), [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        const Range mine = share(rows, 1, team.rank, team.size);
        if (mine.begin < mine.end) body(mine.begin, mine.end - mine.begin);
    });
    return size;
}

} // namespace

template <class T>
int linear(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<const T> weight, const T* bias,
           Rows<T> y, Index rows, Index inputs, Index outputs) {
    threads = thread_count(double(rows) * double(inputs) * double(outputs), work_per_new_thread, threads);
    Buffer<T> scratch;
    scratch.reserve(threads * kernels.scratch);
    Matrix<T> transposed;
    if (turned<T>(inputs, outputs)) {
        transposed.reserve(outputs, inputs, dot_bytes);
        kernels.transpose(weight, inputs, outputs, transposed.rows());
        weight = read_only(transposed.rows());
    }
    const auto forward = forward_of(kernels, inputs, outputs);
    int size = 1;
    run(threads, [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        const Range mine = share(rows, 1, team.rank, team.size);
        forward({from(x, mine.begin), weight, bias, from(y, mine.begin), mine.end - mine.begin, inputs,
                 outputs, Activation::identity, 0},
                scratch.data() + team.rank * kernels.scratch);
    });
    return size;
}

template <class T>
int linear_backward(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<const T> weight,
                    Rows<const T> dy, Rows<T> dx, Rows<T> dw, T* db, Index rows, Index inputs,
                    Index outputs) {
    const double work = 2.0 * double(rows) * double(inputs) * double(outputs);
    threads = thread_count(work, work_per_new_thread, threads);
    Buffer<T> scratch;
    scratch.reserve(threads * kernels.scratch);
    int size = 1;
    run(threads, [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        T* own_scratch = scratch.data() + team.rank * kernels.scratch;
        const Range samples = share(rows, 1, team.rank, team.size);
        kernels.input_gradient({from(dy, samples.begin), weight, Rows<const T>{}, from(dx, samples.begin),
                                samples.end - samples.begin, inputs, outputs, Activation::identity, false, 0},
                               own_scratch);
        const Range features = share(inputs, 8, team.rank, team.size);
        kernels.weight_gradient({x,
                                 dy,
                                 Rows<T>{},
                                 Rows<T>{},
                                 Rows<T>{},
                                 dw,
                                 rows,
                                 outputs,
                                 features.begin,
                                 features.end,
                                 {},
                                 false},
                                own_scratch);
        const Range columns = share(outputs, 16, team.rank, team.size);
        kernels.column_sums(dy, rows, columns.begin, columns.end, db);
    });
    return size;
}

template <class T>
int loss_and_gradient(const Kernels<T>& kernels, int threads, const Loss& loss, Rows<const T> scores,
                      const Samples<T>& samples, Index classes, Rows<T> gradient, double* value) {
    const Index rows = samples.count;
    double weight = double(rows);
    if (samples.weight) {
        weight = 0;
        for (Index i = 0; i < rows; ++i) weight += double(samples.weight[i]);
    }
    const double scale = loss.sum ? 1 : weight > 0 ? 1 / weight : 0;
    Buffer<double> values;
    values.reserve(rows);
    const int size =
        share_rows(rows, work_of_exp * double(rows) * double(classes), threads, [&](Index i, Index n) {
            kernels.loss({loss.kind, T(loss.parameter), from(scores, i),
                          samples.labels ? samples.labels + i : nullptr, from(samples.targets, i),
                          samples.weight ? samples.weight + i : nullptr, scale, from(gradient, i),
                          values.data() + i, n, classes});
        });
    double sum = 0;
    for (Index i = 0; i < rows; ++i) sum += values.data()[i];
    *value = loss.sum ? sum : weight > 0 ? sum / weight : 0;
    return size;
}

template <class T>
int softmax(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<T> y, Index rows, Index columns) {
    return share_rows(rows, work_of_exp * double(rows) * double(columns), threads,
                      [&](Index i, Index n) { kernels.softmax(from(x, i), from(y, i), n, columns); });
}

template <class T>
Index first_nonfinite_row(const Kernels<T>& kernels, Rows<const T> x, Index rows, Index columns) {
    for (Index i = 0; i < rows; ++i)
        if (!kernels.all_finite(x.data + i * x.stride, columns)) return i;
    return -1;
}

#define STEEPEST_INSTANTIATE(T)                                                                           \
    template int linear(const Kernels<T>&, int, Rows<const T>, Rows<const T>, const T*, Rows<T>, Index,   \
                        Index, Index);                                                                    \
    template int linear_backward(const Kernels<T>&, int, Rows<const T>, Rows<const T>, Rows<const T>,     \
                                 Rows<T>, Rows<T>, T*, Index, Index, Index);                              \
    template int loss_and_gradient(const Kernels<T>&, int, const Loss&, Rows<const T>, const Samples<T>&, \
                                   Index, Rows<T>, double*);                                              \
    template int softmax(const Kernels<T>&, int, Rows<const T>, Rows<T>, Index, Index);                   \
    template Index first_nonfinite_row(const Kernels<T>&, Rows<const T>, Index, Index);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

} // namespace steepest
