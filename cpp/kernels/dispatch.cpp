#include "kernels/dispatch.hpp"

#include <stdexcept>

namespace steepest {
namespace {

#if defined(__x86_64__)
// __builtin_cpu_supports asks the operating system too: registers it does not save cannot be used.
bool runs(const std::string& name) {
    if (name == "avx512")
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
    if (name == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return true;
}
#else
bool runs(const std::string&) { return true; }
#endif

std::string names(const std::vector<const KernelTable*>& tables) {
    std::string text;
    for (const auto* table : tables) text += (text.empty() ? "" : ", ") + std::string(table->name);
    return text;
}

} // namespace

const std::vector<const KernelTable*>& built_kernels() {
    static const std::vector<const KernelTable*> tables = {
#if defined(__x86_64__)
        steepest_kernels_avx512(), steepest_kernels_avx2(), steepest_kernels_sse2()
#elif defined(__aarch64__)
        steepest_kernels_neon()
#else
#error "steepest has kernels for x86-64 and arm64"
#endif
    };
    return tables;
}

const std::vector<const KernelTable*>& available_kernels() {
    static const std::vector<const KernelTable*> tables = [] {
        std::vector<const KernelTable*> found;
        for (const auto* table : built_kernels())
            if (runs(table->name)) found.push_back(table);
        return found;
    }();
    return tables;
}

const KernelTable& choose_kernels(const std::string& name) {
    if (name.empty()) return *available_kernels().front();
    for (const auto* table : available_kernels())
        if (name == table->name) return *table;
    throw std::invalid_argument("instruction set '" + name + "' cannot run here; available are " +
                                names(available_kernels()));
}

} // namespace steepest
