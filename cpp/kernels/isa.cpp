// The kernels of one instruction set. Compiled once for each, with its flags and STEEPEST_ISA_<NAME>.
#include "loss.hpp"
#include "row_product.hpp"
#include "weight_gradient.hpp"

namespace steepest {
namespace {

template <class T>
constexpr Kernels<T> kernels = {lanes<T>,
                                scratch_elements<T>,
                                forward<T>,
                                forward_transposed<T>,
                                forward_shallow<T>,
                                transpose<T>,
                                input_gradient<T>,
                                weight_gradient<T>,
                                column_sums<T>,
                                update<T>,
                                average<T>,
                                loss<T>,
                                softmax<T>,
                                apply<T>,
                                activate<T>,
                                activation_gradient<T>,
                                penalty<T>,
                                all_finite<T>,
                                multiply_add_loop<T>,
                                read_loop<T>};

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
