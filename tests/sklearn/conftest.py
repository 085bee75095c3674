"""Tests of `steepest.sklearn` need scikit-learn; those that ask for `on_backend` run on each backend."""

import pytest

import steepest as st

pytest.importorskip("sklearn.base")


@pytest.fixture
def on_backend(backend):
    """Compute on a backend, whatever a test does."""
    with st.config(backend.backend, backend.threads or None, backend.isa or None):
        yield


@pytest.fixture
def rows_of_their_own(backend):
    """Only where a row's bits do not depend on its batch: NumPy's products round by how many there are."""
    if backend.backend == "reference":
        pytest.skip("the reference rounds a row by its batch")


@pytest.fixture
def default_backend(backend):
    """Only where other processes compute as this one: they do not know of `st.config`."""
    if backend.backend == "reference":
        pytest.skip("workers compute on the default backend")
