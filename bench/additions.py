"""Print what a layer, an optimizer or a penalty adds to the time of a plain step.

    python bench/additions.py [--threads 2] [--rounds 40] [--only TEXT] [--quick] [--json FILE]

All are 128 x 784-512-256-10 with softmax in float32, and differ from plain SGD with ReLU in one thing. Each
is first checked against the reference backend. They take turns; a ratio is one of medians over the rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from harness import LEAST_STEPS, microseconds, options, parsed, per_call, report, take_turns
from problems import CHECKED_STEPS, TOLERANCE, Problem, data

import steepest as st

PROBLEM = Problem(128, (784, 512, 256, 10))
PLAIN = "plain SGD"


def layers(after: Callable[[int], list[Any]] = lambda n: [st.ReLU()], bias: bool = True) -> list[Any]:
    """The network, with other layers after each hidden one of n features."""
    hidden: list[Any] = []
    for inputs, outputs in ((784, 512), (512, 256)):
        hidden += [st.Linear(inputs, outputs, bias=bias), *after(outputs)]
    return [*hidden, st.Linear(256, 10)]


def _additions() -> dict[str, Callable[[], st.Trainer]]:
    sgd = st.SGD(PROBLEM.learning_rate)

    def trainer(net: list[Any], optimizer: Any = sgd, **how: Any) -> st.Trainer:
        return st.Trainer(st.Sequential(*net), optimizer=optimizer, **how)

    made = {PLAIN: partial(trainer, layers())}
    for activation in (
        st.Sigmoid,
        st.Tanh,
        st.LeCunTanh,
        st.LeakyReLU,
        st.ELU,
        st.Softplus,
        st.GELU,
        st.SiLU,
        st.SELU,
        st.Mish,
    ):
        made[activation.__name__] = partial(trainer, layers(lambda n, own=activation: [own()]))
    made["dropout"] = partial(trainer, layers(lambda n: [st.ReLU(), st.Dropout(0.5)]))
    # The biases before a normalization have no gradient, only its rounding, which cannot be compared.
    made["batch norm"] = partial(trainer, layers(lambda n: [st.BatchNorm(n), st.ReLU()], bias=False))
    made["layer norm"] = partial(trainer, layers(lambda n: [st.LayerNorm(n), st.ReLU()]))
    made["scale"] = partial(trainer, layers(lambda n: [st.Scale(n), st.ReLU()]))
    made["momentum"] = partial(trainer, layers(), st.SGD(PROBLEM.learning_rate, 0.9))
    # Not Lion: the sign of a gradient near 0 is one of rounding, so no two backends take the same steps.
    for rule in (st.AdaGrad, st.RMSProp, st.Adam, st.AdamW, st.NAdam):
        made[rule.__name__] = partial(trainer, layers(), rule(0.001))
    made["L2"] = partial(trainer, layers(), penalty=st.L2(1e-4))
    made["L1"] = partial(trainer, layers(), penalty=st.L1(1e-5))
    made["clipped norm"] = partial(trainer, layers(), clip_norm=1.0)
    made["max-norm"] = partial(trainer, layers(), constraint=st.MaxNorm(3.0))
    made["averaged"] = partial(trainer, layers(), averaging=st.ExponentialAverage())
    return made


def train(trainer: st.Trainer, steps: int) -> None:
    """Full batches, as `peers.Steepest` does."""
    trainer.fit(*data(PROBLEM), epochs=steps, batch_size=None, shuffle=False, progress=False)


def start(make: Callable[[], st.Trainer], threads: int) -> Callable[[int], None]:
    """A trainer's fit, after it has learned what the reference learns."""
    trained = {}
    for backend in ("native", "reference"):
        trainer = make()
        before = trainer.model.state_dict()
        with st.config(backend=backend, num_threads=threads):  # type: ignore[arg-type]
            train(trainer, CHECKED_STEPS)
        trained[backend] = trainer
    expected = trained["reference"].model.state_dict()
    for key, found in trained["native"].model.state_dict().items():
        way = np.linalg.norm(expected[key] - before[key])
        assert np.linalg.norm(found - expected[key]) <= TOLERANCE["float32"] * way + 1e-12, key

    def run(steps: int) -> None:
        with st.config(num_threads=threads):
            train(trained["native"], steps)

    return run


def main() -> None:
    """Measure, print, and write the file."""
    parser = options("What an addition costs, next to plain SGD.", rounds=40)
    parser.add_argument("--only", default="", metavar="TEXT", help="only additions whose name has this in it")
    given = parsed(parser)
    chosen = {name: make for name, make in _additions().items() if given.only in name or name == PLAIN}
    # As many for all, and in short turns, so that all see the same machine.
    steps = 1 if given.quick else LEAST_STEPS
    measures = {name: per_call(start(make, given.threads), 0, steps) for name, make in chosen.items()}
    samples = take_turns(measures, given.rounds, settle=0)
    lines = [[PROBLEM.name, "microseconds", "of plain SGD"]]
    for name, taken in samples.items():
        ratio = median(taken) / median(samples[PLAIN])
        lines.append([name, microseconds(median(taken)), f"{ratio:.2f}x"])
    report(given, lines, {"seconds": samples})


if __name__ == "__main__":
    main()
