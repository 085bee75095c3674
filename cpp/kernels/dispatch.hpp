// Plan: which kernels run: an ordered list of tables, and the processor's word on each.
#pragma once

#include "kernels/table.hpp"

#include <string>
#include <vector>

namespace steepest {

// Every table in this build, best first.
const std::vector<const KernelTable*>& built_kernels();

// Those of them that this processor and operating system can run, best first; never empty.
const std::vector<const KernelTable*>& available_kernels();

// The named table, or the best for an empty name. Throws std::invalid_argument for one that cannot run.
const KernelTable& choose_kernels(const std::string& name);

// What the kernels know of activations, losses and optimizer rules, which have their names from there alone.
// Throw std::invalid_argument for a name that is none of theirs.
Activation activation_named(const std::string& name);
LossKind loss_named(const std::string& name); // or `custom`
Rule rule_named(const std::string& name);
const ActivationTraits& traits_of(Activation);
const LossTraits& traits_of(LossKind); // of one that a kernel knows
const OptimizerTraits& traits_of(Rule);

// Whether an activation's derivative comes from its input, not its output: then no sum is kept for it, and it
// can only be that of a stage whose input is.
inline bool reads_input(Activation activation) { return traits_of(activation).reads_input; }

template <class T> const Kernels<T>& kernels_of(const KernelTable& table);
template <> inline const Kernels<float>& kernels_of(const KernelTable& table) { return table.f32; }
template <> inline const Kernels<double>& kernels_of(const KernelTable& table) { return table.f64; }

} // namespace steepest
