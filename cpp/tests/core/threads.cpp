// Teams of threads: who does which piece, in which order, who sleeps, and a fork.
#include "tests/support.hpp"

#include <atomic>
#include <ctime>
#include <mutex>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace steepest::tests {
namespace {

// Seconds of a processor that this process has used.
double used_by_process() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

void sleep_for(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

// Every piece is done once, on a thread whose number is its own meanwhile; those of others help.
void check_pieces() {
    for (const int threads : {1, 2, 3, 5, 16}) {
        Team team(threads, work_to_wake);
        std::atomic<bool> alone{true}, led{true};
        bool once = true;
        for (const int pieces : {0, 1, 2, 5, 64, 1000}) {
            std::vector<std::atomic<int>> done(static_cast<std::size_t>(pieces)),
                busy(std::size_t(team.threads()));
            const auto caller = std::this_thread::get_id();
            team.each(pieces, [&](int piece, int thread) {
                if (busy[std::size_t(thread)]++ != 0) alone = false;
                if ((thread == 0) != (std::this_thread::get_id() == caller)) led = false;
                ++done[std::size_t(piece)];
                --busy[std::size_t(thread)];
            });
            for (const auto& n : done) once &= n == 1;
        }
        check(once && alone && led, "pieces for " + std::to_string(threads) + " threads");
    }
}

// What is said for a share is done in that order, and all of it before the barrier ends.
void check_steps() {
    for (const int threads : {1, 2, 3, 5}) {
        Team team(threads, work_to_wake);
        constexpr int rounds = 2000;
        std::vector<int> before(std::size_t(team.shares())), after(std::size_t(team.shares()));
        bool ordered = true;
        for (int round = 1; round <= rounds; ++round) {
            team.then([&](const Share& share) { before[std::size_t(share.rank)] = round; });
            team.then([&](const Share& share) {
                after[std::size_t(share.rank)] = before[std::size_t(share.rank)];
            });
            team.barrier();
            for (const int n : after) ordered &= n == round;
        }
        check(ordered, "steps of " + std::to_string(threads) + " threads");
    }
}

// Threads do come, and have no other's number.
void check_help() {
    Team team(3, work_to_wake, 1);
    std::mutex writing;
    std::set<std::thread::id> ids;
    for (int round = 0; round < 100 && ids.size() < 3; ++round)
        team.each(3, [&](int, int) {
            sleep_for(2);
            const std::lock_guard<std::mutex> lock(writing);
            ids.insert(std::this_thread::get_id());
        });
    check(ids.size() == 3, "three threads take part");
}

// The caller does not wait for threads that are held up before they begin, and who has nothing to do sleeps.
void check_sleep() {
    Team team(3, work_to_wake);
    team.each(3, [](int, int) { sleep_for(1); });
    sleep_for(5);
    const double before = used_by_process();
    sleep_for(300);
    check(used_by_process() - before < 0.1, "threads without work sleep");
    team.each(3, [](int piece, int) {
        if (piece == 2) sleep_for(300);
    });
    check(used_by_process() - before < 0.2, "who waits for the last piece sleeps");
}

// A team inside a team has threads of its own.
void check_nested() {
    std::atomic<int> inner{0};
    Team outer(2, work_to_wake, 1);
    outer.each(2, [&](int, int) { Team(3, work_to_wake, 1).each(3, [&](int, int) { ++inner; }); });
    check(inner == 2 * 3, "teams inside each other");
}

// Teams of several callers compute side by side, more of them than are kept.
void check_callers() {
    std::atomic<int> sum{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 12; ++i)
        callers.emplace_back([&] {
            for (int k = 0; k < 20; ++k) Team(2 + k % 3, work_to_wake, 1).each(2, [&](int, int) { ++sum; });
        });
    for (auto& caller : callers) caller.join();
    check(sum == 12 * 20 * 2, "teams of several callers");
}

// A child that is forked between two steps of a team goes on alone.
void check_fork_inside() {
    Team team(3, work_to_wake);
    std::atomic<int> done{0};
    const auto count = [&](int, int) { ++done; };
    team.each(64, count);
    const pid_t child = fork();
    if (child == 0) {
        team.each(64, count);
        Team(2, work_to_wake).each(64, count);
        _exit(done == 3 * 64 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    team.each(64, count);
    check(status == 0 && done == 2 * 64, "a child forked within a team");
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
    use_all_threads(false);
    check(thread_count(1e9, 50e3, 4) == 4 && thread_count(120e3, 50e3, 4) == 2 &&
              thread_count(99e3, 50e3, 4) == 1 && thread_count(0, 50e3, 0) == 1,
          "threads are worth their work");
    check(thread_count(1e9, 50e3, 0) == default_threads() && default_threads() >= 1, "or by default");
    check(!worth_waking(1e5) && worth_waking(1e9), "little work wakes nobody");
    const auto threads_for = [](double work) { return Team(4, work).threads(); };
    sleep_for(1);
    const int cold = threads_for(1e5), large = threads_for(1e9), warm = threads_for(1e5);
    check(cold == 1 && large == 4 && warm == 4, "but has who is awake");
    use_all_threads(true);
    check(thread_count(1, 50e3, 3) == 3 && worth_waking(1), "tests use all threads");
}

const Concern threads{"threads", [] {
                          check_counts(), check_pieces(), check_steps(), check_help();
                          check_sleep(), check_nested(), check_callers();
                          check_fork(), check_fork_inside();
                      }};

} // namespace
} // namespace steepest::tests
