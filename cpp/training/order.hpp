// Compute: the order in which an epoch visits its samples: all that a fit keeps for each of them.
#pragma once

#include "base/buffer.hpp"
#include "base/random.hpp"

#include <limits>

namespace steepest {

// One thread sets it while the others wait; then every thread reads it.
class Order {
  public:
    // As they come, for which nothing is kept.
    void in_sequence() { shuffled_ = false, given_ = nullptr; }

    // As the caller's array says.
    void as_given(const std::int64_t* order) { given_ = order; }

    // A shuffle, in 4 bytes a sample for up to 2^32 of them. Throws std::bad_alloc.
    void reserve(Index samples) {
        if (samples != samples_) samples_ = -1; // what was there is lost
        wide_ = samples > Index(std::numeric_limits<std::uint32_t>::max()) + 1;
        wide_ ? long_.reserve(samples) : short_.reserve(samples);
    }
    // The same one is made only once: an epoch may be run in many parts.
    void shuffle(Index samples, std::uint64_t seed, std::uint64_t epoch) {
        shuffled_ = true;
        if (samples == samples_ && seed == seed_ && epoch == epoch_) return;
        samples_ = samples, seed_ = seed, epoch_ = epoch;
        wide_ ? steepest::shuffle(long_.data(), samples, seed, epoch)
              : steepest::shuffle(short_.data(), samples, seed, epoch);
    }

    // The sample at a place.
    [[nodiscard]] Index operator[](Index i) const {
        if (given_) return Index(given_[i]);
        return !shuffled_ ? i : wide_ ? long_.data()[i] : Index(short_.data()[i]);
    }

  private:
    const std::int64_t* given_ = nullptr;
    bool shuffled_ = false, wide_ = false;
    Index samples_ = -1; // what was shuffled last, and by which keys
    std::uint64_t seed_ = 0, epoch_ = 0;
    Buffer<std::uint32_t> short_;
    Buffer<Index> long_;
};

} // namespace steepest
