// Compute: a network with its buffers, which serve one computation at a time, and are made anew in a child
// process.
#pragma once

#include "bindings/calls.hpp"
#include "bindings/state.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace steepest::python {

template <class T> class Engine {
  public:
    Engine(py::handle stages, py::handle parameters, std::vector<py::array> running)
        : stages_(stages_from(stages)), parameters_(stages_, parameters),
          running_(stages_, std::move(running)), buffers_(new_buffers()) {}

    const StageList& stages() const { return stages_; }
    const ParameterSet<T>& parameters() const { return parameters_; }
    Network<T>& network() { return buffers().network; }

    // A batch that needs more rows of a mask than there are would read beyond them.
    bool masks_cover(Index batch) const {
        return std::all_of(stages_.begin(), stages_.end(), [=](const BoundStage& bound) {
            return bound.stage.mask_rows <= 1 || bound.stage.mask_rows >= batch;
        });
    }

    // Scores y of rows, some that stay in the cache at a time; false if they are to be finite and one is not.
    bool predict(MatrixView<const T> x, Index count, MatrixView<T> y, bool finite, const Choice& choice) {
        const auto& kernels = kernels_of<T>(choice.table);
        const Index columns = network().inputs();
        const Index piece = std::max<Index>(1, (Index(4) << 20) / (columns * Index(sizeof(T))));
        bool good = true;
        predict(count, choice, [&](Network<T>& network, Poller& poller) {
            int size = 1;
            for (Index i = 0; i < count && !poller.stopped(); i += piece) {
                const Index n = std::min(piece, count - i);
                good = !finite || first_nonfinite_row(kernels, from(x, i), n, columns) < 0;
                if (!good) break;
                size = std::max(size,
                                network.predict(kernels, choice.threads, from(x, i), from(y, i), n, poller));
                poller.poll(work_between_polls);
            }
            return size;
        });
        return good;
    }

    // Scores y of sparse rows, for a first stage that is dense.
    void predict(const Csr<T>& x, Index count, MatrixView<T> y, const Choice& choice) {
        predict(count, choice, [&](Network<T>& network, Poller& poller) {
            SparseBatch<T> rows;
            rows.read(x);
            const SparseReading<T> reading(network, &rows);
            return network.predict(kernels_of<T>(choice.table), choice.threads, {}, y, count, poller);
        });
    }

    // Runs a computation of so much time, which asks `should_stop` and for signals unless it is quick.
    template <class F> Result compute(double time, py::object should_stop, const Choice& choice, F run) {
        Buffers& own = buffers();
        Watcher watcher(std::move(should_stop));
        Result result;
        {
            const Exclusive::Turn turn(own.turns);
            const Unlocked unlocked(time);
            result = run(own.trainer, kernels_of<T>(choice.table), choice.threads,
                         time > Unlocked::quick ? watcher.function() : Poll());
        }
        choice.ran(result.threads);
        watcher.raise();
        return result;
    }

  private:
    // Runs a prediction, which returns how many threads took part.
    template <class F> void predict(Index count, const Choice& choice, F run) {
        Buffers& own = buffers();
        const double time =
            own.network.plan().total_time(count) + double(count) * double(own.network.inputs());
        Watcher signals;
        Poller poller(time > Unlocked::quick ? signals.function() : Poll());
        int size = 1;
        {
            const Exclusive::Turn turn(own.turns);
            const Unlocked unlocked(time);
            size = run(own.network, poller);
        }
        choice.ran(size);
        signals.raise();
    }

    struct Buffers {
        Network<T> network;
        Trainer<T> trainer{network};
        Exclusive turns;
        const unsigned forks = steepest::forks();
        explicit Buffers(Network<T> made) : network(std::move(made)) {}
    };

    std::unique_ptr<Buffers> new_buffers() const {
        std::vector<Stage> stages;
        for (const auto& bound : stages_) stages.push_back(bound.stage);
        return std::make_unique<Buffers>(Network<T>(std::move(stages), parameters_.views, running_.views));
    }

    // A child process has none of its parent's threads: what they computed with is left as it is.
    Buffers& buffers() {
        if (buffers_->forks != forks()) {
            if (!buffers_->turns.idle()) static_cast<void>(buffers_.release());
            buffers_ = new_buffers();
        }
        return *buffers_;
    }

    StageList stages_;
    ParameterSet<T> parameters_;
    RunningSet<T> running_;
    std::unique_ptr<Buffers> buffers_;
};

} // namespace steepest::python
