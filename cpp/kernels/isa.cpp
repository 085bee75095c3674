// The kernels of one instruction set. Compiled once for each, with its flags and STEEPEST_ISA_<NAME>.
#include "kernels/gemm/row_product.hpp"
#include "kernels/gemm/sparse_rows.hpp"
#include "kernels/gemm/weight_gradient.hpp"
#include "kernels/losses/label_losses.hpp"
#include "kernels/rows/norms.hpp"
#include "kernels/rows/stages.hpp"

#ifdef STEEPEST_CHECKED
#include "kernels/checked.hpp"
#define STEEPEST_KERNEL(name) checked_##name<T>
#else
#define STEEPEST_KERNEL(name) name<T>
#endif

namespace steepest {
namespace {

// clang-format off: one a line
template <class T>
constexpr Kernels<T> kernels = {lanes<T>,
                                scratch_elements<T>,
                                STEEPEST_KERNEL(forward),
                                STEEPEST_KERNEL(forward_transposed),
                                STEEPEST_KERNEL(forward_shallow),
                                STEEPEST_KERNEL(transpose),
                                STEEPEST_KERNEL(input_gradient),
                                STEEPEST_KERNEL(weight_gradient),
                                STEEPEST_KERNEL(sparse_row_product),
                                STEEPEST_KERNEL(column_sums),
                                STEEPEST_KERNEL(update),
                                STEEPEST_KERNEL(average),
                                STEEPEST_KERNEL(loss),
                                STEEPEST_KERNEL(softmax),
                                STEEPEST_KERNEL(apply),
                                STEEPEST_KERNEL(activate),
                                STEEPEST_KERNEL(activation_gradient),
                                STEEPEST_KERNEL(penalty),
                                STEEPEST_KERNEL(squares),
                                STEEPEST_KERNEL(constrain),
                                STEEPEST_KERNEL(all_finite),
                                STEEPEST_KERNEL(dropout_factors),
                                STEEPEST_KERNEL(multiply_rows),
                                STEEPEST_KERNEL(add_scaled),
                                STEEPEST_KERNEL(maxout),
                                STEEPEST_KERNEL(maxout_gradient),
                                STEEPEST_KERNEL(moments),
                                STEEPEST_KERNEL(standardize),
                                STEEPEST_KERNEL(moment_gradients),
                                STEEPEST_KERNEL(standardise_gradient),
                                multiply_add_loop<T>,
                                STEEPEST_KERNEL(read_loop)};
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
