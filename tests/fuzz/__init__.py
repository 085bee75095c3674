"""Three fuzzers, which `tests/project/test_fuzz.py` runs for a while. For as long as you like:

    cd tests
    python -m fuzz.api --calls 100000 --seed 7         # the public API, in a child process
    python -m fuzz.training --cases 5000 --seed 7      # training, in all ways to compute it
    python -m fuzz.coverage --seconds 3600 --seed 7    # model files, by coverage; needs `pip install atheris`

The first two print what they find, one of each kind, with the command that repeats it, and end with 1 if they
did; the last one ends with what it finds first. And a long run, after which nothing may have grown:

    python -m fuzz.soak --minutes 60 --seed 7          # drawn models, again and again
"""

from __future__ import annotations

import os

# NumPy's threads wait for each other by spinning, and the reference is called thousands of times.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported
