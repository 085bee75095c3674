// Plan: the registry of the kinds of stages.
#include "network/stages/stage_kind.hpp"

#include <stdexcept>
#include <string>

namespace steepest {
namespace {

// Made at the first registration: those of other files may come before this file's own objects.
std::vector<const StageKind*>& registry() {
    static std::vector<const StageKind*> kinds;
    return kinds;
}

} // namespace

const StageKind& stage_kind(std::string_view name) {
    for (const StageKind* kind : registry())
        if (name == kind->name) return *kind;
    throw std::invalid_argument("unknown stage '" + std::string(name) + "'");
}

void register_stage_kind(const StageKind& kind) { registry().push_back(&kind); }

} // namespace steepest
