// Compute: the scores of rows in inference, by a team of its own.
#include "network/stages/stage_type.hpp"

#include <algorithm>

namespace steepest {
namespace {

constexpr Index rows_of_share = 32;   // at least: fewer read the weights for less
constexpr Index predicted_rows = 128; // go through all stages at a time, so that they stay in cache

// Where rows lie between stages: in two buffers that take turns, and in one more for each open residual
// block.
template <class T> class Relay {
  public:
    static constexpr Index alternating = 2;
    Relay(T* buffers, Index rows, Index stride) : buffers_(buffers), rows_(rows), stride_(stride) {}

    // Where the outputs of the next stage go.
    MatrixView<T> next(Residual residual) {
        if (residual == Residual::split) return buffer(alternating + open_++);
        if (residual == Residual::add) --open_;
        last_ = 1 - last_;
        return buffer(last_);
    }
    // What the residual_add that has just been asked for adds.
    [[nodiscard]] MatrixView<T> branch() const { return buffer(alternating + open_); }

  private:
    MatrixView<T> buffer(Index i) const {
        return bounded<T>({buffers_ + i * rows_ * stride_, stride_}, rows_, stride_);
    }
    T* buffers_;
    Index rows_, stride_, last_ = 0, open_ = 0;
};

// Some rows, from number `first` on, through all stages, a piece of a large stage at a time. `scratch` is of
// the kernels, and then of the relay.
template <class T>
void predict_rows(const Network<T>& network, const Context<T>& context, MatrixView<const T> x,
                  MatrixView<T> y, Index first, Index rows, Index stride, T* scratch) {
    const Plan& plan = network.plan();
    Relay<T> relay(scratch + context.kernels.scratch, rows, stride);
    MatrixView<const T> input = x;
    for (std::size_t s = 0; s < plan.size(); ++s) {
        const Stage& stage = plan[s];
        const MatrixView<T> between = relay.next(stage.kind->residual),
                            output = s + 1 == plan.size() ? y : between;
        const bool cut = context.should_stop && stage.is_dense() && stage.outputs > columns_between_polls &&
                         double(rows) * double(stage.inputs) * columns_between_polls > work_between_polls;
        const Index piece = cut ? columns_between_polls : stage.outputs;
        for (Index j = 0; j < stage.outputs && !context.stopped(); j += piece)
            stage.kind->template type<T>().predict({network, s, x}, context.kernels,
                                                   {.x = input,
                                                    .branch = read_only(relay.branch()),
                                                    .y = output,
                                                    .first = first,
                                                    .rows = rows,
                                                    .columns = {j, std::min(j + piece, stage.outputs)},
                                                    .scratch = scratch});
        input = read_only(output);
    }
}

} // namespace

// What all rows share: arranged weights, and what stages make of their running statistics.
template <class T> void Network<T>::prepare_prediction(const Kernels<T>& kernels) {
    reserve_arranged();
    arrange(kernels, Share{});
    if (running_.empty()) return;
    for (std::size_t s = 0; s < plan_.size(); ++s)
        if (plan_[s].kind->has_statistics())
            plan_[s].kind->template type<T>().prepare_prediction({*this, s, {}}, workspace_.saved[s]);
}

// A row alone: each thread on its columns of every stage, whose weights stay in its core's cache from call to
// call; stages of few columns by the caller.
template <class T>
int Network<T>::predict_row(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y) {
    const double work = plan_.forward_work(1);
    Team team(thread_count(work, work_per_reader, threads), work, 1);
    const Index stride = row_stride<T>(plan_.widest()), relayed = team.threads() * kernels.scratch;
    workspace_.scratch.reserve(relayed + (Relay<T>::alternating + plan_.nesting()) * stride);
    T* const scratch = workspace_.scratch.data();
    prepare_prediction(kernels);
    Relay<T> relay(scratch + relayed, 1, stride);
    MatrixView<const T> input = x;
    for (std::size_t s = 0; s < plan_.size(); ++s) {
        const StageKind& kind = *plan_[s].kind;
        const Index columns = plan_[s].outputs;
        const MatrixView<T> between = relay.next(kind.residual), output = s + 1 == plan_.size() ? y : between;
        const auto predict = [&](int thread, Range own) {
            if (own.size() == 0) return;
            kind.template type<T>().predict({*this, s, x}, kernels,
                                            {.x = input,
                                             .branch = read_only(relay.branch()),
                                             .y = output,
                                             .first = 0,
                                             .rows = 1,
                                             .columns = own,
                                             .scratch = scratch + thread * kernels.scratch});
        };
        const int shares = team.shares();
        if (kind.division != Division::rows && splits_columns<T>(columns, shares))
            team.each(shares, [&](int rank, int thread) {
                predict(thread, column_chunk<T>(columns, {rank, shares, thread}));
            });
        else
            predict(0, {0, columns});
        input = read_only(output);
    }
    return team.threads();
}

template <class T>
int Network<T>::predict(const Kernels<T>& kernels, int threads, MatrixView<const T> x, MatrixView<T> y,
                        Index rows, Poller& poller) {
    if (rows == 1) return predict_row(kernels, threads, x, y);
    const double work = plan_.forward_work(rows);
    threads = int(std::clamp<Index>(rows / rows_of_share, 1, thread_count(work, work_per_thread, threads)));
    Team team(threads, work, rows >= 2 * rows_of_share * threads ? 2 : 1);
    const Index stride = row_stride<T>(plan_.widest()), block = std::min(predicted_rows, rows);
    const Index each = kernels.scratch + (Relay<T>::alternating + plan_.nesting()) * block * stride;
    workspace_.scratch.reserve(team.threads() * each);
    T* const scratch = workspace_.scratch.data();
    prepare_prediction(kernels);
    team.each_share([&](const Share& share) {
        const Context<T> context{
            .kernels = kernels, .share = share, .should_stop = poller.should_stop(share.thread)};
        const Range mine = row_chunk(rows, 1, share);
        for (Index i = mine.begin; i < mine.end && !context.stopped(); i += block)
            predict_rows(*this, context, from(x, i), from(y, i), i, std::min(block, mine.end - i), stride,
                         scratch + share.thread * each);
    });
    return team.threads();
}

template int Network<float>::predict(const Kernels<float>&, int, MatrixView<const float>, MatrixView<float>,
                                     Index, Poller&);
template int Network<double>::predict(const Kernels<double>&, int, MatrixView<const double>,
                                      MatrixView<double>, Index, Poller&);

} // namespace steepest
