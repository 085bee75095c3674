// Compute: threads that help a caller with the pieces of a job, and sleep in between.
//
// The caller begins at once and never waits for a thread that has not come: other programs, and other
// libraries of this process, may have the processors. A job is cut into pieces, which threads claim: each its
// own share first, in the same order every time, so that what it works on is in the cache of its core; then
// what is left of the others' shares, from the end. Which thread does a piece changes no result.
#pragma once

#include "base/parallel.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace steepest {

// A place to wait: awake for some 20 microseconds, longer than a balanced wait, then asleep. Another program
// may need the processor, and a sleeper gets it back at once, where a thread that yields waits for that
// program's turn to end.
class Bell {
  public:
    // Returns when come() is true, which it is after a change that somebody rings for.
    template <class F> void wait(F come) {
        wait(come, [] {}, 0);
    }
    // The same, and calls late() whenever it goes to sleep: where the system has timers for that, after so
    // many microseconds, and after twice as many each time.
    template <class F, class G> void wait(F come, G late, int microseconds);
    // Wakes who sleeps, after a change that is sequentially consistent. Whoever made the change.
    void ring() {
        if (sleepers_.load() > 0) wake();
    }

  private:
    // Sleeps until it has rung since `seen`, or for so long at most; 0 is without end.
    void sleep(int seen, int microseconds);
    void wake();

    // No lock: who holds one may be held up by another program, and then holds up who rings.
    std::atomic<int> sleepers_{0}; // read at each ring, written by few
    std::atomic<int> rings_{0};
};

template <class F, class G> void Bell::wait(F come, G late, int microseconds) {
    constexpr int spins_before_sleep = 1000; // some 20 microseconds
    constexpr int longest = 100'000;
    for (int spins = 0; spins < spins_before_sleep; ++spins) {
        if (come()) return;
        relax();
    }
    sleepers_.fetch_add(1);
    for (;; microseconds = std::min(2 * microseconds, longest)) {
        late();
        const int seen = rings_.load();
        if (come()) break;
        sleep(seen, microseconds);
    }
    sleepers_.fetch_sub(1);
}

class Crew {
  public:
    static constexpr int most_threads = 1024, most_pieces = 1 << 15;

    // Starts threads - 1 threads, which need not have come when it returns: fewer where the system gives no
    // more. They belong to it until the process ends or another crew takes its place.
    explicit Crew(int threads);
    // Lets its threads end, and does not wait for them.
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    [[nodiscard]] int threads() const;

    // visit(piece, thread) once for each of at most most_pieces, by the caller, who is thread 0, and those of
    // the first `threads` that are there. Returns when all are done. In a child that was forked since, by the
    // caller alone. visit must not throw. One caller at a time.
    template <class F> void share(int threads, int pieces, const F& visit) {
        share(threads, pieces,
              {[](const void* f, int piece, int thread) { (*static_cast<const F*>(f))(piece, thread); },
               &visit});
    }

    struct State; // what its threads share, and keep until the last has ended

  private:
    struct Job {
        void (*visit)(const void*, int piece, int thread) = nullptr;
        const void* data = nullptr;
    };
    void share(int threads, int pieces, Job job);

    std::shared_ptr<State> state_;
};

// A crew for one caller, for as long as it lives: one that has nothing to do, or a new one. Every thread.
class Hired {
  public:
    explicit Hired(int threads);
    ~Hired();
    Hired(const Hired&) = delete;
    Hired& operator=(const Hired&) = delete;
    Crew* operator->() const { return crew_; }

  private:
    Crew* crew_;
    unsigned forks_;
};

} // namespace steepest
