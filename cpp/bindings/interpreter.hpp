// Turns: who has the interpreter's lock, who may use a network, and when signals are handled. A fit runs for
// minutes, and another thread must be able to cancel it.
#pragma once

#include "training/trainer.hpp"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace steepest::python {

namespace py = pybind11;

// Put where this thread may end: a thread that asks for the interpreter's lock while the interpreter shuts
// down is ended by unwinding its stack, and where C++ forbids that (in a destructor, in a parallel region)
// that ends the process. Such a thread sleeps until the process ends instead, as every thread does since
// Python 3.14.
class SleepsRatherThanUnwind {
  public:
    ~SleepsRatherThanUnwind() {
        while (!done_) std::this_thread::sleep_for(std::chrono::hours(1));
    }
    void done() { done_ = true; }

  private:
    bool done_ = false;
};

// Calls a Python function, which may give the lock up and ask for it again: its callers' objects must not be
// given back without it.
inline py::object called(const py::object& function, const py::tuple& arguments) {
    PyObject* result;
    {
        SleepsRatherThanUnwind guard;
        result = PyObject_CallObject(function.ptr(), arguments.ptr());
        guard.done();
    }
    if (!result) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(result);
}

// Calls `f`, which must not throw, with the interpreter's lock.
template <class F> __attribute__((noinline)) auto locked(F f) {
    SleepsRatherThanUnwind guard;
    const PyGILState_STATE state = PyGILState_Ensure();
    const auto result = f();
    PyGILState_Release(state);
    guard.done();
    return result;
}

// Releases the interpreter's lock for some multiply-adds, or bytes to read. Not for quick work, up to 20 us:
// other threads can wait for that, while releasing and retaking the lock costs 0.1 us, and milliseconds if
// one of them takes it meanwhile.
class Unlocked {
  public:
    static constexpr double quick = 1e6;
    explicit Unlocked(double work = 2 * quick) : state_(work > quick ? PyEval_SaveThread() : nullptr) {}
    ~Unlocked() {
        if (state_) retake(state_);
    }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

  private:
    __attribute__((noinline)) static void retake(PyThreadState* state) {
        SleepsRatherThanUnwind guard;
        PyEval_RestoreThread(state);
        guard.done();
    }
    PyThreadState* state_;
};

// Calls `f`, which calls Python in the middle of a computation. If it raises, or the process was forked
// meanwhile, the result is false, and `error` is kept until the computation has ended.
template <class F> bool succeeds(std::exception_ptr& error, const char* who, F f) {
    return locked([&] {
        try {
            const unsigned before = forks();
            f();
            if (forks() != before)
                throw std::runtime_error(std::string("the process was forked by ") + who +
                                         ": the child cannot go on with this computation, whose threads are "
                                         "the parent's");
            return true;
        } catch (const std::exception&) {
            error = std::current_exception();
            return false;
        }
    });
}

// Asks Python, while the team computes, whether to go on: the caller's function, if there is one, then the
// signals.
class Watcher {
  public:
    explicit Watcher(py::object ask = py::none()) : ask_(std::move(ask)) {}
    Poll function() {
        return [this](double epochs) {
            bool stop = false;
            const bool good = succeeds(error_, "a signal handler or a watcher", [&] {
                stop = !ask_.is_none() && py::cast<bool>(called(ask_, py::make_tuple(epochs)));
                if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            });
            return stop || !good;
        };
    }
    void raise() {
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

  private:
    py::object ask_;
    std::exception_ptr error_;
};

// visit(first, count) for one piece of n after the other, each of about `work` / `each` of them, until it
// returns false; without the interpreter's lock, if all of them are not quick. Signals are handled in
// between. Pieces of 4 MiB stay in the cache while they are looked at more than once.
template <class Visit> bool in_pieces(Index n, double each, Visit visit, double work = 4 << 20) {
    const Index piece = std::max<Index>(1, Index(std::min(work / std::max(each, 1.0), 1e15)));
    if (n <= piece) {
        const Unlocked unlocked(double(n) * each);
        return n == 0 || visit(0, n);
    }
    Watcher signals;
    Poller poller(signals.function());
    bool whole = true;
    {
        const Unlocked unlocked(double(n) * each);
        for (Index i = 0; i < n && whole && !poller.stopped(); i += piece) {
            whole = visit(i, std::min(piece, n - i));
            poller.poll(work_between_polls);
        }
    }
    signals.raise();
    return whole;
}

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
                    const Unlocked unlocked;
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

    bool idle() const { return owner_.load() == std::thread::id{} && waiting_.load() == 0; }

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
