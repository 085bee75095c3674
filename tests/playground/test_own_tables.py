"""The user's own tables in the plane: what they become, and which are refused."""

from __future__ import annotations

import pytest
from support.playground import USUAL, configured, printed

from steepest.cli.parser import main
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


@pytest.mark.parametrize(
    "text", ["x,y,k\r1.5,2.5,a\r3,4.5,b\r5.5,6,a\r1,2,b\r", "\n\nx,y,k\n1.5,2.5,a\n3,4.5,b\n5.5,6,a\n1,2,b"]
)
def test_lines_may_end_as_they_like_and_begin_with_empty_ones(text):
    answer = configured()("upload", name="t.csv", text=text).values
    assert answer["columns"] == ["x", "y", "k"] and answer["axes"] == ["x", "y"]


def test_a_table_that_cannot_be_shown_ends_the_command(tmp_path, capsys):
    (path := tmp_path / "texts.csv").write_text("a,b\nx,y\nz,w\nx,w\n")
    assert main(["playground", "--no-browser", str(path)]) == 2
    assert "two columns of numbers are needed" in capsys.readouterr().err


def test_a_large_table_is_drawn_from():
    lines = "\n".join(f"{i * 7 % 1000}.5,{i * 13 % 977}.5,{'ab'[i % 2]}" for i in range(5000))
    samples = table.samples(table.read("t.csv", "x,y,k\n" + lines), None, None, seed=0)
    assert len(samples.X) == plane.MOST_SAMPLES and "2000 of 5000 rows" in samples.notes[-1]
