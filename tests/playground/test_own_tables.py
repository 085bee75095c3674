"""The user's own tables in the plane: what they become, and which are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.playground import USUAL, asker, configured, printed

from steepest.cli.parser import main
from steepest.playground.fields import MessageError
from steepest.playground.network import plane, table
from steepest.playground.network.tab import NetworkTab

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


@pytest.mark.parametrize("kind", ["csv", "utf-16", "npz", "german"])
def test_the_program_of_a_table_from_the_command_line_reads_it_again(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    rows = [(i % 7 + 0.5, i % 3 + 0.25, "ab"[i % 2]) for i in range(40)]
    options = {}
    if kind == "npz":
        np.savez("t.npz", X=np.array([row[:2] for row in rows]), y=np.arange(40) % 2)
    elif kind == "german":
        options = {"decimal": ",", "separator": ";"}
        lines = [f"{x};{y};{k}".replace(".", ",") for x, y, k in rows]
        (tmp_path / "t.german.csv").write_text("\n".join(["x;y;k", *lines]))
    else:
        lines = [f"{x},{y},{k}" for x, y, k in rows]
        encoding = "utf-16" if kind == "utf-16" else "utf-8"
        (tmp_path / f"t.{kind}.csv").write_text("\n".join(["x,y,k", *lines]), encoding=encoding)
    (path,) = tmp_path.iterdir()
    own = table.opened(Path(path.name), **options)
    ask = asker(NetworkTab(own))
    loss = ask("learn", seconds=0.0, most=3).values["runs"][0]["train"]["loss"]
    assert printed(ask("export", run=0, model=False).values["program"])[0] == loss


def test_a_program_says_whether_it_comes_to_the_same_numbers():
    ask = configured()
    ask("learn", seconds=0.0, most=2)
    said = [ask("export", run=0, model=False).values["program"].split('"""')[1]]
    ask("edit", run=0, layer=0, row=0, column=0, weight=1.0)
    said.append(ask("export", run=0, model=False).values["program"].split('"""')[1])
    ask("back")
    said.append(ask("export", run=0, model=False).values["program"].split('"""')[1])
    assert "to the last bit" in said[0] == said[2]
    assert "the numbers differ" in said[1] and "last bit" not in said[1]


def test_a_first_line_may_be_long_and_what_is_too_long_is_named():
    names = ",".join(f"a rather long name of column {i}" for i in range(4000))
    cells = "\n".join(",".join(str((i * j) % 7 + j / 4) for j in range(4000)) for i in range(2, 12))
    found = configured()("upload", name="t.csv", text=f"{names}\n{cells}").values
    assert len(found["columns"]) == 4000
    with pytest.raises(MessageError, match="field larger than field limit"):
        configured()("upload", name="t.csv", text="x" * 200_000 + ",y\n1,2\n")


@pytest.mark.parametrize("count", [2, 3])
def test_the_smallest_tables_are_shown(count):
    ask = configured()
    rows = "\n".join(f"{i}.5,{i * i}.25,{'ab'[i % 2]}" for i in range(count))
    found = ask("upload", name="t.csv", text=f"x,y,k\n{rows}").values
    data = {"name": "table", "target": found["target"], "axes": found["axes"]}
    answer = ask("configure", **{**USUAL, "data": data})
    assert len(answer.arrays["points"]) == count
    assert np.isfinite(ask("learn", seconds=0.0, most=1).values["runs"][0]["train"]["loss"])


def test_equal_names_are_refused_and_empty_ones_kept():
    rows = "\n".join(f"{i},{i}.5,{i * 7 % 5}.5,{'ab'[i % 2]}" for i in range(9))
    assert table.read("t.csv", f",x,y,k\n{rows}").planned(None)[1][-2:] == ["x", "y"]
    ask = configured()
    with pytest.raises(MessageError, match="two columns have the name 'x'"):
        ask("upload", name="t.csv", text=f"x,x,y,k\n{rows}")


def test_names_of_columns_may_be_long():
    rows = "\n".join(f"{i}.5,{i * 7 % 5}.5,{'ab'[i % 2]}" for i in range(9))
    ask = configured()
    found = ask("upload", name="t.csv", text=f"{'x' * 300},y,{'k' * 300}\n{rows}").values
    data = {"name": "table", "target": found["target"], "axes": found["axes"]}
    assert ask("configure", **{**USUAL, "data": data}).values["axes"][0][0] == "x" * 300


def test_columns_that_were_left_out_are_named():
    rows = "\n".join(f"{i}.5,,{'ab'[i % 2]}" for i in range(9))
    with pytest.raises(MessageError, match=r"it has 1 \(column 'y' has no values"):
        configured()("upload", name="t.csv", text=f"x,y,k\n{rows}")


def test_the_units_of_numbers_are_told():
    ask = configured()
    rows = "\n".join(f"{i}.5,{i * 7 % 11}.25,{i * i}.75" for i in range(20))
    found = ask("upload", name="t.csv", text=f"x,y,price\n{rows}").values
    data = {"name": "table", "target": "price", "axes": found["axes"]}
    answer = ask("configure", **{**USUAL, "data": data, "loss": {"name": "SquaredError"}})
    assert "'price' is scaled to -1 to 1" in answer.values["notes"][-1]


def test_a_table_that_cannot_be_shown_ends_the_command(tmp_path, capsys):
    (path := tmp_path / "texts.csv").write_text("a,b\nx,y\nz,w\nx,w\n")
    assert main(["playground", "--no-browser", str(path)]) == 2
    assert "two columns of numbers are needed" in capsys.readouterr().err


def test_a_large_table_is_drawn_from():
    lines = "\n".join(f"{i * 7 % 1000}.5,{i * 13 % 977}.5,{'ab'[i % 2]}" for i in range(5000))
    samples = table.samples(table.read("t.csv", "x,y,k\n" + lines), None, None, seed=0)
    assert len(samples.X) == plane.MOST_SAMPLES and "2000 of 5000 rows" in samples.notes[-1]
