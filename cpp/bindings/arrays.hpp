// Check: NumPy arrays seen as the core's views. What would be unsafe to read or write raises here;
// messages for people are the Python side's business (_checks/).
#pragma once

#include "bindings/interpreter.hpp"
#include "kernels/dispatch.hpp"
#include "operations.hpp"

#include <pybind11/gil_safe_call_once.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <stdexcept>
#include <string>

namespace steepest::python {

namespace py = pybind11;

[[noreturn]] inline void refuse(const std::string& what) { throw std::invalid_argument(what); }

// Whether kernels can read an object as it lies: an array of T in C order. Of the subclasses of ndarray only
// memmap is known to be no more than its elements.
template <class T> bool plain(py::handle object, Index dimensions) {
    // Not a local static alone: it would be waited for with the GIL held, while its import lets others run.
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<std::array<py::object, 2>> stored;
    auto& kinds = stored.call_once_and_store_result([] {
        const auto numpy = py::module_::import("numpy");
        return std::array<py::object, 2>{numpy.attr("ndarray"), numpy.attr("memmap")};
    });
    const py::handle type = py::type::handle_of(object);
    if (!type.is(kinds.get_stored()[0]) && !type.is(kinds.get_stored()[1])) return false;
    const auto a = py::reinterpret_borrow<py::array>(object);
    return a.ndim() == dimensions && (a.flags() & py::array::c_style) && a.dtype().is(py::dtype::of<T>()) &&
           reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0;
}

// Views of such an array; of any other object, none: null.
template <class T> struct PlainMatrix {
    MatrixView<const T> rows{};
    Index count = 0, columns = 0;

    explicit PlainMatrix(py::handle object) {
        if (!plain<T>(object, 2)) return;
        const auto a = py::reinterpret_borrow<py::array>(object);
        count = a.shape(0), columns = a.shape(1);
        rows = bounded<const T>({static_cast<const T*>(a.data()), columns}, count, columns);
    }
};

template <class T> struct PlainVector {
    const T* data = nullptr;
    Index size = 0;

    explicit PlainVector(py::handle object) {
        if (!plain<T>(object, 1)) return;
        const auto a = py::reinterpret_borrow<py::array>(object);
        data = static_cast<const T*>(a.data()), size = a.size();
    }
};

template <class T> void require_dtype(const py::array& a, const char* what) {
    if (!py::isinstance<py::array_t<T>>(a)) refuse(std::string(what) + " has another dtype than expected");
}

// Whether elements lie where one of their type may: what is elsewhere is copied.
template <class T> bool aligned(const py::array& a) {
    return reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0;
}

// An array of T in C order, aligned: the given one, or a copy.
template <class T> py::array_t<T, py::array::c_style> contiguous(const py::array& a) {
    return aligned<T>(a) ? py::array_t<T, py::array::c_style>(a)
                         : py::array_t<T, py::array::c_style>(a.attr("copy")("C"));
}

// A matrix to read. Rows may be any whole number of elements apart; other layouts are copied.
template <class T> struct Input {
    py::array owner;
    MatrixView<const T> rows{};
    Index count = 0, columns = 0;

    Input() = default;
    Input(py::array a, const char* what) : owner(std::move(a)) {
        require_dtype<T>(owner, what);
        if (owner.ndim() != 2) refuse(std::string(what) + " is not a matrix");
        count = owner.shape(0), columns = owner.shape(1);
        const Index size = sizeof(T);
        if ((columns > 1 && owner.strides(1) != size) || owner.strides(0) % size != 0 || !aligned<T>(owner))
            owner = contiguous<T>(owner);
        rows =
            bounded<const T>({static_cast<const T*>(owner.data()), owner.strides(0) / size}, count, columns);
    }
    void require(Index expected_rows, Index expected_columns, const char* what) const {
        if (count != expected_rows || columns != expected_columns)
            refuse(std::string(what) + " has another shape");
    }
};

// A vector to read, contiguous.
template <class T> struct InputVector {
    py::array_t<T, py::array::c_style> owner;
    const T* data = nullptr;

    InputVector() = default;
    InputVector(const py::object& object, Index size, const char* what) {
        if (object.is_none()) return;
        const auto a = py::cast<py::array>(object);
        require_dtype<T>(a, what);
        if (a.ndim() != 1 || a.shape(0) != size) refuse(std::string(what) + " has another shape");
        owner = contiguous<T>(a);
        data = owner.data();
    }
};

template <class T> MatrixView<T> writable(py::array& a, Index rows, Index columns, const char* what) {
    require_dtype<T>(a, what);
    const Index size = sizeof(T);
    if (a.ndim() != 2 || a.shape(0) != rows || a.shape(1) != columns)
        refuse(std::string(what) + " has another shape");
    T* const data = static_cast<T*>(a.mutable_data()); // throws if read-only
    if (a.size() == 0) return bounded<T>({data, columns}, rows, columns);
    if ((columns > 1 && a.strides(1) != size) || a.strides(0) % size != 0 || !aligned<T>(a))
        refuse(std::string(what) + " must have contiguous and aligned rows");
    if (rows > 1 && a.strides(0) < columns * size) refuse(std::string(what) + " has rows that overlap");
    return bounded<T>({data, a.strides(0) / size}, rows, columns);
}

template <class T> T* writable(py::array& a, Index elements, const char* what) {
    require_dtype<T>(a, what);
    if (a.ndim() != 1 || a.shape(0) != elements) refuse(std::string(what) + " has another shape");
    if ((elements > 1 && a.strides(0) != Index(sizeof(T))) || !aligned<T>(a))
        refuse(std::string(what) + " must be contiguous and aligned");
    return static_cast<T*>(a.mutable_data());
}

template <class T> py::array_t<T> new_matrix(Index rows, Index columns) {
    return py::array_t<T>({rows, columns});
}

template <class T> MatrixView<T> rows_of(py::array_t<T>& fresh) {
    return bounded<T>({fresh.mutable_data(), Index(fresh.shape(1))}, fresh.shape(0), fresh.shape(1));
}

template <class T>
Index search_nonfinite_row(const Kernels<T>& kernels, MatrixView<const T> x, Index rows, Index columns) {
    Index found = -1;
    in_pieces(rows, double(columns) * sizeof(T), [&](Index first, Index count) {
        const Index row = first_nonfinite_row(kernels, from(x, first), count, columns);
        if (row >= 0) found = first + row;
        return row < 0;
    });
    return found;
}

} // namespace steepest::python
