// Compute: how a computation is ended from outside: asked for about every 20 ms, by the thread that called.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <utility>

namespace steepest {

using Clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds(20);
constexpr double work_between_polls = 2e6; // multiply-adds before the clock is read again, about 20 us

// Called by the caller's thread about every 20 ms with the number of epochs done; true cancels.
using Poll = std::function<bool(double)>;

class Poller;

// What a thread asks between two pieces of its work: true means stop soon. If empty, the work is not cut.
struct ShouldStop {
    Poller* poller = nullptr;
    int thread = 0;
    explicit operator bool() const { return poller; }
    bool operator()() const;
};

class Poller {
  public:
    explicit Poller(Poll poll = {}) : poll_(std::move(poll)) {}
    // Whether there is anything to ask. Every thread.
    explicit operator bool() const { return bool(poll_); }

    double done = 0; // epochs, which the poll is told; written by the caller's thread

    // Polls, if it is time, after so much work of the caller's thread. That thread alone.
    void poll(double work) {
        if (!poll_ || stopped()) return; // who has said so is not asked again
        work_ += work;
        if (work_ < work_between_polls) return;
        work_ = 0;
        const auto now = Clock::now();
        if (now - last_ < poll_interval) return;
        last_ = now;
        if (poll_(done)) stop();
    }
    // Ends the computation. Every thread.
    void stop() { stopped_.store(true, std::memory_order_relaxed); }
    // Whether it is to end. Every thread.
    [[nodiscard]] bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

    // What a thread asks; the caller's, which is thread 0, polls then. Empty without a poll. Every thread,
    // its own.
    [[nodiscard]] ShouldStop should_stop(int thread) { return {poll_ ? this : nullptr, thread}; }

  private:
    Poll poll_;
    std::atomic<bool> stopped_{false};
    double work_ = 0; // since the last poll
    Clock::time_point last_ = Clock::now();
};

inline bool ShouldStop::operator()() const {
    if (thread == 0) poller->poll(work_between_polls);
    return poller->stopped();
}

} // namespace steepest
