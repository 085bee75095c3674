// Check: what a build with STEEPEST_CHECKED does when a view is left.
#include "base/types.hpp"

#ifdef STEEPEST_CHECKED
#include <cstdio>
#include <cstdlib>

extern "C" void steepest_check(const char* what, std::ptrdiff_t begin, std::ptrdiff_t end,
                               std::ptrdiff_t limit, const char* file, int line) {
    if (0 <= begin && begin <= end && end <= limit) return;
    std::fprintf(stderr, "%s:%d: %s: %td to %td, but there are %td\n", file, line, what, begin, end, limit);
    std::abort();
}
#endif
