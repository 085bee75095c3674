// Compute: sparse samples: rows of a matrix in compressed form, and what a mini-batch of them has of each
// feature.
#pragma once

#include "base/buffer.hpp"
#include "base/types.hpp"
#include "network/partition.hpp"

#include <algorithm>
#include <vector>

namespace steepest {

// Some entries of a row or of a column: values at places.
template <class T> struct Entries {
    const T* values;
    const std::int32_t* places;
    Index count;
};

// Row i holds values[k] in columns[k], ascending, for k in begin[i] ... begin[i + 1] - 1. No begin: none.
template <class T> struct Csr {
    const std::int64_t* begin = nullptr;
    const std::int32_t* columns = nullptr;
    const T* values = nullptr;
    explicit operator bool() const { return begin; }
    // Every thread.
    [[nodiscard]] Index length(Index row) const { return Index(begin[row + 1] - begin[row]); }
    [[nodiscard]] Entries<T> row(Index i) const { return {values + begin[i], columns + begin[i], length(i)}; }
};

// Every share takes its samples and, behind a barrier, transposes its features.
template <class T> class SparseBatch {
  public:
    // Room for a batch of `size` of the samples with at most so many entries, in which each of `shares`
    // has a part of the features. Throws std::bad_alloc. The caller alone.
    void reserve(const Csr<T>& csr, Index size, Index entries, Index features, Index outputs, int shares) {
        csr_ = csr, taken_ = true;
        rows_.reserve(size);
        places_.reserve(entries), values_.reserve(entries);
        parts_.resize(std::size_t(shares));
        for (auto& part : parts_) part.gradient.reserve(term_rows * outputs);
        starts_.reserve(features + Index(2) * shares);
    }

    // All samples as they come, to predict from. The caller alone.
    void read(const Csr<T>& csr) { csr_ = csr, taken_ = false; }

    // Sample `sample` is the batch's number `place`. Every share, its places.
    void take(Index place, Index sample) { rows_.data()[place] = sample; }

    // The sample at a place. Every thread.
    [[nodiscard]] Entries<T> row(Index place) const { return csr_.row(taken_ ? rows_.data()[place] : place); }

    // Of the features [first, last), in the order of the batch's `size` samples: counted, then placed behind
    // the entries of all features before, which other shares place. Every share, the features of its rank.
    void transpose(int rank, Index first, Index last, Index size) {
        Index* const starts = parts_[std::size_t(rank)].starts = starts_.data() + first + Index(2) * rank;
        std::fill_n(starts, last - first + 2, 0);
        visit(
            first, last, size, [&](Index, std::int32_t feature, T) { ++starts[feature - first + 2]; },
            &starts[1]);
        starts[0] = starts[1];
        for (Index f = 2; f < last - first + 2; ++f) starts[f] += starts[f - 1];
        visit(first, last, size, [&](Index place, std::int32_t feature, T value) {
            const Index to = starts[feature - first + 1]++;
            places_.data()[to] = std::int32_t(place), values_.data()[to] = value;
        });
    }

    // The entries of feature first + f, after transpose(). The share of that rank.
    [[nodiscard]] Entries<T> column(int rank, Index f) const {
        const Index* const starts = parts_[std::size_t(rank)].starts;
        return {values_.data() + starts[f], places_.data() + starts[f], starts[f + 1] - starts[f]};
    }

    // Room for the gradients of the features of one term of a penalty. The share of that rank.
    [[nodiscard]] T* gradient(int rank) const { return parts_[std::size_t(rank)].gradient.data(); }

  private:
    struct Part {
        Index* starts = nullptr; // of each feature's entries, of which there may be more than 2^31
        Buffer<T> gradient;
    };

    // Entries of features before the first are added up in `before`.
    template <class Visit>
    void visit(Index first, Index last, Index size, Visit entry, Index* before = nullptr) const {
        for (Index place = 0; place < size; ++place) {
            const Entries<T> own = row(place);
            const std::int32_t* const end = own.places + own.count;
            const std::int32_t* column = std::lower_bound(own.places, end, std::int32_t(first));
            if (before) *before += column - own.places;
            for (; column != end && *column < last; ++column)
                entry(place, *column, own.values[column - own.places]);
        }
    }

    Csr<T> csr_;
    bool taken_ = false; // whether rows_ has the samples of each place
    Buffer<Index> rows_;
    std::vector<Part> parts_;
    Buffer<Index> starts_; // those of all shares, each with two more
    Buffer<std::int32_t> places_;
    Buffer<T> values_;
};

} // namespace steepest
