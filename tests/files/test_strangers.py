"""Model files from strangers: one error that names the file and the fault, at little cost; or they load."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

import pytest
from fuzz.hostile_files import cases, hostile
from fuzz.model_files import in_place, layered, saved, table_ensemble, table_model

import steepest as st
from steepest.cli.parser import main
from steepest.layers import Layer
from steepest.storage import json_text
from steepest.tables.columns import Number
from steepest.tables.preparation import Preparation

MOST_MEMORY, LONGEST_REASON = 100_000_000, 300


def test_each_is_refused_with_one_short_message(tmp_path):
    path, wrong, names = tmp_path / "model", [], []
    for name, content in cases():
        names.append(name)
        path.write_bytes(content)
        tracemalloc.start()
        try:
            wrong.append((name, f"accepted: {st.load(path)!r:.80}"))
        except st.ModelFileError as error:
            begin, message = f"{path} is not a steepest model file: ", str(error)
            short = len(message) <= len(str(path)) + LONGEST_REASON
            if not (message.startswith(begin) and message.isprintable() and short):
                wrong.append((name, ascii(message)[:LONGEST_REASON]))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak > MOST_MEMORY:
            wrong.append((name, f"{peak} bytes"))
    assert not wrong
    assert len(names) >= 1000


def test_a_raised_recursion_limit_is_no_danger(tmp_path):
    """Python's reader of JSON would end the process."""
    text = b"[" * 100_000
    (tmp_path / "model").write_bytes(len(text).to_bytes(8, "little") + text)
    program = (
        "import sys, steepest as st\nsys.setrecursionlimit(10**6)\n"
        "try: st.load(sys.argv[1])\nexcept st.ModelFileError as error: print(error)"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "model")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "it has 100000 brackets, one inside the other, but may have at most 128" in done.stdout


def test_few_layers_are_made_of_many(tmp_path, monkeypatch):
    made, check = [], Layer.__post_init__
    monkeypatch.setattr(Layer, "__post_init__", lambda layer: (made.append(layer), check(layer))[1])
    for name, content in hostile(saved(layered())):
        made.clear()
        (tmp_path / "model").write_bytes(content)
        with pytest.raises(st.ModelFileError):
            st.load(tmp_path / "model")
        assert len(made) <= 1100, name


def test_depth_and_size_are_those_of_json_outside_of_strings():
    parsed = json_text.parsed_json
    for value in ("[" * 1000, '"[\\' * 999, {"[{": ['\\"[', "\\\\"] * 200}, "," * 10**6, "a\\" * 10**6):
        assert parsed(json.dumps(value)) == value
    deep = "[" * 128 + "]" * 128
    assert parsed(f"[{deep[1:-1]}, {deep[1:-1]}]")
    for text in (f"[{deep}]", '{"\\\\": ' * 129 + "1" + "}" * 129):
        with pytest.raises(ValueError, match="it has 129 brackets, one inside the other, but may have"):
            parsed(text)
    with pytest.raises(ValueError, match="it has 600000 commas, but may have at most 524288"):
        parsed("[" + "0," * 600_000 + "0]")


def test_no_memory_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    def none(*_):
        raise MemoryError("Unable to allocate")

    saved_model = tmp_path / "model"
    layered().save(saved_model)
    monkeypatch.setattr("steepest.storage.safetensors.read_tensor", none)
    with pytest.raises(MemoryError, match=f"{saved_model}: Unable to allocate"):
        st.load(saved_model)


REPORTS = (
    "", "[]", "1", '{"data": []}', '{"data": null}', '{"data": 1}', '{"data": {"file": [{}]}}',
    '{"score": 5}',
    '{"score": {"targets": 5}}', '{"score": {"targets": [5]}}', '{"score": {"accuracy": "a"}}',
    '{"score": {"rmse": 1}}', '{"score": {"accuracy": 1' + "0" * 400 + "}}", '{"steepest": "\\u001b[2J"}',
    "[" * 100_000, '{"a":' * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "JSON"])
def test_info_shows_a_model_with_any_report(tmp_path, capsys, flags):
    for report in REPORTS:
        table_model({"report": report}).save(tmp_path / "model")
        assert main(["info", str(tmp_path / "model"), *flags]) == 0
        out, err = capsys.readouterr()
        assert out.replace("\n", "").isprintable() and "size (number)" in out and not err, report


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "JSON"])
def test_info_prints_no_control_characters(tmp_path, capsys, flags):
    for model, key in ((table_model(), "table"), (table_ensemble(), "table_ensemble")):
        described, made = in_place(saved(model), key)
        described["columns"][0]["name"] = "\x1b[2J\x9b\ud800\tsize\n"
        (tmp_path / "model").write_bytes(made(json.dumps(described)))
        assert main(["info", str(tmp_path / "model"), *flags]) == 0
        out = capsys.readouterr().out
        assert out.replace("\n", "").isprintable() and ("x1b[2J" in out or "u001b[2J" in out)
        if flags:
            assert "\x1b[2J\x9b\ud800\tsize\n (number)" in json.loads(out)["columns"]


# What `save` writes, `load` reads.


def test_wide_tables(tmp_path):
    columns = tuple(Number(f'column "{i}"\t', 1 / 3, 2 / 3, False) for i in range(10_000))
    preparation = Preparation("regression", columns, ("y",), mean=(0.0,), scale=(1.0,))
    model = st.TableModel(st.Sequential(st.Linear(10_000, 1)), preparation)
    model.save(tmp_path / "model")
    assert st.load(tmp_path / "model").preparation == preparation


def test_deep_residuals(tmp_path):
    def residual(depth):
        return st.Residual(residual(depth - 1), st.ReLU()) if depth else st.Linear(2, 2)

    st.Sequential(residual(32)).save(tmp_path / "model")
    assert st.load(tmp_path / "model").layers == (residual(32),)
    with pytest.raises(ValueError, match="cannot be saved: layers are nested more than 32 deep"):
        st.Sequential(residual(33)).save(tmp_path / "deeper")
    many = [st.Sequential(st.Linear(2, 2), *[st.ReLU()] * 3) for _ in range(400)]  # 2000 layers, 800 tensors
    st.Ensemble(many).save(tmp_path / "ensemble")
    assert len(st.load(tmp_path / "ensemble").models) == 400
    with pytest.raises(ValueError, match="it has 1101 layers, but with 2 tensors at most 1024"):
        st.Sequential(st.Linear(2, 2), *[st.ReLU()] * 1100).save(tmp_path / "deeper")


def test_what_load_would_refuse_is_not_saved(tmp_path):
    model = table_model()
    model.preparation.columns[0].__dict__["name"] = "kind"
    with pytest.raises(ValueError, match="cannot be saved: a target is there twice, or is a feature too"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_knots_ascend_or_are_those_of_a_new_model():
    model = st.Sequential(st.PiecewiseLinear(2, bins=2), st.Linear(4, 1))
    state = model.state_dict()
    model.load_state_dict(state)
    model.load_state_dict(state | {"0.knots": [0, 0, 1, -3, -2, -2]})
    with pytest.raises(ValueError, match=r"0\.knots descend, but those of each feature must ascend"):
        model.load_state_dict(state | {"0.knots": [0, 0, 1, -2, -3, -2]})
    assert model.state_dict()["0.knots"].tolist() == [0, 0, 1, -3, -2, -2]
