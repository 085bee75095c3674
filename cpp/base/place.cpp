// Compute: on which processor a helping thread runs, where other programs want the processors too.
#include "base/place.hpp"

#include <utility>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace steepest {

#ifdef __linux__

int current_cpu() { return sched_getcpu(); }

void Place::arrive() {
    if (pthread_getcpuclockid(pthread_self(), &clock_) == 0) thread_.store(int(syscall(SYS_gettid)));
}

void Place::leave(int cpu, int helpers) {
    cpu_set_t own, others;
    if (sched_getaffinity(0, sizeof own, &own) != 0) return;
    others = own;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others) < helpers || sched_setaffinity(0, sizeof others, &others) != 0) return;
    sched_setaffinity(0, sizeof own, &own);
}

void Place::fetch(int cpu) {
    const int thread = thread_.load();
    timespec used{};
    if (thread == 0 || !at_work_.load(std::memory_order_relaxed) || clock_gettime(clock_, &used) != 0) return;
    const std::int64_t now = std::int64_t(used.tv_sec) * 1'000'000'000 + used.tv_nsec;
    const std::int64_t before = std::exchange(used_, now);
    cpu_set_t own, here;
    if (now != before || sched_getaffinity(thread, sizeof own, &own) != 0 || !CPU_ISSET(cpu, &own)) return;
    CPU_ZERO(&here);
    CPU_SET(cpu, &here);
    if (sched_setaffinity(thread, sizeof here, &here) == 0) sched_setaffinity(thread, sizeof own, &own);
}

#else

int current_cpu() { return -1; }
void Place::arrive() {}
void Place::leave(int, int) {}
void Place::fetch(int) {}

#endif

} // namespace steepest
