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

// What a thread asks between two pieces of its work: true means stop soon. If empty, the work is not cut.
using ShouldStop = std::function<bool()>;

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

    // What the thread of a rank asks; the leader, who is the caller's thread, polls then. Empty without a
    // poll. Every thread, its own.
    [[nodiscard]] ShouldStop should_stop(int rank) {
        if (!poll_) return {};
        return [this, rank] {
            if (rank == 0) poll(work_between_polls);
            return stopped();
        };
    }

  private:
    Poll poll_;
    std::atomic<bool> stopped_{false};
    double work_ = 0; // since the last poll
    Clock::time_point last_ = Clock::now();
};

} // namespace steepest
