"""The user's own tables in the plane: what they become, and which are refused."""

from __future__ import annotations

import pytest
from support.playground import USUAL, configured, printed

from steepest.playground.fields import MessageError
from steepest.playground.network import plane, table

FLOWERS = "id;long;wide;tall;kind\n" + "\n".join(
    f"{i};{i % 7},5;{i % 3},25;{i * i % 11},0;{'ab'[i % 2]}" for i in range(40)
)


def test_a_table_is_kept_in_memory_and_its_columns_become_the_plane(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ask = configured()
    found = ask("upload", name="flowers.csv", text=FLOWERS).values
    assert (
        found["target"] == "kind" and found["axes"] == ["long", "wide"] and found["task"] == "classification"
    )
    data = {"name": "table", "target": "kind", "axes": ["wide", "long"]}
    answer = ask("configure", **{**USUAL, "data": data})
    assert answer.values["classes"] == ("a", "b") and answer.arrays["points"].shape == (40, 2)
    assert answer.arrays["points"].min() == -5 and answer.arrays["points"].max() == 5
    assert answer.values["axes"][1][0] == "long"
    numbers = ask("columns", target="long").values
    assert numbers["task"] == "regression" and "kind" not in numbers["numbers"]
    assert not list(tmp_path.iterdir())
    (tmp_path / "flowers.csv").write_text(FLOWERS)
    answer = ask("learn", seconds=0.0, most=1)
    assert (
        printed(ask("export", run=0, model=False).values["program"])[0]
        == answer.values["runs"][0]["train"]["loss"]
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty|no rows"),
        ("a,b\n", "no rows"),
        ("a,b,c\n1,2,x\n3,4", "row 2 has 2 columns"),
        ("a,b\n1,x\n2,y\n3,x\n4,y", "two columns of numbers"),
        ("\0\0", "not text"),
        (
            "a,b,c\n" + "\n".join(f"{i}.5,{i * i}.25,k{i % 12}" for i in range(60)),
            "12 classes, but at most 7",
        ),
    ],
)
def test_tables_that_cannot_be_shown_are_refused(text, fault):
    with pytest.raises(MessageError, match=fault):
        configured()("upload", name="t.csv", text=text)


def test_a_large_table_is_drawn_from():
    lines = "\n".join(f"{i * 7 % 1000}.5,{i * 13 % 977}.5,{'ab'[i % 2]}" for i in range(5000))
    samples = table.samples(table.read("t.csv", "x,y,k\n" + lines), None, None, seed=0)
    assert len(samples.X) == plane.MOST_SAMPLES and "2000 of 5000 rows" in samples.notes[-1]
