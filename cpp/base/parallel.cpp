// Compute: teams of threads, from OpenMP or of our own, and how many of them.
#include "base/parallel.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
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

constexpr int spins_before_sleep = 1000; // some 20 microseconds: longer than a balanced wait

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Registered when this library is loaded, since another may use OpenMP's threads before we do.
std::atomic<unsigned> fork_count{0};
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1); });

void run_on_own_threads(int threads, const std::function<void(const Team&)>& body) {
    struct Shared {
        std::atomic<int> size{0}; // known once every thread has started or failed to
        std::optional<Barrier> together;
        std::vector<std::thread> others;
    };
    auto shared = std::make_unique<Shared>();
    const unsigned before = forks();
    shared->others.reserve(std::size_t(threads - 1));
    for (int rank = 1; rank < threads; ++rank) {
        try {
            shared->others.emplace_back([&body, rank, shared = shared.get()] {
                while (shared->size.load(std::memory_order_acquire) == 0) std::this_thread::yield();
                body(Team{rank, shared->size.load(), &*shared->together});
            });
        } catch (const std::exception&) {
            break; // as many as the system gives
        }
    }
    const int started = int(shared->others.size()) + 1;
    shared->together.emplace(started);
    shared->size.store(started, std::memory_order_release);
    body(Team{0, started, &*shared->together});
    if (forks() != before)
        return static_cast<void>(shared.release()); // a child: the threads are its parent's
    for (auto& thread : shared->others) thread.join();
}

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

// OpenMP's runtime ends the process where the system has no thread left to give (a limit of a container, no
// memory for a stack). So before its pool for the calling thread grows, twice as many threads are tried: what
// has just ended may still count against a limit. Returns whether it ran; one thread at a time finds out and
// starts, so that no two find the same room.
bool run_on_openmp(int threads, const std::function<void(const Team&)>& body) {
    static std::mutex starting;
    // Threads that the last region asked for: the runtime ends those that one does not need, and may give
    // fewer.
    thread_local int pool = 1;
    std::unique_lock<std::mutex> turn(starting, std::defer_lock);
    if (threads > pool) {
        turn.lock();
        if (!startable(2 * (threads - pool))) return false;
    }
    std::optional<Barrier> together;
#pragma omp parallel num_threads(threads)
    {
#pragma omp single
        together.emplace(omp_get_num_threads());
        const int rank = omp_get_thread_num(), size = omp_get_num_threads();
        if (rank == 0) {
            pool = threads;
            if (turn) turn.unlock();
        }
        body(Team{rank, size, &*together});
    }
    return true;
}
#endif

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

void Barrier::release() {
    arrived_.store(0, std::memory_order_relaxed);
    round_.fetch_add(1); // before it looks for sleepers, who count themselves before they look at it
    if (sleepers_.load() == 0) return;
    const std::lock_guard<std::mutex> lock(asleep_);
    woken_.notify_all();
}

void Barrier::await(unsigned round) {
    for (int spins = 0; spins < spins_before_sleep; ++spins) {
        if (round_.load(std::memory_order_acquire) != round) return;
        relax();
    }
    std::unique_lock<std::mutex> lock(asleep_);
    sleepers_.fetch_add(1);
    woken_.wait(lock, [&] { return round_.load() != round; });
    sleepers_.fetch_sub(1);
}

void run(int threads, const std::function<void(const Team&)>& body) {
    if (threads <= 1) return body(Team{0, 1, nullptr});
#ifdef _OPENMP
    // libgomp's pool does not survive fork(): a child that enters a region waits for threads it does not
    // have.
    if (forks() == 0 && !omp_in_parallel() && run_on_openmp(threads, body)) return;
#endif
    run_on_own_threads(threads, body);
}

void run_calling_out(int threads, const std::function<void(const Team&)>& body) {
    if (threads <= 1) return body(Team{0, 1, nullptr});
    run_on_own_threads(threads, body);
}

unsigned forks() { return fork_count.load(); }

int thread_count(double multiply_adds, double per_thread, int available) {
    const int worth = int(std::min(multiply_adds / per_thread, 1e6));
    return worth < 2 ? 1 : std::min(worth, available > 0 ? available : default_threads());
}

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
