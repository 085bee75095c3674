// Compute: Philox 4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1,
// 2, 3", SC 2011): a draw is a pure function of its counter and key, so that threads never change it.
#pragma once

#include "base/types.hpp"

#include <array>
#include <utility>

namespace steepest {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// Four draws of 32 bits. Every thread.
[[nodiscard]] inline PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t(0xD2511F53) * counter[0];
        const std::uint64_t b = std::uint64_t(0xCD9E8D57) * counter[2];
        counter = {std::uint32_t(b >> 32) ^ counter[1] ^ key[0], std::uint32_t(b),
                   std::uint32_t(a >> 32) ^ counter[3] ^ key[1], std::uint32_t(a)};
        key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
    }
    return counter;
}

// order = a random permutation of 0..n-1 by Fisher-Yates, drawn for (seed, epoch modulo 2^32). The bias of
// taking the high half of draw * (i + 1) is below n / 2^64. One thread.
template <class I> void shuffle(I* order, Index n, std::uint64_t seed, std::uint64_t epoch) {
    constexpr std::uint32_t stream = 0x73687566; // "shuf": other uses of the generator take other streams
    const PhiloxKey key = {std::uint32_t(seed), std::uint32_t(seed >> 32)};
    for (Index i = 0; i < n; ++i) order[i] = I(i);
    for (Index i = n - 1; i > 0; --i) {
        const auto word = philox(
            {std::uint32_t(i), std::uint32_t(std::uint64_t(i) >> 32), std::uint32_t(epoch), stream}, key);
        const std::uint64_t draw = word[0] | std::uint64_t(word[1]) << 32;
        const auto j = Index((static_cast<unsigned __int128>(draw) * std::uint64_t(i + 1)) >> 64);
        std::swap(order[i], order[j]);
    }
}

} // namespace steepest
