// Teams of threads: who runs, a barrier that sleeps, threads of our own beside OpenMP's, and a fork.
#include "tests/support.hpp"

#include <ctime>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace steepest::tests {
namespace {

using Runner = void (*)(int, const std::function<void(const Team&)>&);

// Seconds of a processor that this thread has used.
double used_by_this_thread() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

void sleep_for(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

void check_team(Runner run_on, const std::string& what) {
    for (const int threads : {1, 2, 3, 5}) {
        std::mutex writing;
        std::set<int> ranks;
        std::set<std::thread::id> ids;
        bool sizes = true, leader = false;
        run_on(threads, [&](const Team& team) {
            const std::lock_guard<std::mutex> lock(writing);
            ranks.insert(team.rank), ids.insert(std::this_thread::get_id());
            sizes &= team.size == threads;
        });
        const auto caller = std::this_thread::get_id();
        run_on(threads, [&](const Team& team) {
            if (team.rank == 0) leader = std::this_thread::get_id() == caller;
        });
        check(int(ranks.size()) == threads && int(ids.size()) == threads && *ranks.rbegin() == threads - 1 &&
                  sizes && leader,
              what + ": a team of " + std::to_string(threads) + ", led by the caller");
    }
}

// Rounds in which everyone counts, and one decides once while the others wait.
void check_barrier(Runner run_on, const std::string& what) {
    for (const int threads : {1, 2, 3, 5}) {
        constexpr int rounds = 300;
        std::atomic<int> arrived{0};
        int decided = 0, wrong = 0; // written by one, between barriers
        run_on(threads, [&](const Team& team) {
            for (int round = 0; round < rounds; ++round) {
                ++arrived;
                team.barrier([&] {
                    wrong += arrived != (round + 1) * team.size || decided != round;
                    ++decided;
                });
                if (decided != round + 1) ++arrived; // which the next round finds
                team.barrier();
            }
        });
        check(decided == rounds && wrong == 0 && arrived == rounds * threads,
              what + ": a barrier of " + std::to_string(threads));
    }
}

// Who waits for long leaves the processor to others.
void check_sleep() {
    double waiting = 1;
    int seen = 0;
    run_calling_out(3, [&](const Team& team) {
        int decided = 0;
        if (team.rank == 1) sleep_for(300);
        const double before = used_by_this_thread();
        team.barrier([&] { decided = seen = 42; });
        if (team.rank == 0) waiting = used_by_this_thread() - before;
    });
    check(waiting < 0.1 && seen == 42, "who waits at a barrier sleeps");
}

// A team inside a team gets threads of its own.
void check_nested() {
    std::atomic<int> inner{0};
    run(2, [&](const Team&) { run(3, [&](const Team& team) { inner += team.size; }); });
    check(inner == 2 * 3 * 3, "teams inside each other");
}

// Teams of several callers run side by side.
void check_callers() {
    std::atomic<int> sum{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i)
        callers.emplace_back([&] {
            for (int k = 0; k < 20; ++k)
                run(2, [&](const Team& team) {
                    team.barrier();
                    ++sum;
                });
        });
    for (auto& caller : callers) caller.join();
    check(sum == 3 * 20 * 2, "teams of several callers");
}

// A child has none of its parent's threads, and learns the same bits with new ones.
void check_fork() {
    Model<float> model(true);
    model.fit({.threads = 3});
    const pid_t child = fork();
    if (child == 0) {
        Model<float> own(true);
        const Result result = own.fit({.threads = 3});
        _exit(forks() > 0 && result.threads == 3 && own.bits() == model.bits() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    check(status == 0 && forks() == 0, "a forked child learns the same bits");
}

void check_counts() {
    check(thread_count(1e9, 50e3, 4) == 4 && thread_count(120e3, 50e3, 4) == 2 &&
              thread_count(99e3, 50e3, 4) == 1 && thread_count(0, 50e3, 0) == 1,
          "threads are worth their work");
    check(thread_count(1e9, 50e3, 0) == default_threads() && default_threads() >= 1, "or by default");
}

const Concern threads{"threads", [] {
                          check_counts();
                          check_team(run, threading()), check_barrier(run, threading());
                          check_team(run_calling_out, "own threads");
                          check_barrier(run_calling_out, "own threads");
                          check_sleep(), check_nested(), check_callers();
                          check_fork();
                      }};

} // namespace
} // namespace steepest::tests
