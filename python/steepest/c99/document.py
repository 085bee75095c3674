"""The file around the loops: what it says of itself, what it declares, and the functions that others call."""

from __future__ import annotations

from string import Template
from textwrap import indent
from typing import NamedTuple

from .._version import __version__
from ..compile.plan import walk
from ..training.answers import Answers, exported
from ..training.model import Model
from .loops import append_layers, name_of
from .source import Row, Source
from .text import commented

_FILE = """\
/* A network of steepest $version, written by steepest.to_c. It needs <math.h>, allocates nothing and writes
 * to nothing but its results, so that any number of threads may call it at once.
 *
$layers
 *
 * x has $IN_FEATURES elements, which must be finite; results may be written over it.
$described
 *
 * Compile it with `cc -std=c99 -O2 -c`, and link with -lm. To get its declarations, define
 * $DECLARATIONS_ONLY and include it. The buffers of a call take $bytes bytes of the stack.
 *
 * The order of the arithmetic, by which each compiler and processor gives the same bits:
 * - Numbers between two layers are rounded to $real.
 * - A sum of products (Linear, Maxout, the mixtures of PeriodicEmbedding) begins with its bias, or with 0.
 *   The products are added to it in the order of the inputs, each product and each sum rounded to $real.
 * - ReLU, LeakyReLU, Scale and the sum of a Residual are computed in $real, each operation rounded.
 * - The sum for softmax begins with 0 and adds the powers in their order, rounded to $real.
 * - All else is computed in double, operation by operation as it stands below, and rounded to $real once.
 *   exp, expm1, log1p, tanh, erfc and cos are those of <math.h>: the last bit of a double is the library's.
 * - Nothing is contracted to a fused multiply-add. */
#ifndef $DECLARED
#define $DECLARED

#define $IN_FEATURES $inputs
#define $OUT_FEATURES $outputs
$classes
#ifdef __cplusplus
extern "C" {
#endif
$declarations
#ifdef __cplusplus
}
#endif

#endif

#ifndef $DECLARATIONS_ONLY

#include <float.h>
#include <math.h>

#if FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2 || DBL_MANT_DIG != 53 || \\
    defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \\
    defined(_M_FP_FAST)
#error "this arithmetic gives other bits: remove this line to go without the promised ones"
#endif

#if defined(_MSC_VER)
#pragma fp_contract(off)
#elif defined(__GNUC__) && !defined(__clang__)
/* This compiler does not know the pragma of C99, and some versions fuse where they vectorize even so. */
#pragma GCC optimize("fp-contract=off", "no-tree-slp-vectorize")
#else
#pragma STDC FP_CONTRACT OFF
#endif

$definitions
$functions
#endif
"""

_MACROS = ("CLASSES", "DECLARATIONS_ONLY", "IN_FEATURES", "OUT_FEATURES")

_PROBABILITIES = {
    "softmax": """\
    $real largest = scores[0], sum = 0;
    for (int i = 1; i < $outputs; ++i)
        if (scores[i] > largest) largest = scores[i];
    for (int i = 0; i < $outputs; ++i) {
        probabilities[i] = ($real)exp((double)scores[i] - (double)largest);
        sum += probabilities[i];
    }
    for (int i = 0; i < $outputs; ++i) probabilities[i] /= sum;""",
    "sigmoid": """\
    for (int i = 0; i < $outputs; ++i) probabilities[i] = ($real)$sigmoid((double)scores[i]);""",
    "sigmoid of one": """\
    probabilities[1] = ($real)$sigmoid((double)scores[0]);
    probabilities[0] = 1 - probabilities[1];""",
}

_LARGEST = """\
    int largest = 0;
    for (int i = 1; i < $outputs; ++i)
        if (scores[i] > scores[largest]) largest = i;
    return largest;"""
_ABOVE = "    return scores[0] > $threshold;"


class _Function(NamedTuple):
    """A function that others call: how it is declared, what it does, and its body."""

    declaration: str
    description: str
    body: str

    def __str__(self) -> str:
        return f"{self.declaration}\n{{\n{self.body}\n}}\n"


def document(model: Model, prefix: str) -> str:
    """The file, whose names begin with a prefix."""
    source, answers = Source(prefix, model.dtype), exported(model.compiled, model.loss)
    functions = [_scores(source, model), *_answering(source, model, answers)]
    upper = prefix.upper()
    names = {name: f"{upper}_{name}" for name in _MACROS} | {"DECLARED": f"{prefix}_DECLARED"}
    layers = (f" *   {path}: {commented(name_of(layer))}" for path, layer in walk(model.layers))
    numbers = sum(size for _, size in source.buffers) + (model.out_features if answers else 0)
    return Template(_FILE).substitute(
        names,
        version=__version__,
        real=source.real,
        layers="\n".join(layers),
        described="\n".join(f" * {each.description}" for each in functions),
        bytes=numbers * model.dtype.itemsize,
        inputs=model.in_features,
        outputs=model.out_features,
        classes=f"#define {upper}_CLASSES {answers.classes}\n" if answers else "",
        declarations="\n".join(f"{each.declaration};" for each in functions),
        definitions=source.definitions,
        functions="\n".join(map(str, functions)),
    )


def _scores(source: Source, model: Model) -> _Function:
    state = model.compiled.copied_state()
    result = append_layers(source, Row("x", model.in_features), model.layers, state)
    buffers = "".join(f"{source.real} {name}[{size}];\n" for name, size in source.buffers)
    loops = "".join(f"{statement}\n" for statement in source.statements)
    end = f"for (int i = 0; i < {result.features}; ++i) scores[i] = {result.name}[i];"
    return _Function(
        f"void {source.prefix}_scores(const {source.real} *x, {source.real} *scores)",
        f"{source.prefix}_scores: what the model computes; {source.prefix.upper()}_OUT_FEATURES elements.",
        indent(f"{buffers}{loops}{end}", "    "),
    )


def _answering(source: Source, model: Model, answers: Answers | None) -> list[_Function]:
    """Probabilities and the class, as far as there are some."""
    if answers is None:
        return []
    real, prefix, outputs = source.real, source.prefix, model.out_features
    begin = f"    {real} scores[{outputs}];\n    {prefix}_scores(x, scores);\n"
    made = []
    if answers.link is not None:
        kind = "sigmoid of one" if answers.link == "sigmoid" and outputs == 1 else answers.link
        own = {"sigmoid": source.function("sigmoid")} if answers.link == "sigmoid" else {}
        body = Template(_PROBABILITIES[kind]).substitute(own, real=real, outputs=outputs)
        made.append(
            _Function(
                f"void {prefix}_probabilities(const {real} *x, {real} *probabilities)",
                f"{prefix}_probabilities: {answers.link} of the scores; {prefix.upper()}_CLASSES elements.",
                begin + body,
            )
        )
    if answers.threshold is None:
        what, body = (
            f"from 0 to {answers.classes - 1}: that of the largest score, the first of equals",
            _LARGEST,
        )
    else:
        what, body = f"1 if the score is above {answers.threshold:g}, else 0", _ABOVE
    threshold = source.number(answers.threshold or 0)
    body = Template(body).substitute(outputs=outputs, threshold=threshold)
    made.append(
        _Function(
            f"int {prefix}_class(const {real} *x)",
            f"{prefix}_class: {what}.",
            begin + body,
        )
    )
    return made
