"""What ``--help`` says of each command beside its options."""

from __future__ import annotations

STEEPEST = "Train and use small neural networks on a CPU."
STEEPEST_EXAMPLES = """\
examples:
  steepest train                                    the digits that come with it
  steepest train flowers.csv --target kind          saves flowers.safetensors
  steepest predict flowers.safetensors new.csv > answers.csv
  steepest evaluate flowers.safetensors test.csv
  steepest info flowers.safetensors
  steepest playground                               in the browser

Each command has its own help: steepest train --help.
"""

_TRAIN = """\
Train a network on a table, report how good it is on rows that were held out,
and save it together with the preparation of the table's columns.

DATA is .csv, .tsv, .txt, .parquet or .xlsx (also compressed: .gz), read by
pandas; or .npy, a table of numbers; or .npz with arrays X and y. One row per
sample. Without DATA it trains on the 1,797 digits of 8 x 8 pixels that come
with steepest.

Numbers are standardized, categories and booleans become 0 and 1, dates become
numbers, and missing values are filled in. What is decided is printed; the
options under "columns" decide otherwise. Training stops when the loss on
validation rows, taken from the training rows, no longer improves.

--model tabular trains the mean of four networks with settings made for
tables, which needs no options and takes longer. Each of them holds out
another fifth of the training rows, and is that of its best epoch on these.
Needs scikit-learn: pip install 'steepest[sklearn]'.

Several processes, started by mpiexec or srun, train one network; each reads
some rows of a text or .npy file. Needs mpi4py: pip install 'steepest[mpi]'.
"""
_TRAIN_EXAMPLES = """\
examples:
  steepest train titanic.csv --target survived --drop name,ticket
  steepest train prices.csv --target price --hidden 64,32 --dropout 0.1
  steepest train prices.csv --task regression --hidden none --cv 5
  steepest train prices.csv --target price --model tabular
  steepest train rare.csv --class-weight balanced --plot curves.png
  steepest train data.tsv --json --output model.safetensors > report.json
  gunzip -c big.csv.gz | steepest train - --output big.safetensors
  mpiexec -n 4 steepest train big.csv --batch-size 512
"""
_PREDICT = """\
Print one answer per row of FILE, as CSV under the header "prediction": the
label of a class as it stands in the training table, or a number in its unit.
A network with several targets has one column for each, with the target's
name. --probabilities adds a column per class, such as "probability_rose".

Columns are matched by name, in any order; other columns, the target among
them, are ignored. A table without a header must have the model's columns in
their order.
"""
_PREDICT_EXAMPLES = """\
examples:
  steepest predict flowers.safetensors new.csv
  steepest predict flowers.safetensors new.csv --probabilities --keep id
  steepest predict flowers.safetensors new.csv --output answers.csv --force
  head -100 new.csv | steepest predict flowers.safetensors -
"""
_EVALUATE = """\
Print how good a network is on a table with known answers: the report of
train, for all rows of FILE.
"""
_EVALUATE_EXAMPLES = """\
examples:
  steepest evaluate flowers.safetensors test.csv
  steepest evaluate flowers.safetensors test.csv --plot confusion.svg
  steepest evaluate flowers.safetensors test.csv --json > report.json
"""
_INFO = """\
Describe a saved network: layers, columns, labels, loss, and its score when it
was trained. Without MODEL, describe this installation: versions, instruction
sets and threads.
"""
_INFO_EXAMPLES = """\
examples:
  steepest info
  steepest info flowers.safetensors
"""
_PLAYGROUND = """\
Play in the browser: networks that learn points of the plane, linear
classifiers with every number of their gradients, the ladder of optimizers,
and polynomials. Everything is computed by steepest on this machine; no other
machine is asked for anything, and no other user of this one is answered.

Two columns of TABLE become the plane, a third one what is to be predicted.
Needs websockets: pip install 'steepest[playground]'.
"""
_PLAYGROUND_EXAMPLES = """\
examples:
  steepest playground
  steepest playground flowers.csv
  steepest playground --no-browser --port 9000
"""
COMMANDS = {
    "train": (_TRAIN, _TRAIN_EXAMPLES),
    "predict": (_PREDICT, _PREDICT_EXAMPLES),
    "evaluate": (_EVALUATE, _EVALUATE_EXAMPLES),
    "info": (_INFO, _INFO_EXAMPLES),
    "playground": (_PLAYGROUND, _PLAYGROUND_EXAMPLES),
}
