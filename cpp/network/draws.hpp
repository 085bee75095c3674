// Plan: which random numbers the stages of a step draw. Pure functions of keys, which every thread may call.
#pragma once

#include "base/random.hpp"
#include "network/stage.hpp"

namespace steepest {

// The draws of one training step.
struct StepKey {
    std::uint64_t seed = 0, step = 0;

    // Four numbers for a stage's layer.
    [[nodiscard]] PhiloxCounter words(std::uint32_t stream, const Stage& stage) const {
        return philox({0, std::uint32_t(step >> 32), std::uint32_t(step), stream + stage.number},
                      {std::uint32_t(seed), std::uint32_t(seed >> 32)});
    }
};

// Other uses of the generator take other streams (random.hpp), and a layer its number beyond its stream's.
constexpr std::uint32_t dropout_stream = 0x64000000, residual_stream = 0x6a000000, pool_stream = 0x70000000;

// Draws of 32 bits below it come with the probability `rate`, in [0, 1].
[[nodiscard]] inline std::uint64_t threshold_of(double rate) { return std::uint64_t(rate * 4294967296.0); }

} // namespace steepest
