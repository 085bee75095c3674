"""Runs programs that have samples, a model and a trainer in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

SETTING = """
import copy, os, resource, signal, sys, threading, time
import numpy as np
import steepest as st
from steepest import functional as F

rng = np.random.default_rng(0)
X, y = rng.standard_normal((4000, 200), np.float32), rng.integers(0, 10, 4000)
model = st.Sequential(st.Linear(200, 256), st.ReLU(), st.Linear(256, 10))
trainer = st.Trainer(model)
"""


def run(code, first="", **environment):
    """Its exit status and what it printed, of a process that must end by itself."""
    command = [sys.executable, "-W", "error", "-c", first + SETTING + textwrap.dedent(code)]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def forked(work):
    """A child process, which calls `work` and ends: with 0, with 3 by Ctrl-C, or with 1 by another error."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # or it might come before the first `try`
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        return child
    code = 1
    try:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
            work()
            code = 0
        except KeyboardInterrupt:
            code = 3
    finally:
        os._exit(code)
