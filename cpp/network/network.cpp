#include "network/network.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace steepest {
namespace {

constexpr Index tall_batch = 512; // samples; beyond, outputs leave the cache before the next layer reads them

bool fits(const Stage& s) {
    if (s.inputs < 1 || s.outputs < 1 || !(s.rate >= 0 && s.rate <= 1)) return false;
    if (s.kind != StageKind::elementwise && reads_input(s.activation)) return false;
    switch (s.kind) {
    case StageKind::dense:
        return true;
    case StageKind::dropout:
        return s.inputs == s.outputs && s.rate < 1;
    case StageKind::maxout:
        return s.inputs % s.outputs == 0;
    case StageKind::pool:
        return s.inputs == s.height * s.width * s.channels &&
               s.outputs == s.pooled_height * s.pooled_width * s.channels && s.pooled_height >= 1 &&
               s.pooled_width >= 1 && s.pooled_height <= s.height && s.pooled_width <= s.width &&
               s.channels >= 1 && s.height < 65536 && s.width < 65536;
    default:
        return s.inputs == s.outputs;
    }
}

// How deep blocks of forks and joins lie inside each other; -1 if one does not end with the join that is its
// partner, or another than its own.
Index depth_of_blocks(const std::vector<Stage>& stages) {
    std::vector<Index> open;
    std::size_t deepest = 0;
    for (Index s = 0; s < Index(stages.size()); ++s) {
        const Stage& stage = stages[std::size_t(s)];
        if (stage.kind == StageKind::residual_split) open.push_back(s);
        deepest = std::max(deepest, open.size());
        if (stage.kind != StageKind::residual_add) continue;
        if (open.empty() || stage.partner != open.back()) return -1;
        const Stage& fork = stages[std::size_t(open.back())];
        if (fork.partner != s || fork.outputs != stage.inputs) return -1;
        open.pop_back();
    }
    return open.empty() ? Index(deepest) : -1;
}

Division division_of(StageKind kind) {
    return kind == StageKind::batch_norm ? Division::columns
           : kind == StageKind::pool     ? Division::rows
                                         : Division::blocks;
}

} // namespace

Range share(Index n, Index grain, int part, int parts) {
    const Index pieces = (n + grain - 1) / grain;
    const Index size = pieces / parts, longer = pieces % parts;
    const Index begin = part * size + std::min<Index>(part, longer);
    const Index end = begin + size + (part < longer);
    return {std::min(n, begin * grain), std::min(n, end * grain)};
}

template <class T> Part part_of(Index rows, Index columns, const Team& team) {
    const Index line = cache_line / sizeof(T), lines = (columns + line - 1) / line;
    struct Place {
        Index line, row;
    };
    // Where part k begins, counted down the rows of line after line; to a multiple of 8 rows.
    const auto place = [=](int k) {
        const Index at = lines * rows * k / team.size, row = (at % rows + 4) / 8 * 8;
        return row < rows ? Place{at / rows, row} : Place{at / rows + 1, 0};
    };
    const Place from = place(team.rank),
                to = team.rank + 1 < team.size ? place(team.rank + 1) : Place{lines, 0};
    Part part;
    const auto add = [&](Index first_row, Index last_row, Index first_line, Index last_line) {
        if (first_row < last_row && first_line < last_line)
            part.blocks[part.count++] = {{first_row, last_row},
                                         {first_line * line, std::min(last_line * line, columns)}};
    };
    if (from.line == to.line) {
        add(from.row, to.row, from.line, from.line + 1);
        return part;
    }
    const bool shared = from.row > 0;
    if (shared) add(from.row, rows, from.line, from.line + 1);
    add(0, rows, from.line + shared, to.line);
    add(0, to.row, to.line, to.line + 1);
    return part;
}

template <class T>
Network<T>::Network(std::vector<Stage> stages, std::vector<Parameters<T>> parameters,
                    std::vector<MatrixView<T>> running)
    : stages_(std::move(stages)), parameters_(std::move(parameters)), running_(std::move(running)) {
    std::size_t learners = 0, norms = 0;
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        if (!fits(stage) || (s && stage.inputs != stages_[s - 1].outputs))
            throw std::invalid_argument("stage " + std::to_string(s) + " takes " +
                                        std::to_string(stage.inputs) + " columns and gives " +
                                        std::to_string(stage.outputs) +
                                        ": that does not fit its kind, its activation or the stage before");
        own_.push_back(learners);
        statistics_.push_back(norms);
        if (stage.learns() && learners++ == 0) first_learner_ = s;
        if (stage.kind == StageKind::batch_norm) ++norms;
    }
    if ((forks_ = depth_of_blocks(stages_)) < 0)
        throw std::invalid_argument("forks and joins are not each other's partners");
    if (learners == 0) throw std::invalid_argument("a network needs a stage that learns");
    if (learners != parameters_.size() || norms != running_.size())
        throw std::invalid_argument("one set of parameters for each stage that learns");
    outputs_.resize(stages_.size());
    deltas_.resize(stages_.size());
    factors_.resize(stages_.size());
    gradients_.resize(learners);
    transposed_.resize(learners);
    penalties_.resize(learners);
    normal_.resize(norms);
    squares_.resize(learners);
}

template <class T> double Network<T>::forward_work(Index samples) const {
    double work = 0;
    for (const auto& stage : stages_)
        work += double(stage.dense() ? stage.inputs : 1) * double(stage.outputs);
    return work * double(samples);
}

template <class T> double Network<T>::step_time(Index samples) const {
    constexpr Index narrow = 64;
    double time = 0;
    for (const auto& stage : stages_)
        if (stage.dense()) time += 3 * double(stage.inputs) * double(std::max(stage.outputs, narrow));
    return time * double(samples);
}

template <class T> double Network<T>::total_time(Index samples) const {
    constexpr double others = 20; // a number takes up to an exponential, there and back
    double numbers = 0;
    for (const auto& stage : stages_)
        if (!stage.dense()) numbers += double(stage.inputs);
    return step_time(samples) + others * numbers * double(samples);
}

template <class T> double Network<T>::step_work(Index samples) const {
    double work = 2 * forward_work(samples); // forward and weight gradients
    for (std::size_t s = first_learner_ + 1; s < stages_.size(); ++s)
        if (stages_[s].dense())
            work += double(stages_[s].inputs) * double(stages_[s].outputs) * double(samples);
    return work;
}

template <class T>
void Network<T>::run_dense(const Kernels<T>& kernels, std::size_t s, MatrixView<const T> x, MatrixView<T> y,
                           Index rows, Range columns, T* scratch) const {
    const Stage& stage = stages_[s];
    const Index j = columns.begin;
    const Parameters<T>& own = parameters_[own_[s]];
    const MatrixView<T> weight =
        turned(stage) ? from(transposed_[own_[s]].rows(), j) : from(own.weight, 0, j);
    const auto forward = forward_of(kernels, stage.inputs, stage.outputs);
    forward({x, read_only(weight), own.bias ? own.bias + j : nullptr, from(y, 0, j), rows, stage.inputs,
             columns.size(), stage.activation, T(stage.slope)},
            scratch);
}

template <class T> bool Network<T>::any_turned() const {
    for (std::size_t s = 0; s < stages_.size(); ++s)
        if (turned(stages_[s])) return true;
    return false;
}

template <class T> void Network<T>::reserve_transposed() {
    for (std::size_t s = 0; s < stages_.size(); ++s)
        if (turned(stages_[s]))
            transposed_[own_[s]].reserve(stages_[s].outputs, stages_[s].inputs, dot_bytes);
}

template <class T> void Network<T>::transpose(const Kernels<T>& kernels, const Team& team) {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        if (!turned(stages_[s])) continue;
        const Range rows = share(stages_[s].inputs, cache_line / sizeof(T), team.rank, team.size);
        kernels.transpose(read_only(from(parameters_[own_[s]].weight, rows.begin)), rows.size(),
                          stages_[s].outputs, from(transposed_[own_[s]].rows(), 0, rows.begin));
    }
}

template <class T>
void Network<T>::reserve(const Kernels<T>& kernels, Index samples, int threads, bool gradients) {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        const Stage& stage = stages_[s];
        outputs_[s].reserve(samples, stage.outputs);
        if (s >= first_learner_) deltas_[s].reserve(samples + 1, stage.outputs); // one row for bias sums
        if (stage.kind == StageKind::dropout) factors_[s].reserve(samples, stage.outputs);
        if (stage.kind == StageKind::batch_norm) normal_[statistics_[s]].reserve(norm_rows, stage.outputs);
        if (!stage.learns()) continue;
        if (gradients) gradients_[own_[s]].reserve(stage.weight_rows() + 1, stage.outputs);
        if (stage.dense()) penalties_[own_[s]].reserve(penalty_terms(stage));
        if (gradients) squares_[own_[s]].reserve(penalty_terms(stage) + 1);
    }
    reserve_transposed();
    scratch_stride_ = kernels.scratch;
    scratch_.reserve(threads * scratch_stride_);
}

template <class T> std::vector<Parameters<T>> Network<T>::stored_gradients() const {
    std::vector<Parameters<T>> views;
    for (std::size_t s = 0; s < stages_.size(); ++s)
        if (stages_[s].learns()) {
            const auto& matrix = gradients_[own_[s]];
            views.push_back({matrix.rows(), matrix.row(stages_[s].weight_rows())});
        }
    return views;
}

template <class T>
void Network<T>::forward(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Range rows,
                         const StepKey& draws, const Stop& stop) {
    for (std::size_t s = 0; s < stages_.size() && !(stop && stop()); ++s)
        forward(kernels, team, s, x, {rows, {0, stages_[s].outputs}}, draws);
}

template <class T>
void Network<T>::forward_together(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x,
                                  Index samples, Range mine, const StepKey& draws, const Stop& stop) {
    bool own_rows = true; // whether what a thread needs next, it has made itself
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        own_rows = divide<T>(team, division_of(stages_[s].kind), samples, stages_[s].outputs, mine, own_rows,
                             stop, [&](Block y) { forward(kernels, team, s, x, y, draws); });
    }
    if (!own_rows) team.barrier();
}

template <class T>
void Network<T>::backward(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x, Range rows,
                          const StepKey& draws, const Stop& stop) {
    backward_top(kernels, rows);
    for (std::size_t s = stages_.size() - 1; s > first_learner_ && !(stop && stop()); --s)
        backward(kernels, team, s, x, {rows, {0, stages_[s].inputs}}, draws);
}

template <class T>
void Network<T>::backward_together(const Kernels<T>& kernels, const Team& team, MatrixView<const T> x,
                                   Index samples, Range mine, const StepKey& draws, const Stop& stop) {
    backward_top(kernels, mine);
    bool own_rows = true; // whether what a thread needs next, it has made itself
    for (std::size_t s = stages_.size() - 1; s + 1 > first_learner_; --s) {
        // The first learner has nothing below it to tell, but a batch_norm its own sums to make.
        if (s == first_learner_ && stages_[s].kind != StageKind::batch_norm) break;
        own_rows = divide<T>(team, division_of(stages_[s].kind), samples, stages_[s].inputs, mine, own_rows,
                             stop, [&](Block dx) { backward(kernels, team, s, x, dx, draws); });
    }
}

template <class T> bool Network<T>::together(const Team& team, Index samples) const {
    return !running_.empty() || (team.size > 1 && samples <= tall_batch);
}

template Part part_of<float>(Index, Index, const Team&);
template Part part_of<double>(Index, Index, const Team&);
template class Network<float>;
template class Network<double>;

} // namespace steepest
