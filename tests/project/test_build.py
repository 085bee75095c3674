"""The C++ core builds without Python and passes its own tests; its kernel objects share nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2]
# Tools installed with pip lie beside this Python, which need not be on the PATH.
SEARCH = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])


def tool(*names):
    found = (shutil.which(name, path=SEARCH) for name in names)
    return next((path for path in found if path), None)


def run(*command):
    environment = os.environ | {"PATH": SEARCH}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def configured(folder, *options):
    """CMake's folder of the plain C++ core."""
    for name, found in [
        ("a C++ compiler", os.environ.get("CXX") or tool("c++", "g++", "clang++")),
        ("CMake", tool("cmake")),
        ("Ninja or Make", tool("ninja", "make")),
        ("the C++ sources", (SOURCE / "cpp").is_dir()),
    ]:
        if not found:
            pytest.skip(f"{name} is not here")
    generator = ["-G", "Ninja"] if tool("ninja") else []
    run(tool("cmake"), "-S", str(SOURCE), "-B", str(folder), *generator, "-DSTEEPEST_PYTHON=OFF", *options)
    return folder


@pytest.mark.slow
def test_the_core_passes_its_own_tests_and_its_kernels_share_nothing(tmp_path):
    """One test, since the kernels take minutes to compile; STEEPEST_BUILD names a folder where they are."""
    if built := os.environ.get("STEEPEST_BUILD"):
        build = Path(built)
    else:
        build = configured(tmp_path, "-DSTEEPEST_TESTS=ON")
        run(tool("cmake"), "--build", str(build), "--parallel", "2")
    output = run(tool("ctest"), "--test-dir", str(build), "--output-on-failure")
    count = re.search(r"100% tests passed(?:, 0 tests failed)? out of (\d+)", output)
    concerns, objects = list((SOURCE / "cpp/tests/core").glob("*.cpp")), kernel_objects(build)
    assert count and int(count[1]) == len(concerns) + len(objects), output
    assert objects.keys() in ({"sse2", "avx2", "avx512"}, {"neon"})
    assert all(shares_nothing(name, path) for name, path in objects.items())


def kernel_objects(build):
    """Object file of each instruction set."""
    folders = build.rglob("steepest_kernels_*.dir")
    return {folder.stem.removeprefix("steepest_kernels_"): folder / "kernels/isa.cpp.o" for folder in folders}


def shares_nothing(name, path):
    """An inline function compiled for AVX-512 must never be the copy that the linker keeps for all.

    So no weak symbol (V, W, v, w, or unique: u), nothing defined for others but the getter of the table,
    no code that runs when the library is loaded, and nothing needed from a standard library of C++.
    """
    if tool("nm") is None:
        pytest.skip("nm is not here")
    symbols = [line.split()[-2:] for line in run(tool("nm"), str(path)).splitlines()]
    assert {kind for kind, _ in symbols} <= set("TtrRdDbBU"), name
    assert [symbol for kind, symbol in symbols if kind in "TRDB"] == [f"steepest_kernels_{name}"]
    needed = {symbol for kind, symbol in symbols if kind == "U"}
    assert needed <= {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"}, name
    assert not any("_GLOBAL__sub_I" in symbol for _, symbol in symbols), name
    return True


@pytest.mark.skipif("STEEPEST_BUILD" in os.environ, reason="all objects are looked at above")
def test_the_object_of_the_least_instruction_set_shares_nothing(tmp_path):
    """Not optimized, which takes seconds and inlines nothing away."""
    name = "neon" if platform.machine() in ("aarch64", "arm64") else "sse2"
    folder = configured(tmp_path, "-DCMAKE_BUILD_TYPE=Debug")
    run(tool("cmake"), "--build", str(folder), "--target", f"steepest_kernels_{name}")
    assert shares_nothing(name, kernel_objects(folder)[name])


def test_the_tests_that_checks_name_are_there():
    """Else the sanitizers would end with none, after minutes of building."""
    text = "".join((SOURCE / ".ci" / name).read_text(encoding="utf-8") for name in ("run", "sanitize"))
    named = re.findall(r"tests/(\w+)/test_(\{[\w,]+\}|\w+)\.py", text)
    files = [f"{folder}/test_{name}.py" for folder, names in named for name in names.strip("{}").split(",")]
    assert len(files) > 20 and not [name for name in files if not (SOURCE / "tests" / name).is_file()]
