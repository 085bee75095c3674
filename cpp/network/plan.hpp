// Plan: a model's stages, checked and numbered, and how much work they are. Immutable: every thread may call
// all of it.
#pragma once

#include "network/stages/stage_kind.hpp"

#include <vector>

namespace steepest {

// Samples beyond which outputs leave the cache before the next stage reads them.
constexpr Index tall_batch = 512;
// Up to so many weights, to fetch them from the core that has updated them is cheaper than to meet at every
// stage, if each share has so many samples. On two threads of an Emerald Rapids a step of 32 x 784-64-10 with
// Adam takes 133 us by rows and 175 by columns, 200 x 20-50-50-50-2 109 and 135; but 128 x 784-512-256-10
// takes 9 % longer by rows.
constexpr double few_weights = 150e3;
constexpr Index least_samples = 4;

class Plan {
  public:
    // Throws std::invalid_argument for stages that do not fit each other, for residual blocks that do not lie
    // inside each other, for a network without parameters, or for a wrong number of sets of parameters or of
    // running statistics; it names the stage.
    Plan(std::vector<Stage> stages, std::size_t parameter_sets, std::size_t statistics_sets);

    [[nodiscard]] std::size_t size() const { return stages_.size(); }
    [[nodiscard]] const Stage& operator[](std::size_t s) const { return stages_[s]; }
    [[nodiscard]] const std::vector<Stage>& stages() const { return stages_; }
    [[nodiscard]] Index inputs() const { return stages_.front().read_columns(); } // columns of samples
    [[nodiscard]] Index outputs() const { return stages_.back().outputs; }
    [[nodiscard]] Index widest() const { return widest_; } // of the stages' outputs

    // Which of the sets of parameters, and of running statistics, is that of a stage that has some.
    [[nodiscard]] std::size_t parameter_index(std::size_t s) const { return parameter_index_[s]; }
    [[nodiscard]] std::size_t statistics_index(std::size_t s) const { return statistics_index_[s]; }
    // The first stage that has parameters: below it, nothing needs a gradient.
    [[nodiscard]] std::size_t first_parametric() const { return first_parametric_; }
    // How deep residual blocks lie inside each other.
    [[nodiscard]] Index nesting() const { return nesting_; }
    // Whether shares split the columns of a batch, not its rows: not if it is so tall that its own outputs
    // would leave the cache, or the weights are few, unless a stage needs all samples at once.
    [[nodiscard]] bool splits_columns(int shares, Index samples) const {
        return needs_whole_batch_ || (shares > 1 && samples <= tall_batch &&
                                      !(has_few_weights_ && samples >= shares * least_samples));
    }

    // Multiply-adds of so many samples: of the forward pass, and of a training step.
    [[nodiscard]] double forward_work(Index samples) const;
    [[nodiscard]] double step_work(Index samples) const;
    // Of a step's three products, in multiply-adds that cost as much: stages of few outputs do not go faster.
    [[nodiscard]] double step_time(Index samples) const;
    // The same with the stages that are no products, roughly.
    [[nodiscard]] double total_time(Index samples) const;

  private:
    // Counts stages that have parameters or statistics.
    void number_stages();

    std::vector<Stage> stages_;
    std::vector<std::size_t> parameter_index_, statistics_index_;
    std::size_t first_parametric_ = 0, parametric_ = 0, with_statistics_ = 0;
    Index nesting_ = 0, widest_ = 1;
    bool needs_whole_batch_ = false, has_few_weights_ = false;
};

} // namespace steepest
