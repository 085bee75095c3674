// Compute: threads that help a caller with the pieces of a job, and sleep in between.
#include "base/crew.hpp"
#include "base/place.hpp"

#include <algorithm>
#include <bit>
#include <climits>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace steepest {
namespace {

constexpr int first_look = 60; // microseconds after which the caller looks what the last pieces wait for
constexpr int most_idle = 8;   // crews: more end when their caller is done with them
constexpr std::uint32_t rounds_between_renewals = 1u << 30; // some hours of steps

// What a job is cut into, in one word, so that who reads it late reads what belongs together.
struct Phase {
    std::uint32_t round; // the number of the job
    int threads, pieces;

    static Phase from(std::uint64_t word) {
        return {std::uint32_t(word >> 32), int(word >> 16 & 0xffff), int(word & 0xffff)};
    }
    [[nodiscard]] std::uint64_t word() const {
        return std::uint64_t(round) << 32 | std::uint64_t(threads) << 16 | std::uint64_t(pieces);
    }
    // Where a thread's share begins.
    [[nodiscard]] int share(int thread) const { return int(std::int64_t(pieces) * thread / threads); }
};

// The pieces of a share that nobody has begun. A round that is over has none, since it ends when all pieces
// have been done: who comes late finds nothing to claim.
class alignas(64) Claims {
  public:
    // A piece of `phase`, the first or the last of those left; -1 if there is none.
    int claim(const Phase& phase, int share, bool first) {
        std::uint64_t seen = left_.load(std::memory_order_acquire);
        for (;;) {
            const Phase as = Phase::from(seen); // round, end, begin
            int end = as.threads, begin = as.pieces;
            if (as.round != phase.round) {
                if (std::int32_t(as.round - phase.round) > 0) return -1;
                begin = phase.share(share), end = phase.share(share + 1);
            }
            if (begin >= end) return -1;
            const int piece = first ? begin++ : --end;
            if (left_.compare_exchange_weak(seen, Phase{phase.round, end, begin}.word(),
                                            std::memory_order_acq_rel, std::memory_order_acquire))
                return piece;
        }
    }

    // Between two rounds: all of this one have been claimed. An old round must not become a later one when
    // the number wraps around.
    void renew(std::uint32_t round) { left_.store(Phase{round, 0, 0}.word()); }

  private:
    std::atomic<std::uint64_t> left_{0};
};

// The bell by which a thread sleeps: 1, 2 to 3, 4 to 7, ..., so that few calls of the system wake as many as
// are needed.
int bell_of(int thread) { return int(std::bit_width(unsigned(thread))) - 1; }
constexpr int bells = 10;

} // namespace

#ifdef __linux__
void Bell::sleep(int seen, int microseconds) {
    const timespec most{0, microseconds * 1000L};
    syscall(SYS_futex, &rings_, FUTEX_WAIT_PRIVATE, seen, microseconds > 0 ? &most : nullptr, nullptr, 0);
}

void Bell::wake() {
    rings_.fetch_add(1);
    syscall(SYS_futex, &rings_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}
#else
void Bell::sleep(int seen, int) { rings_.wait(seen); }

void Bell::wake() {
    rings_.fetch_add(1);
    rings_.notify_all();
}
#endif

struct Crew::State {
    explicit State(int n) : threads(n), claims(std::size_t(n)), places(std::size_t(n)) { renew(); }

    const int threads;
    const unsigned forks = steepest::forks();
    std::vector<Claims> claims;
    std::vector<Place> places;
    std::atomic<int> caller_cpu{-1};
    Job job;                        // read only by who has a piece of it
    std::uint32_t round = 0u - 100; // so that every test sees it wrap around
    alignas(64) std::atomic<std::uint64_t> phase{0};
    alignas(64) std::atomic<std::uint32_t> done{0}; // pieces, of all rounds
    std::atomic<bool> ended{false};
    Bell caller, end;
    std::array<Bell, bells> others;

    void renew() {
        for (Claims& share : claims) share.renew(round);
    }

    // Begins a round, and wakes the threads that it asks for.
    void begin(int asked, int pieces) {
        if (round % rounds_between_renewals == 0) renew();
        caller_cpu.store(current_cpu(), std::memory_order_relaxed);
        phase.store(Phase{++round, asked, pieces}.word());
        for (int bell = 0; bell <= bell_of(std::min(asked, threads) - 1); ++bell)
            others[std::size_t(bell)].ring();
    }

    // Does what is left of a round: of the thread's own share, then of the others'.
    void take_part(int thread, const Phase& now) {
        for (int k = 0; k < now.threads; ++k) {
            const int share = (thread + k) % now.threads;
            std::uint32_t mine = 0;
            int piece;
            while ((piece = claims[std::size_t(share)].claim(now, share, k == 0)) >= 0) {
                job.visit(job.data, piece, thread);
                ++mine;
            }
            if (mine == 0) continue;
            done.fetch_add(mine);
            if (thread > 0) caller.ring();
        }
    }

    // The life of a thread.
    void help(int thread) {
        Place& place = places[std::size_t(thread)];
        place.arrive();
        std::uint32_t seen = 0;
        for (;;) {
            Phase now{};
            others[std::size_t(bell_of(thread))].wait([&] {
                now = Phase::from(phase.load());
                return now.round != seen && thread < now.threads;
            });
            if (ended.load()) return;
            seen = now.round;
            const int cpu = current_cpu();
            if (cpu >= 0 && cpu == caller_cpu.load(std::memory_order_relaxed))
                Place::leave(cpu, now.threads - 1);
            place.at_work(true);
            take_part(thread, now);
            place.at_work(false);
        }
    }

    void wait_for_end() {
        end.wait([&] { return ended.load(); });
    }

    // What the caller does about pieces that others have begun and do not get done.
    void fetch(int helpers) {
        const int cpu = current_cpu();
        for (int thread = 1; cpu >= 0 && thread <= helpers; ++thread) places[std::size_t(thread)].fetch(cpu);
    }
};

Crew::Crew(int threads) : state_(std::make_shared<State>(std::clamp(threads, 1, most_threads))) {
    if (state_->threads == 1) return;
    hold_threads(state_->threads,
                 [state = state_](int thread) { thread > 0 ? state->help(thread) : state->wait_for_end(); });
}

Crew::~Crew() {
    state_->ended.store(true);
    state_->end.ring();
    state_->begin(0xffff, 0);
}

int Crew::threads() const { return state_->threads; }

void Crew::share(int threads, int pieces, Job job) {
    State& own = *state_;
    if (pieces > most_pieces) throw std::length_error("too many pieces of a job");
    if (threads <= 1 || pieces <= 1 || forks() != own.forks) {
        for (int piece = 0; piece < pieces; ++piece) job.visit(job.data, piece, 0);
        return;
    }
    const Phase phase{own.round + 1, std::min({threads, pieces, own.threads}), pieces};
    const std::uint32_t all = own.done.load(std::memory_order_relaxed) + std::uint32_t(pieces);
    own.job = job;
    own.begin(phase.threads, pieces);
    own.take_part(0, phase);
    // In a child that a piece has forked, those of the others' are never done.
    const auto over = [&] { return own.done.load() == all || forks() != own.forks; };
    own.caller.wait(over, [&] { own.fetch(phase.threads - 1); }, first_look);
}

namespace {

// Crews that have nothing to do. Never destroyed: their threads may outlive what ends with the process.
struct Idle {
    std::mutex lock;
    std::vector<std::unique_ptr<Crew>> crews;
    Idle() { crews.reserve(most_idle); }
};
std::atomic<Idle*> idle{nullptr};
[[maybe_unused]] const bool forgotten = at_fork([] { idle.store(nullptr); }); // the child has none of them

Idle& idle_crews() {
    Idle* found = idle.load();
    if (found) return *found;
    auto made = std::make_unique<Idle>();
    return idle.compare_exchange_strong(found, made.get()) ? *made.release() : *found;
}

std::unique_ptr<Crew> hire(int threads) {
    std::unique_ptr<Crew> smaller;
    {
        Idle& all = idle_crews();
        const std::lock_guard<std::mutex> lock(all.lock);
        const auto found = std::find_if(all.crews.rbegin(), all.crews.rend(),
                                        [=](const auto& crew) { return crew->threads() >= threads; });
        const auto place = found != all.crews.rend() ? std::prev(found.base()) : all.crews.begin();
        if (place != all.crews.end()) {
            smaller = std::move(*place);
            all.crews.erase(place);
        }
    }
    if (smaller && smaller->threads() >= threads) return smaller;
    return std::make_unique<Crew>(threads);
}

} // namespace

Hired::Hired(int threads) : crew_(hire(threads).release()), forks_(forks()) {}

Hired::~Hired() {
    if (forks() != forks_) return; // a child: the threads are its parent's
    std::unique_ptr<Crew> crew(crew_);
    Idle& all = idle_crews();
    const std::lock_guard<std::mutex> lock(all.lock);
    if (all.crews.size() < most_idle) all.crews.push_back(std::move(crew));
}

} // namespace steepest
