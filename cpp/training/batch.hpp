// Plan: one batch of a run.
#pragma once

#include "training/samples.hpp"

namespace steepest {

template <class T> struct Batch {
    Samples<T> samples;  // where the step reads them: in place, or gathered
    double weight = 0;   // of all its samples together
    double scale = 0;    // what a sample's gradient is multiplied by, next to its weight
    bool gather = false; // whether it is still to be copied
    Index first = 0;     // where it begins in the epoch's order
};

} // namespace steepest
