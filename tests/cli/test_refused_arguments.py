"""One clear line with exit code 2 for every mistake in tables and arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import GOOD, Run, assert_refused, write

TABLES = [
    ("", "is empty"),
    ("\n\n", "is empty"),
    ("a,b,y\n", "has a header, but no rows"),
    ("y\nu\nv\n", "there is no column to learn from beside the target"),
    ("a,b,y\n1,2,u\n", "has 1 row, but at least 2 are needed"),
    ("a,b,y\n1,2,u\n\n3,4\n", "line 4 has 2 columns, but line 1 has 3"),
    ("a,b,y\n1,2,u\n3,4,5,v\n", "line 3 has 4 columns, but line 1 has 3"),
    ('a,b,y\n1,2,u\n3,4,"v\n', "EOF inside string"),
    ("a,b,y\n1,2,u\n-inf,4,v\n", "row 2, column 'a': -inf is infinite"),
    ("a,b,y\n1,2,\n3,4,\n", "0 rows have a target, but at least 2 are needed"),
    ("a,b,y\n1,2,u\n3,4,u\n", "'y' has one class only, 'u'"),
    ("a,a,y\n1,2,u\n3,4,v\n", "two columns have the name 'a'"),
    ("a,b,y\n1,2e308,u\n3,-2e308,v\n", "row 1, column 'b': inf is infinite"),
    ("a,y\n1e308,u\n-1e308,u\n1e308,v\n-1e308,v\n", "numbers too large to standardize"),
]


@pytest.mark.parametrize(("text", "message"), TABLES)
def test_refused_csv(run: Run, text: str, message: str) -> None:
    write("t.csv", text)
    assert_refused(run, ["train", "t.csv"], message)


MOST = "but must be at most 9223372036854775807"
HUGE = "9" * 5000
WHOLE = ("epochs", "batch-size", "hidden", "threads", "checkpoint-every")
# Numbers beyond what computes, and what messages say of them.
BEYOND: list[tuple[list[object], str]] = [
    *(
        (["train", "t.csv", f"--{name}", 2**63], MOST)
        for name in ("epochs", "batch-size", "hidden", "threads", "checkpoint-every")
    ),
    *((["train", "t.csv", f"--{name}", HUGE], f"argument --{name}: ") for name in WHOLE),
    (["train", "t.csv", "--seed", 2**64], "seed is 18446744073709551616, but must be at most"),
    (["train", "t.csv", "--hidden", 2**62], "layer 0 is Linear(1, 4611686018427387904), whose weight of"),
    (["train", "t.csv", "--hidden", f"3,{2**45}"], "not enough memory"),
    (["train", "t.csv", "--learning-rate", "1e39"], "learning_rate is 1e+39, but must be at most 3.4028234"),
    (["train", "t.csv", "--learning-rate", "1e-46"], "learning_rate is 1e-46, but must be at least 1.17549"),
    (["train", "t.csv", "--penalty", "l2:1e39"], "strength is 1e+39, but must be at most 3.4028234"),
    (
        ["train", "t.csv", "--penalty", "elastic_net:1e300,1e300"],
        "strength * beta is inf, but must",
    ),
    *(
        (["train", "t.csv", f"--{name}={number}"], f"{name.replace('-', ' ')} is {number}, but must be")
        for name in ("learning-rate", "momentum", "test-fraction")
        for number in ("nan", "inf", "-inf")
    ),
    *(
        (["train", "t.csv", "--penalty", f"l1:{number}"], f"strength is {number}")
        for number in ("nan", "inf")
    ),
    *((["train", "t.csv", "--epochs", number], "is not an integer") for number in ("nan", "inf", "1e3")),
]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "none.csv"], "none.csv: no such file"),
        (["train", "folder"], "folder: is a folder"),
        (["train", "t.doc"], "t.doc: the name must end in .csv, .tsv, .txt"),
        (["train", "t.csv", "--target", "z"], "no column 'z'; it has 'a', 'b', 'y'"),
        (["train", "t.csv", "--target", "3"], "no column '3'; it has 'a', 'b', 'y'"),
        (["train", "--target", "y"], "--target needs DATA"),
        (["train", "t.csv", "--hidden", "3,x"], "argument --hidden: 'x' is not an integer"),
        (["train", "t.csv", "--hidden", "3,0"], "hidden size is 0, but must be at least 1"),
        (
            ["train", "t.csv", "--penalty", "foo"],
            "argument --penalty: 'foo' is not a penalty such as l2:1e-4",
        ),
        (["train", "t.csv", "--penalty", "l2"], "'l2' is not a penalty such as l2:1e-4"),
        (["train", "t.csv", "--penalty", "elastic_net:1"], "'elastic_net:1' is not a penalty such as"),
        (["train", "t.csv", "--penalty", "l1:x"], "'x' is not a number"),
        (["train", "t.csv", "--penalty", "l2:-1"], "strength is -1.0, but must be finite and not negative"),
        (["train", "t.csv", "--epochs", "-1"], "epochs is -1, but must be at least 1"),
        (["train", "t.csv", "--checkpoint-every", "-1"], "checkpoint_every is -1, but must be at least 1"),
        (["train", "t.csv", "--checkpoint-every=-1"], "checkpoint_every is -1, but must be at least 1"),
        (["train", "t.csv", "--epochs", "2.5"], "'2.5' is not an integer"),
        (["train", "t.csv", "--batch-size", "0"], "batch size is 0, but must be at least 1"),
        (["train", "t.csv", "--seed", "-1"], "seed is -1, but must be at least 0"),
        (["train", "t.csv", "--learning-rate", "0"], "learning rate is 0.0, but must be finite and greater"),
        (["train", "t.csv", "--learning-rate", "nan"], "learning rate is nan"),
        (["train", "t.csv", "--momentum", "1"], "momentum is 1.0, but must be in [0, 1)"),
        (["train", "t.csv", "--test-fraction", "1"], "test fraction is 1.0, but must be in [0, 1)"),
        (["train", "t.csv", "--threads", "0"], "threads is 0, but must be at least 1"),
        (["train", "t.csv", "--threads", "99999"], "num_threads is 99999, but must be at most 1024"),
        *BEYOND,
        (["train", "t.csv", "--loss", "foo"], "argument --loss: invalid choice: 'foo'"),
        (["train", "t.csv", "--backend", "foo"], "argument --backend: invalid choice: 'foo'"),
        (["train", "t.csv", "--backend", "reference", "--isa", "avx2"], "has no instruction sets"),
        (["train", "t.csv", "--isa", "foo"], "isa is 'foo'"),
        (["train", "t.csv", "--epoch", "3"], "unrecognized arguments: --epoch 3"),
        (["train", "t.csv", "--hidden", "9", "5"], "arguments: 5: several are separated by commas, as in"),
        (["train", "--hidden", "9", "5", "t.csv"], "by commas, as in --hidden 9,5 (see"),
        (["train", "t.csv", "--features", "a", "b"], "by commas, as in --features A,B (see"),
        (["train", "t.csv", "--hidden", "9", "--seed", "5", "6"], "unrecognized arguments: 6 (see"),
        (["train", "--drop", "a", "t.csv", "--epcohs", "3"], "--epcohs 3: did you mean --epochs? (see"),
        (["train", "--drop", "a", "b", "t.csv"], "arguments: t.csv: several are separated by commas"),
        (["train", "t.csv", "--output", "none/m.safetensors"], "none does not exist"),
        (["train", "t.csv", "--output", "folder"], "folder: exists and is not a file"),
        (["train", "t.csv", "--output", "t.csv"], "t.csv: is the input too"),
        (["predict", "none.safetensors", "t.csv"], "none.safetensors: no such file"),
        (["train", "t.csv", "--task", "regression"], "row 1, column 'y': 'u' is not a number"),
        (["train", "t.csv", "--loss", "huber"], "--loss huber does not suit a classification"),
        (["train", "t.csv", "--features", "bb"], "no column 'bb'; did you mean 'b'?"),
        (["train", "t.csv", "--drop", "a,b"], "there is no column to learn from"),
        (["train", "t.csv", "--cv", "5"], "--cv 5: there are 4 rows"),
        (["train", "t.csv", "--plot", "p.txt"], "the name must end in .png, .svg or .pdf"),
        (["train", "t.csv", "--momentum", "0.5"], "--momentum does not suit --optimizer adam"),
        (["evaluate", "t.csv", "t.csv"], "t.csv: is a table, where a saved model"),
        (["train", "m.safetensors"], "m.safetensors: is a model, where a table is needed"),
        (["predict", "t.doc", "t.csv"], "t.doc is not a steepest model file"),
        (["predict", "folder", "t.csv"], "folder: is not a file"),
        (["predict", "t.csv", "t.csv"], "t.csv: is a table, where a saved model"),
        (["predict"], "the following arguments are required: MODEL, FILE"),
        (["fly"], "invalid choice: 'fly'"),
        (["--threads", "3"], "invalid choice: '3'"),
    ],
)
def test_refused_arguments(run: Run, arguments: list[object], message: str) -> None:
    write("t.csv", GOOD)
    write("t.doc", GOOD)
    Path("folder").mkdir()
    assert_refused(run, arguments, message)
