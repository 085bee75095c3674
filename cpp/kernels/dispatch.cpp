// Plan: the tables of this build, those that can run, and what their lists tell.
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

// Of the lists, which are the same in all tables.
const KernelTable& lists() {
    static const KernelTable& table = *available_kernels().front();
    return table;
}

// The place of a name in a list.
template <class Traits> int place_of(const std::string& name, const List<Traits>& list, const char* what) {
    for (int i = 0; i < list.count; ++i)
        if (name == list.data[i].name) return i;
    throw std::invalid_argument("unknown " + std::string(what) + " '" + name + "'");
}

} // namespace

const std::vector<const KernelTable*>& built_kernels() {
    static const std::vector<const KernelTable*> tables = {
#if defined(__x86_64__)
#ifdef STEEPEST_AVX512
        steepest_kernels_avx512(),
#endif
        steepest_kernels_avx2(), steepest_kernels_sse2()
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

Activation activation_named(const std::string& name) {
    return Activation(place_of(name, lists().activations, "activation"));
}

LossKind loss_named(const std::string& name) {
    return name == "custom" ? LossKind::custom : LossKind(place_of(name, lists().losses, "loss"));
}

Rule rule_named(const std::string& name) { return Rule(place_of(name, lists().rules, "rule")); }

const ActivationTraits& traits_of(Activation activation) { return lists().activations.data[int(activation)]; }

const LossTraits& traits_of(LossKind kind) { return lists().losses.data[int(kind)]; }

const OptimizerTraits& traits_of(Rule rule) { return lists().rules.data[int(rule)]; }

} // namespace steepest
