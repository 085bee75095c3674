"""What the command line says of itself: help, suggestions, completion."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys

import pytest
from support.commands import GOOD, Run, assert_refused, write

import steepest
from steepest.cli.parser import build, main

COMMANDS = ["train", "predict", "evaluate", "info", "playground"]


def help_of(run: Run, capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        run(*command, "--help")
    assert exit_.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", ["80", "200", "30"])
@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_has_examples_and_fits(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    columns: str,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = help_of(run, capsys, *command)
    assert max(map(len, out.splitlines())) <= 80
    examples = re.findall(r"^  .*?\b(steepest(?: .*)?)$", out.partition("examples:\n")[2], re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(re.split(r"  +| > | \| ", example)[0])
        build().parse_args(words[1:])  # no option that does not exist


def test_options_are_grouped(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    out = help_of(run, capsys, "train")
    groups = re.findall(r"^(\w[\w ]*):$", out, re.MULTILINE)
    expected = ["reading", "columns", "network", "training", "validation and test", "output", "computing"]
    assert [group for group in groups if group in expected] == expected
    ungrouped = out.partition("\noptions:\n")[2].partition("\n\n")[0]
    assert re.findall(r"^ +(-\S+)", ungrouped, re.MULTILINE) == ["-h,"]


def test_no_word_prints_the_help(run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.startswith("usage: steepest")
    assert all(f"\n    {command} " in out for command in COMMANDS)


def test_version(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--version")
    assert capsys.readouterr().out == f"steepest {steepest.__version__}\n"


def test_misspelt_words(run: Run) -> None:
    write("t.csv", GOOD)
    assert_refused(run, ["train", "t.csv", "--epoch", 3], "--epoch 3: did you mean --epochs?")
    assert_refused(run, ["train", "t.csv", "--optimiser", "sgd"], "did you mean --optimizer?")
    assert_refused(run, ["train", "t.csv", "--lr", "1"], "did you mean --learning-rate?")
    assert_refused(run, ["trian", "t.csv"], "invalid choice: 'trian'")
    assert_refused(run, ["--threads", "3"], "invalid choice: '3'")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(run: Run, shell: str) -> None:
    pytest.importorskip("shtab")
    code, out, err = run("--print-completion", shell)
    assert (code, err) == (0, "")
    assert all(word in out for word in ("steepest", "evaluate", "batch-norm"))


def test_completion_in_bash(run: Run) -> None:
    pytest.importorskip("shtab")
    _, script, _ = run("--print-completion", "bash")
    ask = 'COMP_WORDS=(steepest train --act); COMP_CWORD=2; _shtab_steepest; echo "${COMPREPLY[@]}"'
    try:
        done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("this system has no bash")
    assert done.stdout.split() == ["--activation"]


def test_completion_without_shtab(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert_refused(run, ["--print-completion", "zsh"], "pip install 'steepest[completion]'")


def test_every_option_says_what_it_does() -> None:
    def check(parser: argparse.ArgumentParser) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for child in action.choices.values():
                    check(child)
            else:
                assert action.help, action

    check(build())


def test_main_without_arguments_takes_the_words_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["steepest", "info"])
    assert main() == 0
    assert steepest.__version__ in capsys.readouterr().out
