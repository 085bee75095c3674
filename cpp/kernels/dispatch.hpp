// Which kernels run: an ordered list of tables, and the processor's word on each.
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

template <class T> const Kernels<T>& kernels_of(const KernelTable& table);
template <> inline const Kernels<float>& kernels_of(const KernelTable& table) { return table.f32; }
template <> inline const Kernels<double>& kernels_of(const KernelTable& table) { return table.f64; }

} // namespace steepest
