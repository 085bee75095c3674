// Which kernels run, and what is said of those that cannot.
#include "tests/support.hpp"

#include <algorithm>

namespace steepest::tests {
namespace {

template <class Tables> bool has(const Tables& tables, const KernelTable* table) {
    return std::find(tables.begin(), tables.end(), table) != tables.end();
}

void check_tables() {
    check(!available_kernels().empty() && &choose_kernels("") == &best(), "no name is the best");
    for (const auto* table : available_kernels())
        check(&choose_kernels(table->name) == table && has(built_kernels(), table),
              std::string("its name finds ") + table->name);
    for (const auto* table : built_kernels()) {
        if (has(available_kernels(), table)) continue;
        const std::string error = error_of([&] { choose_kernels(table->name); });
        check(error.find("cannot run here") != std::string::npos,
              std::string("the processor lacks ") + table->name);
    }
}

void check_errors() {
    for (const char* name : {"avx1024", "AVX2", "avx2 ", "none"}) {
        const std::string error = error_of([&] { choose_kernels(name); });
        check(error.find("instruction set '" + std::string(name) + "' cannot run here") == 0 &&
                  error.find(best().name) != std::string::npos,
              "an instruction set that is none: " + error);
    }
    check(error_of([] { activation_named("step"); }).find("'step'") != std::string::npos,
          "an unknown activation is named");
    check(error_of([] { loss_named("zero_one"); }).find("'zero_one'") != std::string::npos,
          "an unknown loss is named");
    check(error_of([] { rule_named("newton"); }).find("'newton'") != std::string::npos,
          "an unknown rule is named");
}

const Concern dispatch{"dispatch", [] { check_tables(), check_errors(); }};

} // namespace
} // namespace steepest::tests
