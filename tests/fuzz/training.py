"""Differential fuzz of training: drawn networks and recipes, each computed in several ways that must agree.

    cd tests
    python -m fuzz.training --cases 5000 --seed 7     # cases that disagree are printed
    python -m fuzz.training --seed 7 --case 123       # one case alone

Native steps against the reference's, each from the reference's state, so that no difference grows; gradients
against central differences and forward mode; bits over threads and instruction sets; sparse samples against
dense ones; fits against loops of steps.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from support.implementations import FUSED, ISAS
from support.tolerances import FUNCTION, assert_close, assert_same_bits

import steepest as st
from steepest.backends.data import Batch, FitRequest, OptimizerState, TrainConfig, TrainState
from steepest.backends.sparse import SparseRows
from steepest.compile.penalties import per_layer
from steepest.gradients import check_gradients
from steepest.optimizers import is_lazy

from . import networks
from .draw import Draw
from .settings import AVERAGES, CONSTRAINTS, OPTIMIZERS, PENALTIES

THREADS = range(1, 8)
STEPS = 3
COUNTS = (1, 2, 3, 17, 33, 64)


@dataclasses.dataclass
class Case:
    """A network, how it learns, and from what; `draw` goes on drawing how it is computed."""

    layers: list[Any]
    config: dict[str, Any]
    batches: list[tuple[Any, ...]]  # X, y and weights or None
    dtype: Any
    draw: Draw

    def trainer(self, dtype: Any = None) -> st.Trainer:
        return st.Trainer(st.Sequential(*self.layers, dtype=dtype or self.dtype, seed=5), **self.config)

    def __str__(self) -> str:
        shapes = [x.shape for x, _, _ in self.batches]
        return f"{self.layers}\n  {self.config}\n  {np.dtype(self.dtype)} batches {shapes}"


def optimizer(d: Draw) -> Any:
    """One whose rate is small, so that no fit diverges, and whose epsilon amplifies no roundings by much."""
    chosen = d.made(OPTIMIZERS)
    rate = d.choice([0.01, 1e-3, st.schedules.Exponential(0.01, 0.9), st.schedules.Warmup(2, 0.01)])
    epsilon = {"epsilon": d.choice([1e-3, 0.1])} if hasattr(chosen, "epsilon") else {}
    return dataclasses.replace(chosen, learning_rate=rate, **epsilon)


def drawn(seed: int, number: int, counts: tuple[int, ...] = COUNTS, wide: bool = False) -> Case:
    """A case."""
    d = Draw(seed, number, repeats=False)  # equal rows are constants, on the kinks behind a normalization
    chain = networks.layers(d, (17, 64, 97)) if wide else networks.layers(d)
    if d.maybe(0.1):
        chain.insert(-1, st.Dropout(0.5, d.numbers.integers(0, 2, chain[-1].in_features)))
    net = st.Sequential(*chain)
    loss = networks.loss(d, net)
    config: dict[str, Any] = {"loss": loss, "penalty": networks.penalties(d, net), "optimizer": optimizer(d)}
    config["clip_value"] = d.choice([0.01, 0.5]) if d.maybe(0.2) else None
    config["clip_norm"] = d.choice([0.01, 0.5]) if d.maybe(0.3) else None
    config["constraint"] = d.made(CONSTRAINTS) if d.maybe(0.3) else None
    config["averaging"] = d.made(AVERAGES) if d.maybe(0.3) else None
    batches = [networks.samples(d, net, loss, counts) for _ in range(STEPS)]
    batches = [tuple(part if part is None else np.array(part) for part in batch) for batch in batches]
    return Case(chain, config, batches, d.choice([np.float32, np.float64]), d)


def depth(layers: list[Any], samples: int) -> float:
    """Roundings that follow each other in a step: of its sums, functions, and what the update amplifies.

    Sums over the samples and over each layer's inputs, forward and backward, and as many in its penalties and
    norms. Dividing by a root or by epsilon, of at least 1e-3, as batch normalization and the adaptive
    optimizers do, amplifies them.
    """
    widths = sum(array.size for array in st.Sequential(*layers).state_dict().values()) ** 0.5
    return 1000 * (2 * widths + samples + FUNCTION * len(layers))


def steps_of_the_backends(case: Case) -> None:
    """One step from the same state gives the same objective and state, in float64."""
    native, reference = case.trainer(np.float64), case.trainer(np.float64)
    isa = case.draw.choice(ISAS)
    for x, y, weight in case.batches:
        roundings = depth(case.layers, len(x))
        for (array, _), (_, value) in zip(native.learning.copies(), reference.learning.copies(), strict=True):
            array[...] = value
        with st.config("reference"):
            expected = reference.step(x, y, weight)
        with st.config("native", case.draw.choice(THREADS), isa):
            objective = native.step(x, y, weight)
        assert_close(objective, expected, roundings, 1 + abs(expected))
        for (array, _), (_, value) in zip(native.learning.copies(), reference.learning.copies(), strict=True):
            if value.dtype.kind == "i":
                assert_same_bits(array, value)
            else:
                assert_close(array, value, roundings, 1 + np.abs(value).max(initial=0))


def gradients(case: Case) -> None:
    """Reverse and forward mode agree with central differences wherever these mean something."""
    model, (x, y, weight) = case.trainer(np.float64).model, case.batches[0]
    penalty = case.config["penalty"]  # a proximal one is in the objective, but not in its gradients
    by_layer = penalty.values() if isinstance(penalty, dict) else [penalty]
    penalty = None if any(getattr(each, "proximal", False) for each in by_layer) else penalty
    with st.config(case.draw.choice(["native", "reference"])):
        check = check_gradients(
            model,
            *(x[:9], y[:9]),
            loss=case.config["loss"],
            penalty=penalty,
            sample_weight=None if weight is None else weight[:9],
            max_coordinates=4,
            tolerance=1e-5,
        )
    errors = [key.forward_error for key in check.keys] + [key.numerical_error or 0 for key in check.keys]
    assert max(errors) <= 1e-5, check


def outcome(trainer: st.Trainer, x: Any, y: Any, **options: Any) -> Any:
    """The losses of two epochs, or how they diverged or rose."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            return trainer.fit(x, y, epochs=2, progress=False, **options).loss
    except (st.DivergenceError, RuntimeWarning) as error:
        return str(error)


def bits(case: Case) -> None:
    """No thread count and no instruction set that rounds alike changes a bit of a fit."""
    (x, y, weight), results = case.batches[0], []
    first, size = case.draw.choice(FUSED or ISAS), case.draw.choice([None, 7, 32])
    ways = [(first, 1), (first, 1), *((case.draw.choice(FUSED or (first,)), threads) for threads in THREADS)]
    for isa, threads in ways:
        trainer = case.trainer()
        with st.config("native", threads, isa):
            losses = outcome(trainer, x, y, sample_weight=weight, batch_size=size)
        results.append((losses, [array for array, _ in trainer.learning.copies()]))
    for (loss, arrays), way in zip(results[1:], ways[1:], strict=True):
        assert str(loss) == str(results[0][0]), f"losses on {way}: {loss}, {results[0][0]}"
        for array, expected in zip(arrays, results[0][1], strict=True):
            assert_same_bits(array, expected, f"state on {way}")


def loops_of_steps(case: Case) -> None:
    """A fit without shuffling is a loop of steps, to the bit, on either backend."""
    (x, y, weight), size = case.batches[0], case.draw.choice([1, 7, 32, 100])
    fitted, stepped = case.trainer(), case.trainer()
    with st.config(case.draw.choice(["native", "reference"]), case.draw.choice(THREADS)):
        if isinstance(outcome(fitted, x, y, sample_weight=weight, batch_size=size, shuffle=False), str):
            return  # it went back to an epoch's end
        for start in [*range(0, len(x), size)] * 2:
            part = slice(start, start + size)
            stepped.step(x[part], y[part], None if weight is None else weight[part])
    for (array, _), (_, expected) in zip(fitted.learning.copies(), stepped.learning.copies(), strict=True):
        assert_same_bits(array, expected)


def sparse_samples(case: Case) -> None:
    """Sparse samples come to what dense ones do, if not by a lazy optimizer; threads change no bit."""
    d, classes = case.draw, case.draw.choice([2, 3, 17, 64])
    features, samples = d.choice([17, 97, 3000]), d.choice([17, 64, 600])
    layers = [st.Linear(features, classes, bias=d.maybe())]
    if d.maybe():
        layers += [st.Tanh(), st.Linear(classes, 3)]
    x = d.numbers.standard_normal((samples, features)) * (d.numbers.random((samples, features)) < 0.2)
    y = d.numbers.integers(0, 2, samples)
    options = {name: case.config[name] for name in ("clip_value", "clip_norm", "constraint")}
    penalties = per_layer(d.choice([st.L2(1e-3), d.made(PENALTIES), None]), layers)
    config = TrainConfig(
        st.SoftmaxCrossEntropy(),
        penalties,
        d.choice([st.SGD(0.01), st.Adam(0.01, lazy=True), optimizer(d)]),
        **options,
    )
    case.layers, case.config = layers, vars(config)  # for who reads the failure
    rows, columns = np.nonzero(x)
    starts = np.searchsorted(rows, np.arange(samples + 1)).astype(np.int64)
    csr = SparseRows(starts, columns.astype(np.int32), x[rows, columns], x.shape)
    isa, size = d.choice(ISAS), d.choice([32, 100, samples])

    def fit(matrix: Any, backend: str, threads: int) -> list[Any]:
        model = st.Sequential(*layers, dtype=np.float64)
        slots = {name: model.compiled.zeros() for name in config.optimizer.slots}
        state = TrainState(config, OptimizerState(slots))
        request = FitRequest(2, size, shuffle=True, seed=1, rates=np.full(1, 0.01))
        with st.config(backend, threads, isa if backend == "native" else None):
            result = model.compiled.network().fit(Batch(matrix, y, None), state, request, None)
            scores = model.compiled.network().forward(matrix)
        return [np.array(result.losses), *model.state_dict().values(), scores]

    expected, steps = fit(csr, "native", 1), 2 * -(-samples // size)
    for threads in THREADS:
        for array, value in zip(fit(csr, "native", threads), expected, strict=True):
            assert_same_bits(array, value, f"{threads} threads")
    others = [fit(csr, "reference", 1)] + ([] if is_lazy(config.optimizer) else [fit(x, "native", 2)])
    for other in others:
        for array, value in zip(other, expected, strict=True):
            assert_close(array, value, steps * depth(layers, size), 1 + np.abs(value).max())


# Properties, and how many of a hundred cases check each.
PROPERTIES: dict[Callable[[Case], None], int] = {
    steps_of_the_backends: 40,
    gradients: 15,
    bits: 15,
    loops_of_steps: 15,
    sparse_samples: 15,
}


def failure(seed: int, number: int, show: bool = False) -> str | None:
    """What is wrong with one case, alone of its seed and number."""
    choose = Draw(seed, number, 1).random
    check = choose.choices(list(PROPERTIES), list(PROPERTIES.values()))[0]
    wide = check in (bits, loops_of_steps)
    case = drawn(seed, number, (64, 300) if wide else COUNTS, wide and choose.random() < 0.5)
    if show:
        print(check.__name__, case)
    try:
        check(case)
    except Exception as error:
        return f"{check.__name__}: {type(error).__name__}: {error}\n  {case}"
    return None


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="check this one case, and show it")
    options = parser.parse_args()
    began, failed = time.monotonic(), 0
    numbers = range(options.cases) if options.case is None else [options.case]
    for number in numbers:
        if wrong := failure(options.seed, number, show=options.case is not None):
            failed += 1
            print(f"--seed {options.seed} --case {number}: {wrong}\n", flush=True)
    print(f"{len(numbers)} cases in {time.monotonic() - began:.0f} s: {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
