// Teams of threads that share one job. parallel.cpp is the only file that knows OpenMP.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace steepest {

// A spinning barrier: a few a training step, microseconds apart, where a system call each would cost as much
// as the work between them. Sleeps when the others are late: another program may need the core, and a sleeper
// gets it back at once, where a thread that yields waits for that program's turn to end.
class Barrier {
  public:
    explicit Barrier(int members) : members_(members) {}
    void wait();

  private:
    const int members_;
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<unsigned> round_{0};
    std::atomic<int> sleepers_{0}; // read at each round, written by few
    std::mutex asleep_;
    std::condition_variable woken_;
};

// One thread's place in its team.
struct Team {
    int rank; // 0 is the thread that called run
    int size;
    Barrier* together;

    void barrier() const {
        if (size > 1) together->wait();
    }
};

// Runs body once on each of up to `threads` threads at the same time; body must not throw. One thread
// runs it here and now.
void run(int threads, const std::function<void(const Team&)>& body);

// How many threads some multiply-adds are worth: a pure function of the work. Inside a running team one
// more pays from 50 000 on; a team started for one operation costs about six times as much. 0 available
// stands for default_threads(), which is asked only for work that is worth two: it takes half a microsecond.
constexpr double work_per_thread = 50e3;
constexpr double work_per_new_thread = 300e3;
// A row alone waits for the weights that it reads once, not for arithmetic.
constexpr double work_per_reader = 100e3;
int thread_count(double multiply_adds, double per_thread, int available);

// Threads to use when nobody says: OpenMP's limit, capped by the processors and the CPU quota that this
// process may use. Read anew at each call, so that limits set later (joblib, threadpoolctl) hold.
int default_threads();

// "OpenMP 201511", or "std::thread" in a build without it.
const char* threading();

} // namespace steepest
