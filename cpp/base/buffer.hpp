// Compute: memory of the core: aligned to cache lines, not initialized, reused from call to call.
#pragma once

#include "base/types.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace steepest {

constexpr std::size_t cache_line = 64;

// Elements, of which every thread may read and write its own; one reserves while no other looks.
template <class T> class Buffer {
  public:
    // The first element; null before reserve().
    [[nodiscard]] T* data() const { return memory_.get(); }

    // Room for n elements; what was there is lost when it must grow. Throws std::bad_alloc. One thread.
    void reserve(Index n) {
        if (n <= size_) return;
        memory_.reset();
        size_ = 0;
        const std::size_t huge_page = std::size_t(2) << 20;
        const std::size_t bytes = std::size_t(n) * sizeof(T);
        const std::size_t alignment = bytes >= 2 * huge_page ? huge_page : cache_line;
        memory_.reset(static_cast<T*>(::operator new(bytes, std::align_val_t(alignment))));
        memory_.get_deleter().alignment = alignment;
        size_ = n;
#ifdef __linux__
        // A row of a wide matrix a page would miss the address cache at every step of a product.
        if (alignment == huge_page) madvise(memory_.get(), bytes, MADV_HUGEPAGE);
#endif
#ifdef STEEPEST_CHECKED
        std::memset(static_cast<void*>(memory_.get()), 0xff, bytes); // NaN, to whoever reads before he writes
#endif
    }

  private:
    struct Free {
        std::size_t alignment = cache_line;
        void operator()(T* p) const { ::operator delete(p, std::align_val_t(alignment)); }
    };
    std::unique_ptr<T, Free> memory_;
    Index size_ = 0;
};

// The distance of rows in a matrix of our own: whole cache lines, so many that rows do not evict each other.
template <class T> [[nodiscard]] Index row_stride(Index columns) {
    constexpr Index line = cache_line / sizeof(T);
    Index stride = (columns + line - 1) / line * line;
    if (stride * Index(sizeof(T)) % aliasing_stride == 0) stride += line;
    return stride;
}

// The distance of rows of which `bytes` of all are read at a time, before the next: each begins in a cache of
// 4 KiB a way where the one before ends. There may be none.
template <class T> [[nodiscard]] Index interleaved_stride(Index rows, Index columns, Index bytes) {
    constexpr Index way = 4096 / sizeof(T), line = cache_line / sizeof(T);
    const Index piece = std::max(line, bytes / Index(sizeof(T)) / std::max<Index>(rows, 1) / line * line);
    return columns + ((piece - columns) % way + way) % way;
}

// The same view, of so many rows and columns: what a checked build holds its users to.
template <class T>
[[nodiscard]] MatrixView<T> bounded(MatrixView<T> m, [[maybe_unused]] Index rows,
                                    [[maybe_unused]] Index columns) {
#ifdef STEEPEST_CHECKED
    m.rows = rows, m.columns = columns;
#endif
    return m;
}

// The same view, through which nothing is written.
template <class T> [[nodiscard]] MatrixView<const T> read_only(MatrixView<T> m) {
#ifdef STEEPEST_CHECKED
    return {m.data, m.stride, m.rows, m.columns};
#else
    return {m.data, m.stride};
#endif
}

// The part of a matrix that begins at a row and a column; of none, none.
template <class T>
[[nodiscard]] MatrixView<T> from(MatrixView<T> m, Index row, Index column = 0 STEEPEST_CALLER) {
    STEEPEST_CHECK("a block's first row", 0, row, m.rows);
    STEEPEST_CHECK("a block's first column", 0, column, m.columns);
    const MatrixView<T> part{m.data ? m.data + row * m.stride + column : nullptr, m.stride};
#ifdef STEEPEST_CHECKED
    return bounded(part, m.rows - row, m.columns - column);
#else
    return part;
#endif
}

// The elements from a place on; of none, none.
template <class T> [[nodiscard]] T* from(T* row, Index place) { return row ? row + place : nullptr; }

// Rows of a matrix of our own; as a Buffer.
template <class T> class Matrix {
  public:
    // Room for a matrix. What was there is lost, if it had other columns too. One thread.
    void reserve(Index rows, Index columns) { reserve_rows(rows, columns, row_stride<T>(columns)); }
    // The same for rows of which so many bytes of all are read at a time.
    void reserve(Index rows, Index columns, Index bytes_at_once) {
        reserve_rows(rows, columns, interleaved_stride<T>(rows, columns, bytes_at_once));
    }
    // Rows from `first` on.
    [[nodiscard]] MatrixView<T> rows(Index first = 0 STEEPEST_CALLER) const {
#ifdef STEEPEST_CHECKED
        return from(bounded(MatrixView<T>{buffer_.data(), stride_}, rows_, columns_), first, 0, file, line);
#else
        return {buffer_.data() + first * stride_, stride_};
#endif
    }
    [[nodiscard]] T* row(Index i STEEPEST_CALLER) const {
        STEEPEST_CHECK("a row", i, i + 1, rows_);
        return buffer_.data() + i * stride_;
    }

  private:
    void reserve_rows(Index rows, [[maybe_unused]] Index columns, Index stride) {
        stride_ = stride;
        buffer_.reserve(rows * stride);
#ifdef STEEPEST_CHECKED
        rows_ = rows, columns_ = columns;
#endif
    }

    Buffer<T> buffer_;
    Index stride_ = 0;
#ifdef STEEPEST_CHECKED
    Index rows_ = 0, columns_ = 0;
#endif
};

} // namespace steepest
