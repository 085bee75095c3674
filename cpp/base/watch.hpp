// How a computation is ended from outside: asked for about every 20 ms, by the thread that called.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <utility>

namespace steepest {

using Clock = std::chrono::steady_clock;

constexpr auto watch_interval = std::chrono::milliseconds(20);
constexpr double work_between_looks = 2e6; // multiply-adds before the clock is read again, about 20 us

// Called by the calling thread about every 20 ms with the number of epochs done; true cancels.
using Watch = std::function<bool(double)>;

// What a thread asks between two pieces of its work: true means stop soon. Empty, the work is not cut.
using Stop = std::function<bool()>;

class Lookout {
  public:
    explicit Lookout(Watch watch = {}) : watch_(std::move(watch)) {}
    explicit operator bool() const { return bool(watch_); }

    double done = 0; // epochs, which the watch is told

    // After so much work of the calling thread.
    void look(double work) {
        if (!watch_ || (work_ += work) < work_between_looks) return;
        work_ = 0;
        const auto now = Clock::now();
        if (now - last_ < watch_interval) return;
        last_ = now;
        if (watch_(done)) stop();
    }
    void stop() { stopped_.store(true, std::memory_order_relaxed); }
    bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

    // For a thread of the team, whose leader looks; empty without a watch.
    Stop stop_of(int rank) {
        if (!watch_) return {};
        return [this, rank] {
            if (rank == 0) look(work_between_looks);
            return stopped();
        };
    }

  private:
    Watch watch_;
    std::atomic<bool> stopped_{false};
    double work_ = 0; // since the last look
    Clock::time_point last_ = Clock::now();
};

} // namespace steepest
