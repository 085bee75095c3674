// Compute: where threads come from, and how many of them. parallel.cpp is the only file that knows OpenMP.
#pragma once

#include <functional>

namespace steepest {

// How many forks lie between this process and the one that loaded the library: threads, and what they were
// about, stay behind in the parent. Every thread.
[[nodiscard]] unsigned forks();

// From now on calls a function in each child that is forked, in the thread that goes on. While the library is
// loaded.
bool at_fork(void (*in_child)());

// life(rank) for the ranks 0 ... threads - 1, each on a thread of its own, side by side; on fewer where the
// system gives no more. Returns at once. life must not throw.
void hold_threads(int threads, std::function<void(int)> life);

// What a thread does between two looks at what it waits for.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// How many threads some multiply-adds are worth: a pure function of the work, for every thread. A step that
// threads share costs 3 us more on a Zen 5 with AVX-512, where a core does 100 000 in a microsecond, but some
// 30 us on an Emerald Rapids: 1.3 million, 40 us on one thread, take 50 on two there, 3.2 million 79 and 72.
// To wake a thread costs the caller 12 us. 0 available stands for default_threads(), which is asked only for
// work that is worth two: it takes half a microsecond.
constexpr double work_per_thread = 1e6;
// A row alone waits for the weights that it reads once, not for arithmetic.
constexpr double work_per_reader = 100e3;
constexpr double work_to_wake = 4e6; // of a call
[[nodiscard]] int thread_count(double multiply_adds, double per_thread, int available);
[[nodiscard]] bool worth_waking(double multiply_adds);
// For tests: from now on all work is worth all threads.
void use_all_threads(bool always);

// Threads to use when nobody says: OpenMP's limit, capped by the processors and the CPU quota that this
// process may use. Read anew at each call, so that limits set later (joblib, threadpoolctl) hold. Every
// thread.
[[nodiscard]] int default_threads();

// "OpenMP 201511", or "std::thread" in a build without it.
[[nodiscard]] const char* threading();

} // namespace steepest
