// Compute: teams of threads that share one job. parallel.cpp is the only file that knows OpenMP.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace steepest {

// How many forks lie between this process and the one that loaded the library: threads, and what they were
// about, stay behind in the parent. Every thread.
[[nodiscard]] unsigned forks();

// A spinning barrier: a few a training step, microseconds apart, where a system call each would cost as much
// as the work between them. Sleeps when the others are late: another program may need the core, and a sleeper
// gets it back at once, where a thread that yields waits for that program's turn to end.
class Barrier {
  public:
    explicit Barrier(int members) : members_(members) {}

    // The last to arrive runs `decide` before the others go on, who see all that it wrote. In a child that
    // was forked since, nobody comes any more. Every member, once a round.
    template <class F> void wait(F decide) {
        if (forks() != forks_) return decide();
        const unsigned round = round_.load(std::memory_order_relaxed);
        if (!arrive()) return await(round);
        decide();
        release();
    }

  private:
    // Whether this thread is the last of the round.
    bool arrive() { return arrived_.fetch_add(1, std::memory_order_acq_rel) == members_ - 1; }
    // Begins the next round, and wakes who sleeps. The last to arrive.
    void release();
    // Returns when `round` is over. All others.
    void await(unsigned round);

    const int members_;
    const unsigned forks_ = forks();
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<unsigned> round_{0};
    std::atomic<int> sleepers_{0}; // read at each round, written by few
    std::mutex asleep_;
    std::condition_variable woken_;
};

// One thread's place in its team, which it alone uses.
struct Team {
    int rank; // 0 is the leader: the thread that called run
    int size;
    Barrier* together;

    // Waits for all; one of them decides in between: on anything that others could see otherwise.
    template <class F> void barrier(F decide) const {
        if (size > 1)
            together->wait(decide);
        else
            decide();
    }
    // Waits for all.
    void barrier() const {
        barrier([] {});
    }
};

// Runs body once on each of up to `threads` threads at the same time, on fewer where the system gives no
// more; body must not throw. One thread runs it here and now. The caller alone: teams of different callers
// run side by side.
void run(int threads, const std::function<void(const Team&)>& body);

// The same for a body that calls the program, which may fork: its child, where only the calling thread goes
// on, gets through to the end, where OpenMP would wait for the others.
void run_calling_out(int threads, const std::function<void(const Team&)>& body);

// How many threads some multiply-adds are worth: a pure function of the work, for every thread. Inside a
// running team one more pays from 50 000 on; a team started for one operation costs about six times as much.
// 0 available stands for default_threads(), which is asked only for work that is worth two: it takes half a
// microsecond.
constexpr double work_per_thread = 50e3;
constexpr double work_per_new_thread = 300e3;
// A row alone waits for the weights that it reads once, not for arithmetic.
constexpr double work_per_reader = 100e3;
[[nodiscard]] int thread_count(double multiply_adds, double per_thread, int available);

// Threads to use when nobody says: OpenMP's limit, capped by the processors and the CPU quota that this
// process may use. Read anew at each call, so that limits set later (joblib, threadpoolctl) hold. Every
// thread.
[[nodiscard]] int default_threads();

// "OpenMP 201511", or "std::thread" in a build without it.
[[nodiscard]] const char* threading();

} // namespace steepest
