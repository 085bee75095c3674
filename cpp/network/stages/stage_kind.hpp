// Plan: what tells one kind of stage from another, and the registry in which a name finds it. Registered
// before main(), read by every thread.
#pragma once

#include "network/partition.hpp"
#include "network/stage.hpp"

#include <string_view>
#include <vector>

namespace steepest {

template <class T> class StageType;

// The weight of a stage: none, one row of a number for each output, as many rows as the stage says of a
// number for each input, or a matrix (inputs, outputs).
enum class Weight { none, row, rows, matrix };

// Whether a stage opens a residual block, or closes it.
enum class Residual { none, split, add };

// Whether a stage has as many outputs as inputs: all that most kinds ask for.
inline bool keeps_width(const Stage& s) { return s.inputs == s.outputs; }

// The traits of a kind, and what computes it in each type.
struct StageKind {
    const char* name;
    Weight weight = Weight::none; // with a bias of one number for each output, which is optional for a matrix
    bool has_bias = true;         // beside weight rows
    Index running_rows = 0;       // of its running statistics, which training updates and inference reads
    Division division = Division::blocks;
    Residual residual = Residual::none;
    bool keeps_input = false; // its activation's input is stored, so that it may be one that reads_input()
    bool always_backward = false;             // its backward pass makes sums that its update needs
    bool (*fits)(const Stage&) = keeps_width; // whether its sizes and numbers can be
    const StageType<float>* f32 = nullptr;
    const StageType<double>* f64 = nullptr;

    [[nodiscard]] bool has_parameters() const { return weight != Weight::none; }
    [[nodiscard]] bool has_statistics() const { return running_rows > 0; }
    template <class T> [[nodiscard]] const StageType<T>& type() const;
};
template <> inline const StageType<float>& StageKind::type() const { return *f32; }
template <> inline const StageType<double>& StageKind::type() const { return *f64; }

inline bool Stage::is_dense() const { return kind->weight == Weight::matrix; }
inline bool Stage::has_parameters() const { return kind->has_parameters(); }

// The kind of a name. Throws std::invalid_argument for one that is unknown. The caller's thread alone.
[[nodiscard]] const StageKind& stage_kind(std::string_view name);

// Adds a kind, before main(); the kind must outlive the program's last network.
void register_stage_kind(const StageKind& kind);

} // namespace steepest
