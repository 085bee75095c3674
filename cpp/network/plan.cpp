// Plan: a model's stages, checked and numbered, and how much work they are.
#include "network/plan.hpp"

#include "kernels/dispatch.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace steepest {
namespace {

bool fits(const Stage& s) {
    if (!s.kind || s.inputs < 1 || s.outputs < 1 || !(s.rate >= 0 && s.rate <= 1)) return false;
    if (reads_input(s.activation) && !s.kind->keeps_input) return false;
    if ((s.ramp_columns > 0) != (s.kind->name == std::string_view("ramps"))) return false;
    if ((s.rows > 0) != (s.kind->weight == Weight::rows)) return false;
    if (s.column_count > 0 && s.rows == 0) return false;
    for (Index c = 0; c < s.column_count; ++c)
        if (s.columns[c] <= (c ? s.columns[c - 1] : -1) || s.columns[c] >= s.inputs) return false;
    return s.kind->fits(s);
}

void require_fit(const std::vector<Stage>& stages) {
    for (std::size_t s = 0; s < stages.size(); ++s) {
        const Stage& stage = stages[s];
        if (!fits(stage) || (s && (stage.inputs != stages[s - 1].outputs || stage.ramp_columns > 0)))
            throw std::invalid_argument("stage " + std::to_string(s) + " takes " +
                                        std::to_string(stage.inputs) + " columns and gives " +
                                        std::to_string(stage.outputs) +
                                        ": that does not fit its kind, its activation or the stage before");
    }
}

// How deep residual blocks lie inside each other; -1 if one does not end with the stage that is its partner,
// or another than its own.
Index nesting_of(const std::vector<Stage>& stages) {
    std::vector<Index> open;
    std::size_t deepest = 0;
    for (Index s = 0; s < Index(stages.size()); ++s) {
        const Stage& stage = stages[std::size_t(s)];
        if (stage.kind->residual == Residual::split) open.push_back(s);
        deepest = std::max(deepest, open.size());
        if (stage.kind->residual != Residual::add) continue;
        if (open.empty() || stage.partner != open.back()) return -1;
        const Stage& split = stages[std::size_t(open.back())];
        if (split.partner != s || split.outputs != stage.inputs) return -1;
        open.pop_back();
    }
    return open.empty() ? Index(deepest) : -1;
}

} // namespace

Plan::Plan(std::vector<Stage> stages, std::size_t parameter_sets, std::size_t statistics_sets)
    : stages_(std::move(stages)) {
    require_fit(stages_);
    nesting_ = nesting_of(stages_);
    if (nesting_ < 0)
        throw std::invalid_argument("the ends of residual blocks are not each other's partners");
    number_stages();
    if (parametric_ == 0) throw std::invalid_argument("a network needs a stage with parameters");
    if (parametric_ != parameter_sets || with_statistics_ != statistics_sets)
        throw std::invalid_argument("one set of parameters for each stage that has some");
}

void Plan::number_stages() {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        const StageKind& kind = *stages_[s].kind;
        parameter_index_.push_back(parametric_);
        statistics_index_.push_back(with_statistics_);
        if (kind.has_parameters() && parametric_++ == 0) first_parametric_ = s;
        with_statistics_ += kind.has_statistics();
        widest_ = std::max(widest_, stages_[s].outputs);
        needs_whole_batch_ |= kind.division == Division::columns;
    }
    has_few_weights_ = forward_work(1) <= few_weights;
}

double Plan::forward_work(Index samples) const {
    double work = 0;
    for (const Stage& stage : stages_) work += double(stage.weight_rows()) * double(stage.weight_columns());
    return work * double(samples);
}

double Plan::step_work(Index samples) const {
    constexpr double of_output = 32;         // its activation, and what it is masked by on the way back
    double work = 2 * forward_work(samples); // forward and weight gradients
    for (std::size_t s = 0; s < stages_.size(); ++s) {
        const bool has_below = s > first_parametric_ && stages_[s].is_dense();
        work += (of_output + (has_below ? double(stages_[s].inputs) : 0)) * double(stages_[s].outputs) *
                double(samples);
    }
    return work;
}

double Plan::step_time(Index samples) const {
    constexpr Index least_outputs = 64;
    double time = 0;
    for (const Stage& stage : stages_)
        if (stage.is_dense())
            time += 3 * double(stage.inputs) * double(std::max(stage.outputs, least_outputs));
    return time * double(samples);
}

double Plan::total_time(Index samples) const {
    constexpr double others = 20; // a number takes up to an exponential, there and back
    double numbers = 0;
    for (const Stage& stage : stages_)
        if (!stage.is_dense()) numbers += double(stage.weight_rows()) * double(stage.inputs);
    return step_time(samples) + others * numbers * double(samples);
}

} // namespace steepest
