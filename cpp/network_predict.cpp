// Network: the scores of rows, by a team of its own.
#include "network.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index predict_rows = 128; // rows that go through all layers together, so that they stay in cache

} // namespace

// A row alone: each thread on its columns of every stage, whose weights stay in its core's cache from call to
// call; narrow stages on one thread.
template <class T>
int Network<T>::predict_row(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<T> y) {
    threads = thread_count(forward_work(1), work_per_reader, threads);
    Index widest = 1;
    for (const auto& stage : stages_) widest = std::max(widest, stage.outputs);
    const Index stride = row_stride<T>(widest);
    scratch_.reserve(threads * kernels.scratch + 2 * stride);
    reserve_transposed();
    transpose(kernels, Team{0, 1, nullptr});
    int size = 1;
    run(threads, [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        Rows<const T> input = x;
        for (std::size_t s = 0; s < stages_.size(); ++s) {
            const Index columns = stages_[s].outputs;
            const Rows<T> output =
                s + 1 == stages_.size()
                    ? y
                    : Rows<T>{scratch_.data() + threads * kernels.scratch + Index(s % 2) * stride, stride};
            const Range own = divisible<T>(columns, team.size) ? share_columns<T>(columns, team)
                              : team.rank == 0                 ? Range{0, columns}
                                                               : Range{0, 0};
            if (own.size() > 0)
                run_stage(kernels, s, input, output, 1, own, scratch_.data() + team.rank * kernels.scratch);
            team.barrier();
            input = read_only(output);
        }
    });
    return size;
}

template <class T>
int Network<T>::predict(const Kernels<T>& kernels, int threads, Rows<const T> x, Rows<T> y, Index rows) {
    if (rows == 1) return predict_row(kernels, threads, x, y);
    threads = thread_count(forward_work(rows), work_per_new_thread, threads);
    threads = int(std::clamp<Index>(rows, 1, threads));
    Index widest = 1;
    for (const auto& stage : stages_) widest = std::max(widest, stage.outputs);
    // For each thread: scratch memory, and two matrices that the stages take turns to write.
    const Index stride = row_stride<T>(widest), block = std::min(predict_rows, rows);
    const Index each = kernels.scratch + 2 * block * stride;
    scratch_.reserve(threads * each);
    reserve_transposed();
    transpose(kernels, Team{0, 1, nullptr});
    int size = 1;
    run(threads, [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        T* scratch = scratch_.data() + team.rank * each;
        const Range mine = share(rows, 1, team.rank, team.size);
        for (Index i = mine.begin; i < mine.end; i += block) {
            const Index n = std::min(block, mine.end - i);
            Rows<const T> input = from(x, i);
            for (std::size_t s = 0; s < stages_.size(); ++s) {
                const bool last = s + 1 == stages_.size();
                const Rows<T> output =
                    last ? from(y, i)
                         : Rows<T>{scratch + kernels.scratch + Index(s % 2) * block * stride, stride};
                run_stage(kernels, s, input, output, n, {0, stages_[s].outputs}, scratch);
                input = read_only(output);
            }
        }
    });
    return size;
}

template int Network<float>::predict(const Kernels<float>&, int, Rows<const float>, Rows<float>, Index);
template int Network<double>::predict(const Kernels<double>&, int, Rows<const double>, Rows<double>, Index);

} // namespace steepest
