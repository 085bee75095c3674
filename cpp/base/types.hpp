// Plan: plain data shared by the core and its kernels. No functions here: this header is compiled for every
// instruction set, and an inline function could be linked from the wrong one.
#pragma once

#include <cstddef>
#include <cstdint>

// In a checked build (CMake's STEEPEST_CHECKED) views know their extents, and what leaves them ends the
// program with a message: 0 <= begin <= end <= limit must hold. Otherwise nothing of this is compiled.
#ifdef STEEPEST_CHECKED
extern "C" void steepest_check(const char* what, std::ptrdiff_t begin, std::ptrdiff_t end,
                               std::ptrdiff_t limit, const char* file, int line);
#define STEEPEST_CHECK(what, begin, end, limit) steepest_check(what, begin, end, limit, file, line)
// One more parameter of a function that checks: where it was called.
#define STEEPEST_CALLER , const char *file = __builtin_FILE(), int line = __builtin_LINE()
#else
#define STEEPEST_CHECK(what, begin, end, limit) void()
#define STEEPEST_CALLER
#endif

namespace steepest {

using Index = std::ptrdiff_t;

// Rows a multiple of so many bytes apart fall into the same sets of an 8-way 32 KiB cache and evict each
// other.
constexpr Index aliasing_stride = 2048;

// Rows of a row-major matrix: element (i, j) is data[i * stride + j].
template <class T> struct MatrixView {
    T* data;
    Index stride;
#ifdef STEEPEST_CHECKED
    static constexpr Index unbounded = PTRDIFF_MAX;
    Index rows = unbounded, columns = unbounded; // that there are, from data on
#endif
};

} // namespace steepest
