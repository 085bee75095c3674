// Plan: what the lists of activations, losses and optimizer rules tell the core, which knows none by name.
#pragma once

#include "kernels/arguments.hpp"

namespace steepest {

// An array, without functions: a standard span has some.
template <class X> struct List {
    const X* data;
    int count;
};

struct ActivationTraits {
    const char* name;
    bool reads_input; // its derivative comes from its input, not from its output
};

struct LossTraits {
    const char* name;
    bool takes_labels;                      // not targets
    bool has_dual;                          // a step of dual coordinate ascent
    double smallest_target, largest_target; // that it is defined for
};

// A step as a rule gets it.
struct StepInput {
    const double* given; // the numbers that the optimizer is described by
    double learning_rate;
    Index age;              // steps since the slots were zero
    double smallest_normal; // number of the parameters' type
};

// And the numbers that the rule makes of it for `Update`.
struct StepNumbers {
    double learning_rate;
    double decay = 0; // the part of a weight that the step takes away; not of biases and scales
    double numbers[most_numbers] = {};
};

struct OptimizerTraits {
    const char* name;
    List<const char*> given; // names of the numbers that an optimizer is described by
    int (*slots)(const double* given);
    // Whether it leaves weight rows alone, and what it keeps of them, whose feature no sparse sample has.
    bool (*lazy)(const double* given);
    void (*prepare)(const StepInput&, StepNumbers&);
    bool depends_on_age;
    // Without slots it is w - learning_rate * g, which lets the core put off penalties and leave weights
    // alone whose gradient is 0; with them, slots show in w when they overflow, and registers hold a tile.
    bool descends;
};

} // namespace steepest
