// What the extension is: `steepest._core`.
#include "bindings/calls.hpp"

namespace steepest::python {

LastRun& last_run() {
    thread_local LastRun run;
    return run;
}

namespace {

py::tuple names(const std::vector<const KernelTable*>& tables) {
    py::list list;
    for (const auto* table : tables) list.append(table->name);
    return py::tuple(list);
}

const char* compiler() {
#if defined(__clang__)
    return "clang " __VERSION__;
#elif defined(__GNUC__)
    return "g++ " __VERSION__;
#else
    return "unknown";
#endif
}

} // namespace

PYBIND11_MODULE(_core, m) {
    m.doc() = "The native core of steepest. Use the package, not this module.";
    m.attr("compiler") = compiler();
    m.attr("threading") = threading();
    m.def("built_isas", [] { return names(built_kernels()); });
    m.def("available_isas", [] { return names(available_kernels()); });
    m.def("default_threads", &default_threads);
    m.def("use_all_threads", use_all_threads, py::arg("always"));
    m.def("last_run", [] { return py::make_tuple(last_run().isa, last_run().threads); });
    bind_result(m);
    bind_network(m);
    bind_dual_ascent(m);
    bind_online(m);
    bind_functions(m);
    bind_training_functions(m);
    bind_machine(m);
    bind_random_state(m);
}

} // namespace steepest::python
