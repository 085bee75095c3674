// Network: the scores of rows, by a team of its own.
#include "network/network.hpp"
#include "network/pooling.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index predict_rows_together =
    128; // rows that go through all layers together, so that they stay in cache

// Where rows lie between stages: in two buffers that take turns, and in one more for each open fork.
template <class T> class Relay {
  public:
    static constexpr Index turns = 2;
    Relay(T* buffers, Index rows, Index stride) : buffers_(buffers), rows_(rows), stride_(stride) {}

    MatrixView<T> next(StageKind kind) {
        if (kind == StageKind::residual_split) return buffer(turns + open_++);
        if (kind == StageKind::residual_add) --open_;
        turn_ = 1 - turn_;
        return buffer(turn_);
    }
    MatrixView<T> forked() const { return buffer(turns + open_); } // of the join that has just been asked for

  private:
    MatrixView<T> buffer(Index i) const {
        return bounded<T>({buffers_ + i * rows_ * stride_, stride_}, rows_, stride_);
    }
    T* buffers_;
    Index rows_, stride_, turn_ = 0, open_ = 0;
};

} // namespace

// Columns of one stage as in inference. `forked` is what a join adds.
template <class T>
void Network<T>::predict_stage(const Kernels<T>& kernels, std::size_t s, MatrixView<const T> x,
                               MatrixView<T> forked, MatrixView<T> y, Index rows, Range columns,
                               T* scratch) const {
    const Stage& stage = stages_[s];
    if (stage.dense()) return run_dense(kernels, s, x, y, rows, columns, scratch);
    if (stage.kind == StageKind::pool) return pool(stage, nullptr, x, y, rows);
    const Index j = columns.begin, n = columns.size();
    for (Index i = 0; i < rows; ++i) {
        const T* in = x.data + i * x.stride + j;
        T* to = y.data + i * y.stride + j;
        switch (stage.kind) {
        case StageKind::elementwise:
            kernels.activate(stage.activation, T(stage.slope), in, to, n);
            break;
        case StageKind::batch_norm: {
            const Matrix<T>& normal = normal_[statistics_[s]];
            kernels.standardize(in, running_[statistics_[s]].data + j, normal.row(norm_scale) + j,
                                parameters_[own_[s]].bias + j, to, n);
            if (stage.activation != Activation::identity)
                kernels.activate(stage.activation, T(stage.slope), to, to, n);
            break;
        }
        case StageKind::maxout:
            kernels.maxout(in, stage.inputs / stage.outputs, stage.outputs, to, n);
            break;
        case StageKind::residual_add:
            kernels.add_scaled(forked.data + i * forked.stride + j, in, T(1 - stage.rate), to, n);
            break;
        default: // dropout, fork
            std::copy_n(in, n, to);
        }
    }
}

// What all rows share: transposed weights, and the scales of a batch_norm by its running variance.
template <class T> void Network<T>::prepare_prediction(const Kernels<T>& kernels) {
    reserve_transposed();
    transpose(kernels, Team{0, 1, nullptr});
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        if (stages_[s].kind != StageKind::batch_norm) continue;
        const MatrixView<T> running = running_[statistics_[s]];
        normal_[statistics_[s]].reserve(norm_rows, stages_[s].outputs);
        normalize(s, running.data + running.stride, {0, stages_[s].outputs});
    }
}

template <class T> Index Network<T>::widest_row() const {
    Index widest = 1;
    for (const auto& stage : stages_) widest = std::max(widest, stage.outputs);
    return row_stride<T>(widest);
}

// A row alone: each thread on its columns of every stage, whose weights stay in its core's cache from call to
// call; narrow stages on one thread.
template <class T>
int Network<T>::predict_row(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y) {
    threads = thread_count(forward_work(1), work_per_reader, threads);
    const Index stride = widest_row();
    scratch_.reserve(threads * kernels.scratch + (Relay<T>::turns + forks_) * stride);
    prepare_prediction(kernels);
    int size = 1;
    run(threads, [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        Relay<T> relay(scratch_.data() + threads * kernels.scratch, 1, stride);
        MatrixView<const T> input = x;
        for (std::size_t s = 0; s < stages_.size(); ++s) {
            const Index columns = stages_[s].outputs;
            const MatrixView<T> between = relay.next(stages_[s].kind),
                                output = s + 1 == stages_.size() ? y : between;
            const bool divided = stages_[s].kind != StageKind::pool && divisible<T>(columns, team.size);
            const Range own = divided          ? share_columns<T>(columns, team)
                              : team.rank == 0 ? Range{0, columns}
                                               : Range{0, 0};
            if (own.size() > 0)
                predict_stage(kernels, s, input, relay.forked(), output, 1, own,
                              scratch_.data() + team.rank * kernels.scratch);
            team.barrier();
            input = read_only(output);
        }
    });
    return size;
}

// Some rows through all stages, a piece of a large layer at a time.
template <class T>
void Network<T>::predict_rows(const Kernels<T>& kernels, MatrixView<const T> x, MatrixView<T> y, Index rows,
                              Index stride, T* scratch, const Stop& stop) const {
    Relay<T> relay(scratch + kernels.scratch, rows, stride);
    MatrixView<const T> input = x;
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        const MatrixView<T> between = relay.next(stage.kind), output = s + 1 == stages_.size() ? y : between;
        const bool cut = stop && stage.dense() && stage.outputs > columns_at_once &&
                         double(rows) * double(stage.inputs) * columns_at_once > work_between_looks;
        const Index piece = cut ? columns_at_once : stage.outputs;
        for (Index j = 0; j < stage.outputs && !(stop && stop()); j += piece)
            predict_stage(kernels, s, input, relay.forked(), output, rows,
                          {j, std::min(j + piece, stage.outputs)}, scratch);
        input = read_only(output);
    }
}

template <class T>
int Network<T>::predict(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y,
                        Index rows, Lookout& lookout) {
    if (rows == 1) return predict_row(kernels, threads, x, y);
    threads = thread_count(forward_work(rows), work_per_new_thread, threads);
    threads = int(std::clamp<Index>(rows, 1, threads));
    const Index stride = widest_row(), block = std::min(predict_rows_together, rows);
    const Index each = kernels.scratch + (Relay<T>::turns + forks_) * block * stride;
    scratch_.reserve(threads * each);
    prepare_prediction(kernels);
    int size = 1;
    run(threads, [&](const Team& team) {
        if (team.rank == 0) size = team.size;
        T* scratch = scratch_.data() + team.rank * each;
        const Range mine = share(rows, 1, team.rank, team.size);
        const Stop stop = lookout.stop_of(team.rank);
        for (Index i = mine.begin; i < mine.end && !(stop && stop()); i += block)
            predict_rows(kernels, from(x, i), from(y, i), std::min(block, mine.end - i), stride, scratch,
                         stop);
    });
    return size;
}

template int Network<float>::predict(const Kernels<float>&, int, MatrixView<const float>, MatrixView<float>,
                                     Index, Lookout&);
template int Network<double>::predict(const Kernels<double>&, int, MatrixView<const double>,
                                      MatrixView<double>, Index, Lookout&);

} // namespace steepest
