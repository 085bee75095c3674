// The order in which an epoch visits its samples: all that a fit keeps for each of them.
#pragma once

#include "buffer.hpp"
#include "random.hpp"

#include <limits>

namespace steepest {

class Order {
  public:
    // As they come, for which nothing is kept.
    void in_sequence() { shuffled_ = false; }

    // A shuffle, in 4 bytes a sample for up to 2^32 of them. Throws std::bad_alloc.
    void reserve(Index samples) {
        wide_ = samples > Index(std::numeric_limits<std::uint32_t>::max()) + 1;
        wide_ ? long_.reserve(samples) : short_.reserve(samples);
    }
    void shuffle(Index samples, std::uint64_t seed, std::uint64_t epoch) {
        shuffled_ = true;
        wide_ ? steepest::shuffle(long_.data(), samples, seed, epoch)
              : steepest::shuffle(short_.data(), samples, seed, epoch);
    }

    Index operator[](Index i) const {
        return !shuffled_ ? i : wide_ ? long_.data()[i] : Index(short_.data()[i]);
    }

  private:
    bool shuffled_ = false, wide_ = false;
    Buffer<std::uint32_t> short_;
    Buffer<Index> long_;
};

} // namespace steepest
