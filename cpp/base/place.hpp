// Compute: on which processor a helping thread runs, where other programs want the processors too. Linux
// alone: elsewhere, or where the system refuses, nothing happens.
//
// Two things cost a team of two beside a busy program all that it gains (a step took 1.9 to 2.6 times as long
// as alone, now 1.3 to 1.4). A thread that is woken while no processor is idle runs on that of its waker,
// behind it, and is not moved: it leaves. And one that loses its processor in the middle of a piece has the
// caller wait for some milliseconds, whose own processor idles: it is fetched there. Both set the thread's
// affinity and set it back at once, which is how a thread is asked to move.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>

namespace steepest {

// The processor that this thread runs on, or -1.
[[nodiscard]] int current_cpu();

class alignas(64) Place {
  public:
    // The helping thread: once, before all else.
    void arrive();
    // The helping thread: whether it works on a piece, or looks for one.
    void at_work(bool now) { at_work_.store(now, std::memory_order_relaxed); }
    // The helping thread, with no piece at hand: goes to another processor, if there is one for each of so
    // many helpers.
    static void leave(int cpu, int helpers);
    // The caller, again and again while it waits: moves the thread to its own processor, if it is at work and
    // has not run since the last time.
    void fetch(int cpu);

  private:
    std::atomic<int> thread_{0}; // as the system numbers it
    std::atomic<bool> at_work_{false};
    clockid_t clock_{};
    std::int64_t used_ = -1; // nanoseconds, when the caller last looked
};

} // namespace steepest
