// The kernels of one instruction set. Compiled once for each, with its flags and STEEPEST_ISA_<NAME>.
#include "limits.hpp"
#include "loss.hpp"
#include "row_product.hpp"
#include "sparse.hpp"
#include "stages.hpp"
#include "weight_gradient.hpp"

namespace steepest {
namespace {

// clang-format off: one a line
template <class T>
constexpr Kernels<T> kernels = {lanes<T>,
                                scratch_elements<T>,
                                forward<T>,
                                forward_transposed<T>,
                                forward_shallow<T>,
                                transpose<T>,
                                input_gradient<T>,
                                weight_gradient<T>,
                                combine<T>,
                                column_sums<T>,
                                update<T>,
                                average<T>,
                                loss<T>,
                                softmax<T>,
                                apply<T>,
                                activate<T>,
                                activation_gradient<T>,
                                penalty<T>,
                                squares<T>,
                                constrain<T>,
                                all_finite<T>,
                                dropout_factors<T>,
                                multiply_rows<T>,
                                add_scaled<T>,
                                max_pieces<T>,
                                max_pieces_gradient<T>,
                                moments<T>,
                                standardise<T>,
                                moment_gradients<T>,
                                standardise_gradient<T>,
                                multiply_add_loop<T>,
                                read_loop<T>};
// clang-format on

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

constexpr KernelTable table = {name, kernels<float>, kernels<double>};

} // namespace
} // namespace steepest

extern "C" const steepest::KernelTable* STEEPEST_GETTER() { return &steepest::table; }
