// Compute: a job that a team of threads does in steps, each of which is divided into shares.
#pragma once

#include "base/crew.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

namespace steepest {

// One of the equal shares of a step: number `rank` of `size`, and the thread that happens to do it, whose
// scratch memory it uses. Whatever depends on rank or thread must not change a result.
struct Share {
    int rank = 0, size = 1, thread = 0;
};

// The caller alone holds it, and says what is to be done. With one thread all is done at once.
class Team {
  public:
    // At most so many threads for so many multiply-adds, for so long as it lives: the caller alone if that is
    // too little to wake one, and its last call is too long ago for one to be awake.
    Team(int threads, double work, int shares_per_thread = 2)
        : wanted_(threads > 1),
          threads_(worth_waking(work) || (wanted_ && was_busy()) ? std::clamp(threads, 1, Crew::most_threads)
                                                                 : 1),
          shares_(threads_ == 1 ? 1 : threads_ * shares_per_thread) {
        if (threads_ > 1) crew_.emplace(threads_);
    }
    ~Team() {
        if (wanted_) last_call = std::chrono::steady_clock::now();
    }
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    [[nodiscard]] int threads() const { return threads_; }
    // Into how many shares steps are divided. With more than one for each thread less is left to do when one
    // of them comes late.
    [[nodiscard]] int shares() const { return shares_; }

    // f(share) is to be done for every share, after what has been said before for the same share. f is
    // copied: what it refers to must live until the next barrier.
    template <class F> void then(const F& f) {
        if (threads_ == 1) return f(Share{});
        static_assert(std::is_trivially_copyable_v<F> && sizeof(F) <= sizeof(Task::f));
        Task& task = tasks_.emplace_back();
        std::memcpy(task.f, &f, sizeof f);
        task.run = [](const void* own, const Share& share) { (*static_cast<const F*>(own))(share); };
    }

    // Does all that has been said, and returns when it is done.
    void barrier() {
        if (tasks_.empty()) return;
        each(shares_, [this](int rank, int thread) {
            for (const Task& task : tasks_) task.run(task.f, {rank, shares_, thread});
        });
        tasks_.clear();
    }

    // f(share) for every share, now.
    template <class F> void each_share(const F& f) {
        then(f);
        barrier();
    }

    // f(piece, thread) for all pieces, in any order.
    template <class F> void each(std::ptrdiff_t pieces, const F& f) {
        if (threads_ == 1)
            for (std::ptrdiff_t piece = 0; piece < pieces; ++piece) f(int(piece), 0);
        else
            (*crew_)->share(threads_, int(pieces), f);
    }

  private:
    struct Task {
        void (*run)(const void*, const Share&);
        alignas(std::max_align_t) std::byte f[96];
    };

    // When this thread last had work for others.
    static inline thread_local std::chrono::steady_clock::time_point last_call{};
    static bool was_busy() {
        return std::chrono::steady_clock::now() - last_call < std::chrono::microseconds(20);
    }

    const bool wanted_;
    const int threads_, shares_;
    std::optional<Hired> crew_;
    std::vector<Task> tasks_;
};

} // namespace steepest
