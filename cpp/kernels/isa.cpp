// Compute: the kernels of one instruction set. Compiled once for each, with its flags and
// STEEPEST_ISA_<NAME>.
#include "kernels/gemm/curves.hpp"
#include "kernels/gemm/row_product.hpp"
#include "kernels/gemm/sparse_rows.hpp"
#include "kernels/gemm/weight_gradient.hpp"
#include "kernels/losses/target_dual_steps.hpp"
#include "kernels/machine.hpp"
#include "kernels/rows/dropout.hpp"
#include "kernels/rows/maxout.hpp"
#include "kernels/rows/normalization.hpp"
#include "kernels/rows/norms.hpp"
#include "kernels/rows/periodic.hpp"
#include "kernels/table.hpp"

#ifdef STEEPEST_CHECKED
#include "kernels/checked.hpp"
#define STEEPEST_KERNEL(name) .name = Checked<decltype(Kernels<T>::name), name<T>, check_##name<T>>::call,
#else
#define STEEPEST_KERNEL(name) .name = name<T>,
#endif

namespace steepest {
namespace {

template <class T>
constexpr Kernels<T> kernels = {
    .lanes = lanes<T>, .scratch = scratch_elements<T>, STEEPEST_KERNELS(STEEPEST_KERNEL)};

// A kernel without a name in the list would be null.
#define STEEPEST_COUNT(name) +1
static_assert(sizeof(Kernels<float>) ==
              2 * sizeof(Index) + (STEEPEST_KERNELS(STEEPEST_COUNT)) * sizeof(void (*)()));

#if defined(STEEPEST_ISA_AVX512)
#define STEEPEST_GETTER steepest_kernels_avx512
constexpr const char* name = "avx512";
#elif defined(STEEPEST_ISA_AVX2)
#define STEEPEST_GETTER steepest_kernels_avx2
constexpr const char* name = "avx2";
#elif defined(STEEPEST_ISA_NEON)
#define STEEPEST_GETTER steepest_kernels_neon
constexpr const char* name = "neon";
#elif defined(STEEPEST_ISA_SSE2)
#define STEEPEST_GETTER steepest_kernels_sse2
constexpr const char* name = "sse2";
#endif

constexpr KernelTable table = {.name = name,
                               .f32 = kernels<float>,
                               .f64 = kernels<double>,
                               .activations = activations_of(Activations{}),
                               .losses = losses_of(Losses{}),
                               .rules = rules_of(Rules{})};

} // namespace
} // namespace steepest

extern "C" const steepest::KernelTable* STEEPEST_GETTER() { return &steepest::table; }
