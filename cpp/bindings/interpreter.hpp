// Turns: who has the interpreter's lock, who may use a network, and when signals are handled. A fit runs for
// minutes, and another thread must be able to cancel it.
#pragma once

#include "../trainer.hpp"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace steepest::python {

namespace py = pybind11;

// Releases the interpreter's lock for some multiply-adds, or bytes to read. Not for quick work, up to 20 us:
// other threads can wait for that, while releasing and retaking the lock costs 0.1 us, and milliseconds if
// one of them takes it meanwhile.
class Unlocked {
  public:
    static constexpr double quick = 1e6;
    explicit Unlocked(double work) {
        if (work > quick) released_.emplace();
    }

  private:
    std::optional<py::gil_scoped_release> released_;
};

// visit(first, count) for 4 MiB of rows after the other, which stay in the cache while they are looked at
// more than once; until it returns false. Signals are handled in between: a file mapped to memory takes long.
template <class Visit> bool in_pieces(Index rows, Index row_bytes, Visit visit) {
    const Index piece = std::max<Index>(1, (Index(4) << 20) / std::max<Index>(1, row_bytes));
    for (Index i = 0; i < rows; i += piece) {
        if (i > 0) {
            py::gil_scoped_acquire locked;
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        }
        if (!visit(i, std::min(piece, rows - i))) return false;
    }
    return true;
}

// Asks Python, while the team computes, whether to go on: the caller's function, then the signals.
class Watcher {
  public:
    explicit Watcher(py::object ask) : ask_(std::move(ask)) {}
    Watch function() {
        return [this](double epochs) {
            py::gil_scoped_acquire locked;
            try {
                const bool stop = !ask_.is_none() && py::cast<bool>(ask_(epochs));
                if (PyErr_CheckSignals() != 0) throw py::error_already_set();
                return stop;
            } catch (const std::exception&) { // ends the run; raised when it has ended
                error_ = std::current_exception();
                return true;
            }
        };
    }
    void raise() {
        if (error_) std::rethrow_exception(error_);
    }

  private:
    py::object ask_;
    std::exception_ptr error_;
};

// A network's buffers serve one computation at a time. Others wait, and can be interrupted; whoever had the
// last turn lets them go first. Only a signal handler or watcher that runs inside a computation must not wait
// for it.
class Exclusive {
  public:
    class Turn {
      public:
        explicit Turn(Exclusive& gate) : gate_(gate) { // with the interpreter's lock
            const auto me = std::this_thread::get_id();
            if (gate.take(me, 0)) return;
            const Waiting waiting(gate.waiting_);
            while (!gate.take(me, 1)) {
                {
                    py::gil_scoped_release unlocked;
                    std::this_thread::sleep_for(std::chrono::microseconds(100));
                }
                if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            }
        }
        ~Turn() { gate_.owner_.store({}); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

      private:
        Exclusive& gate_;
    };

  private:
    struct Waiting {
        std::atomic<int>& count;
        explicit Waiting(std::atomic<int>& n) : count(n) { ++count; }
        ~Waiting() { --count; }
    };

    // Whether it is the turn of `me`, who is counted `counted` times among those that wait.
    bool take(std::thread::id me, int counted) {
        std::thread::id owner; // nobody
        if (last_.load() == me && waiting_.load() > counted && owner_.load() != me) return false;
        if (owner_.compare_exchange_strong(owner, me)) {
            last_.store(me);
            return true;
        }
        if (owner == me)
            throw std::runtime_error(
                "this model is computing: it cannot be used from a signal handler, nor by its own loss");
        return false;
    }

    std::atomic<std::thread::id> owner_{}, last_{};
    std::atomic<int> waiting_{0};
};

} // namespace steepest::python
