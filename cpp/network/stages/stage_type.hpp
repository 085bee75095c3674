// Compute: what each kind of stage does in one type, and how a file of stages/ makes its kind known.
//
// A new kind is a new file there: a StageType, and one Registration with its name and traits.
#pragma once

#include "network/context.hpp"
#include "network/stages/stage_view.hpp"

namespace steepest {

// What a step does with the gradients of a batch.
template <class T> struct StepUpdate {
    Index samples;
    const Updates<T>& updates;
    const OptimizerState<T>& state;
    // Regularized gradients are stored here, until the context says stop, and nothing is updated; or null.
    const Parameters<T>* gradients = nullptr;
};

// Some rows and columns of a stage in inference. x and `branch` begin at row 0 and column 0, as y does.
template <class T> struct Prediction {
    MatrixView<const T> x;
    MatrixView<const T> branch; // what a residual_add adds
    MatrixView<T> y;
    Index first, rows; // the number of row 0, and how many there are
    Range columns;
    T* scratch;
};

// Objects have no state: what they work on comes as a view. Only what the caller alone calls may throw.
template <class T> class StageType {
  public:
    // Makes room for what the stage saves of a batch from forward to backward. The caller alone.
    virtual void reserve(const Stage&, [[maybe_unused]] Index samples, Matrix<T>& /* saved */) const {}

    // Whether its product needs the weight arranged in another way than it is learned; if so, room for that,
    // and the arrangement itself. The first two by the caller alone, the last by every share, its part.
    [[nodiscard]] virtual bool arranges(const Stage&) const { return false; }
    virtual void reserve_arranged(const Stage&, Matrix<T>& /* arranged */) const {}
    virtual void arrange(const StageView<T>&, const Kernels<T>&, const Share&) const {}

    // y, a block of the outputs of a batch: of all rows where the kind is divided by columns, of all columns
    // where it is by rows. Every share, its block.
    virtual void forward(const StageView<T>&, const Context<T>&, Block y) const = 0;

    // dx, a block of the gradients of the stage below, times the derivative of that stage's activation: the
    // gradient of its sums. Every share, its block. Called for stages above the first that has parameters,
    // and for that one too where the kind is always_backward.
    virtual void backward(const StageView<T>&, const Context<T>&, Block dx) const = 0;

    // Updates this share's part of the parameters, or stores their gradients. Every share, when all have
    // been through backward(). Unless the kind is always_backward, gradients may be stored before it: storing
    // them and backward() must not write what the other one reads.
    virtual void update(const StageView<T>&, const Context<T>&, const StepUpdate<T>&) const {}

    // For kinds with statistics, in a part of a larger batch: before forward(), and before backward() of
    // stages above the first that has parameters, measure() makes the part's statistics, every share its
    // columns; then exchange() puts those of the whole in their place, the caller alone.
    virtual void measure(const StageView<T>&, const Context<T>&, Block, bool /* back */) const {}
    virtual void exchange(const StageView<T>&, const Whole<T>&, bool /* back */) const {}

    // Takes the statistics of a batch into the running ones: those that are given, or else those that
    // forward() saved. This share's columns. Every share.
    virtual void update_statistics(const StageView<T>&, const Context<T>&,
                                   const MatrixView<const T>* /* given */) const {}

    // Makes what all rows of predictions share of the running statistics, for kinds that have some. The
    // caller alone.
    virtual void prepare_prediction(const StageView<T>&, Matrix<T>& /* saved */) const {}

    // Outputs in inference. Every share, its rows and columns.
    virtual void predict(const StageView<T>&, const Kernels<T>&, const Prediction<T>&) const = 0;

  protected:
    ~StageType() = default;
};

// Registers a kind before main(): `const Registration<Type> registered{{.name = ...}};`
template <template <class> class Type> class Registration {
  public:
    explicit Registration(const StageKind& traits) : kind_(traits) {
        kind_.f32 = &f32_, kind_.f64 = &f64_;
        register_stage_kind(kind_);
    }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

  private:
    Type<float> f32_;
    Type<double> f64_;
    StageKind kind_;
};

} // namespace steepest
