// Compute: where threads come from, OpenMP or the system, and how many of them.
#include "base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif
#include <pthread.h>

namespace steepest {
namespace {

std::atomic<bool> all_threads{false};
std::atomic<unsigned> fork_count{0};
[[maybe_unused]] const bool counted = at_fork([] { fork_count.fetch_add(1); });

#ifdef _OPENMP
// The stack of OpenMP's threads, as its runtime reads it: "512", in KiB, "16M", ...; 0 for the system's.
std::size_t stack_of_threads() {
    const char* text = std::getenv("OMP_STACKSIZE");
    if (!text && !(text = std::getenv("GOMP_STACKSIZE"))) return 0;
    char* end = nullptr;
    const auto number = std::strtoull(text, &end, 10);
    end += std::strspn(end, " \t");
    const int shift = *end == 'b' || *end == 'B'   ? 0
                      : *end == 'm' || *end == 'M' ? 20
                      : *end == 'g' || *end == 'G' ? 30
                                                   : 10;
    return number > (~0ull >> shift) ? ~std::size_t(0) : std::size_t(number) << shift;
}
const std::size_t stack_size = stack_of_threads(); // read at the same time

// Whether the system starts so many threads with such a stack, all at the same time.
bool startable(int threads) {
    std::mutex all_started;
    std::vector<pthread_t> started;
    started.reserve(std::size_t(threads));
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    bool good = stack_size == 0 || pthread_attr_setstacksize(&attributes, stack_size) == 0;
    {
        const std::lock_guard<std::mutex> waiting(all_started);
        const auto wait = [](void* gate) -> void* {
            const std::lock_guard<std::mutex> over(*static_cast<std::mutex*>(gate));
            return nullptr;
        };
        for (int i = 0; i < threads && good; ++i) {
            pthread_t thread;
            good = pthread_create(&thread, &attributes, wait, &all_started) == 0;
            if (good) started.push_back(thread);
        }
    }
    for (const auto thread : started) pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    return good;
}

#endif

#ifdef _OPENMP
// A child gets one of its own: that of its parent may be locked by a thread that the child does not have.
std::mutex* starting = new std::mutex;
[[maybe_unused]] const bool unlocked = at_fork([] { starting = new std::mutex; });
#endif

// Every rank's life, on threads of which this one is the first. They end together.
void live_together(int threads, const std::function<void(int)>& life) {
#ifdef _OPENMP
    // OpenMP's runtime ends the process where the system has no thread left to give (a limit of a container,
    // no memory for a stack). So twice as many threads are tried before: what has just ended may still count
    // against a limit. One crew at a time finds out and starts, so that no two find the same room.
    std::unique_lock<std::mutex> turn(*starting);
    if (!startable(2 * (threads - 1))) return;
#pragma omp parallel num_threads(threads)
    {
#pragma omp master
        turn.unlock();
        life(omp_get_thread_num());
    }
#else
    std::vector<std::thread> others;
    others.reserve(std::size_t(threads - 1));
    try {
        for (int rank = 1; rank < threads; ++rank) others.emplace_back(life, rank);
    } catch (const std::system_error&) { // as many as the system gives
    }
    life(0);
    for (auto& thread : others) thread.join();
#endif
}

#ifdef __linux__
// Whether OpenMP tied this thread to a place of its own: its affinity then says nothing of the others.
bool bound() {
#ifdef _OPENMP
    return omp_get_proc_bind() != omp_proc_bind_false;
#else
    return false;
#endif
}

// CPUs' worth of time that the control group grants, or a large number.
int cgroup_quota() {
    constexpr int none = 1 << 20;
    auto read = [](const char* path, const char* format, long* a, long* b) {
        std::FILE* file = std::fopen(path, "r");
        if (!file) return 0;
        const int found = std::fscanf(file, format, a, b);
        std::fclose(file);
        return found;
    };
    long quota = -1, period = 0, unused = 0;
    if (read("/sys/fs/cgroup/cpu.max", "%ld %ld", &quota, &period) != 2) {
        quota = -1;
        read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "%ld", &quota, &unused);
        read("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "%ld", &period, &unused);
    }
    return quota > 0 && period > 0 ? int(std::max(1L, (quota + period - 1) / period)) : none;
}
#endif

} // namespace

bool at_fork(void (*in_child)()) { return pthread_atfork(nullptr, nullptr, in_child) == 0; }

void hold_threads(int threads, std::function<void(int)> life) {
#ifdef __SANITIZE_THREAD__
    if (forks() > 0)
        return; // the sanitizer takes a child's new threads for the parent's, whose places they have
#endif
    try {
        std::thread([threads, life = std::move(life)] {
            try {
                live_together(threads, life);
            } catch (const std::bad_alloc&) { // nobody comes, as below
            }
        }).detach();
    } catch (const std::system_error&) { // the system has none to give
    }
}

unsigned forks() { return fork_count.load(); }

int thread_count(double multiply_adds, double per_thread, int available) {
    if (all_threads) return available > 0 ? available : default_threads();
    const int worth = int(std::min(multiply_adds / per_thread, 1e6));
    return worth < 2 ? 1 : std::min(worth, available > 0 ? available : default_threads());
}

bool worth_waking(double multiply_adds) { return all_threads || multiply_adds >= work_to_wake; }

void use_all_threads(bool always) { all_threads = always; }

int default_threads() {
#ifdef _OPENMP
    int threads = omp_get_max_threads();
#else
    int threads = int(std::max(1u, std::thread::hardware_concurrency()));
#endif
#ifdef __linux__
    static const int quota = cgroup_quota(); // fixed when a container starts
    threads = std::min(threads, quota);
    cpu_set_t mine;
    if (!bound() && sched_getaffinity(0, sizeof mine, &mine) == 0)
        threads = std::min(threads, CPU_COUNT(&mine));
#endif
    return std::max(1, threads);
}

const char* threading() {
#ifdef _OPENMP
    static const std::string text = "OpenMP " + std::to_string(_OPENMP);
    return text.c_str();
#else
    return "std::thread";
#endif
}

} // namespace steepest
