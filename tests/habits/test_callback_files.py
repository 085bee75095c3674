"""Files of callbacks: what is there already, and paths that are none."""

from __future__ import annotations

import pytest

import steepest as st


def test_a_log_without_a_last_newline_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"epoch,loss,seconds\n0,1,2")
    X, y = st.datasets.two_moons()
    st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=1, callbacks=st.CSVLog(path, append=True), progress=False)
    lines = path.read_text().splitlines()
    assert lines[1] == "0,1,2" and len(lines) == 3
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        st.Sequential(st.Linear(2, 2)).fit(X, y, callbacks=st.CSVLog(path, append=True), progress=False)


@pytest.mark.parametrize("path", ["", ".", "{loss:{foo}}"])
def test_paths_that_are_no_files(path):
    X, y = st.datasets.two_moons()
    with pytest.raises(ValueError, match="path is"):
        st.Sequential(st.Linear(2, 2)).fit(X, y, callbacks=st.ModelCheckpoint(path), progress=False)
