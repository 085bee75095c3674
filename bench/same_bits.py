"""Print whether the number of threads changes a trained network: in steepest, in scikit-learn, in PyTorch.

    python bench/same_bits.py [--threads 2] [--quick] [--json FILE]

Each library trains a 64-256-128-10 network on the digits from one seed, once with one thread and once with
--threads, each time in a new process. The bits of the weights are compared by their hash.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from fits import INSTALLED, digits
from harness import options, parsed, report

import steepest as st

HIDDEN, EPOCHS = (256, 128), 5


def main() -> None:
    """Train, print, and write the file."""
    given = parsed(options("Bits of trained weights by threads, steepest against others."))
    lines, same = [["weights trained by", "1 thread", f"{given.threads} threads", "same bits"]], {}
    names = [name for name in TRAIN if name in INSTALLED]
    for name in names:
        one, more = (trained(name, threads) for threads in (1, given.threads))
        same[name] = one == more
        lines.append([name, one[:8], more[:8], "yes" if same[name] else "no"])
    report(given, lines, {"same": same}, absent=[name for name in TRAIN if name not in names] or "nothing")


def trained(name: str, threads: int) -> str:
    """The hash of the weights, from a new process with that many threads."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    child = subprocess.run(
        [sys.executable, __file__, "--child", name, str(threads)],
        env=os.environ | limits,
        capture_output=True,
        text=True,
        check=True,
    )
    return child.stdout.strip()


def by_estimator(make: Callable[..., Any]) -> list[Any]:
    """Weights of a default fit."""
    (x, y), _ = digits()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")  # as was asked for
        return list(make(HIDDEN, max_iter=EPOCHS, random_state=0).fit(x, y).coefs_)


def by_steepest(threads: int) -> list[Any]:
    from steepest.sklearn import MLPClassifier

    with st.config(num_threads=threads):
        return by_estimator(MLPClassifier)


def by_sklearn(threads: int) -> list[Any]:
    from sklearn.neural_network import MLPClassifier

    return by_estimator(MLPClassifier)


def by_torch(threads: int) -> list[Any]:
    import torch
    from torch.nn import Linear, ReLU, Sequential, functional

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    (x, y), _ = digits()
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    layers = [Linear(64, HIDDEN[0]), ReLU(), Linear(*HIDDEN), ReLU(), Linear(HIDDEN[1], 10)]
    net = Sequential(*layers)
    optimizer = torch.optim.Adam(net.parameters())
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(200):
            optimizer.zero_grad()
            functional.cross_entropy(net(rows[batch]), labels[batch]).backward()
            optimizer.step()
    return [parameter.detach().numpy() for parameter in net.parameters()]


TRAIN = {"steepest": by_steepest, "sklearn": by_sklearn, "torch": by_torch}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        weights = TRAIN[sys.argv[2]](int(sys.argv[3]))
        print(hashlib.sha256(b"".join(np.ascontiguousarray(w).tobytes() for w in weights)).hexdigest())
    else:
        main()
