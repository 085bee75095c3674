"""What is updated in place: the right values, to the bit the same everywhere, and nothing beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from support.guards import FILLS, Guarded
from support.implementations import FUSED, ISAS, REFERENCE, Implementation, needs_native
from support.strategies import LAYOUTS, bounded, columns, dtypes, kinds, numbers, rows, seeds
from support.tolerances import assert_close, assert_same_bits

import steepest as st
from steepest.backends import active
from steepest.backends.data import Batch, FitRequest, OptimizerState, Parameters, TrainConfig, TrainState
from steepest.compile.plan import compile_stages
from steepest.compile.stage import Stage

OPTIMIZERS = [st.SGD(0.3), st.SGD(0.3, 0.9), st.SGD(0.3, 0.5, nesterov=True)]
PENALTIES = [None, st.L2(0.2), st.L1(0.1), st.ElasticNet(0.1, 0.5)]


@needs_native
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@bounded
@given(rows, columns, dtypes, seeds, kinds)
def test_sgd_step_is_the_reference(optimizer, penalty, rows, columns, dtype, seed, kind):
    weight, grad, velocity = (numbers((rows, columns), dtype, seed + i, kind) for i in range(3))
    results = {}
    for implementation in [REFERENCE, *(Implementation("native", isa, 1) for isa in ISAS)]:
        w, v, g = (Guarded(array, FILLS[seed % 2]) for array in (weight, velocity, grad))
        with implementation.computing():
            st.functional.sgd_step(
                w.view,
                g.view,
                optimizer.learning_rate,
                momentum=optimizer.momentum,
                nesterov=optimizer.nesterov,
                velocity=v.view if optimizer.momentum else None,
                penalty=penalty,
            )
        for guarded in (w, v, g):
            guarded.check()
        assert_same_bits(g.view, grad)
        results[implementation.isa] = w.view, v.view
    sizes = [np.abs(a).astype(np.float64) for a in (weight, grad, velocity)]
    l2, l1 = (penalty.l2, penalty.l1) if penalty else (0, 0)
    change = sizes[2] + 2 * optimizer.learning_rate * (sizes[1] + 2 * l2 * sizes[0] + l1)
    for isa in ISAS:
        assert_close(results[isa][0], results[""][0], 9, sizes[0] + change)
        assert_close(results[isa][1], results[""][1], 7, change)
    for isa in FUSED[1:]:
        for a, b in zip(results[isa], results[FUSED[0]], strict=True):
            assert_same_bits(a, b)


def test_sgd_step_follows_the_formula(implementation):
    """By hand, with numbers that no rounding touches; the sign of 0 is 0."""
    weight, velocity = np.array([4.0, -2.0, 0.0]), np.array([8.0, 0.0, -4.0])
    with implementation.computing():
        st.functional.sgd_step(weight, [2, 2, 2], 0.5, penalty=st.ElasticNet(1.0, 0.25))
    assert weight.tolist() == [4 - 0.5 * (2 + 2 + 1), -2 - 0.5 * (2 - 1 - 1), -0.5 * 2]
    weight[:] = 1
    with implementation.computing():
        st.functional.sgd_step(weight, [2, 0, -2], 0.5, momentum=0.25, velocity=velocity)
    assert velocity.tolist() == [2 - 1, 0, -1 + 1] and weight.tolist() == [2, 1, 1]
    velocity[:], weight[:] = [8, 0, -4], 1
    with implementation.computing():
        st.functional.sgd_step(weight, [2, 0, -2], 0.5, momentum=0.25, nesterov=True, velocity=velocity)
    assert velocity.tolist() == [1, 0, 0] and weight.tolist() == [1 + 0.25 - 1, 1, 1 + 0 + 1]


def test_sgd_step_refuses_what_it_cannot_update(implementation):
    def step(weight, gradient, velocity=None, momentum=0.0):
        st.functional.sgd_step(weight, gradient, 0.5, momentum=momentum, velocity=velocity)

    w = np.ones((4, 6))
    cases = [
        ([1.0], [1], TypeError, "weight is updated in place, so it must be an ndarray, not list"),
        (np.ones(3, int), [1] * 3, TypeError, "weight has dtype int64, but must be float32 or float64"),
        (np.ones(3, ">f8"), [1] * 3, TypeError, "weight has dtype >f8, but must be"),
        (np.ones((1, 1, 1)), [1], ValueError, r"weight has shape \(1, 1, 1\), but must be 1-D or 2-D"),
        (LAYOUTS["read-only"](w), w * 1, ValueError, "weight is updated in place, but it is read-only"),
        (w.T, w.T * 1, ValueError, "with unit stride along its last axis"),
        (w[:, ::2], w[:, ::2] * 1, ValueError, "with unit stride along its last axis"),
        (w, w[1:] * 1, ValueError, r"gradient has shape \(3, 6\), but weight has \(4, 6\)"),
        (w, w, ValueError, "must not overlap in memory"),
    ]
    with implementation.computing():
        for weight, gradient, error, message in cases:
            with pytest.raises(error, match=message):
                step(weight, gradient)
        with pytest.raises(ValueError, match=r"only then; momentum is 0\.5"):
            step(w, w * 1, None, 0.5)
        with pytest.raises(ValueError, match=r"only then; momentum is 0\.0"):
            step(w, w * 1, w * 1)
        with pytest.raises(ValueError, match=r"velocity is \(4, 6\) float32, but weight is \(4, 6\) float64"):
            step(w, w * 1, np.ones((4, 6), np.float32), 0.5)
        with pytest.raises(ValueError, match="must not overlap"):
            step(w[:, :3], np.ones((4, 3)), w[:, 2:5], 0.5)
        assert (w == 1).all()
        step(w[:, :3], np.ones((4, 3)), w[:, 3:], 0.5)  # side by side in memory, but apart
    assert (w[:, :3] == 1).all() and (w[:, 3:] == 0).all()


def trained(native, optimizer, dtype, wrap):
    """Losses, parameters and optimizer's state of a small net; `wrap` puts each array where it shall lie."""
    stages = compile_stages(
        (st.Linear(33, 31), st.Tanh(), st.Linear(31, 17, bias=False), st.ReLU(), st.Linear(17, 3))
    )
    shapes = [((33, 31), 31), ((31, 17), None), ((17, 3), 3)]
    placed = []

    def place(values):
        placed.append(wrap(values))
        return placed[-1].view if isinstance(placed[-1], Guarded) else placed[-1]

    def parameters(seed, scale):
        return [
            Parameters(
                *(place(numbers(s, dtype, seed) * dtype(scale)) if s is not None else None for s in shape)
            )
            for shape in shapes
        ]

    own = parameters(1, 0.2)
    slots = {name: parameters(2 + i, 0.01) for i, name in enumerate(optimizer.slots)}
    for p in slots.get("mean_square", ()):  # squares are not negative
        for array in (p.weight, *([] if p.bias is None else [p.bias])):
            np.abs(array, out=array)
    x, weight = place(numbers((300, 33), dtype, 3)), place(numbers(300, dtype, 4) ** 2)
    batch = Batch(x, np.arange(300) % 3, weight)
    config = TrainConfig(st.SoftmaxCrossEntropy(), (st.ElasticNet(1e-3, 2.0),) * 3, optimizer)
    state = TrainState(config, OptimizerState(slots))
    request = FitRequest(epochs=2, batch_size=128, shuffle=True, seed=1, rates=np.array([0.3]))
    with native.computing(all_threads=True):
        network = active().network(stages, own)
        losses = network.fit(batch, state, request, None).losses
    with native.computing():
        losses.append(network.step(batch, state, 0.3))
    return losses, placed


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, st.RMSProp(), st.AdamW()])
def test_training_writes_its_parameters_only(native, optimizer, dtype, fill):
    """A network on arrays that lie in larger ones learns to the bit what it learns on plain ones."""
    losses, guarded = trained(native, optimizer, dtype, lambda values: Guarded(values, fill))
    plain_losses, plain = trained(native, optimizer, dtype, np.array)
    assert losses == plain_losses and np.isfinite(losses).all()
    for a, b in zip(guarded, plain, strict=True):
        a.check()
        assert_same_bits(a.view, b)


def test_gradients_write_nothing_but_themselves(implementation):
    model = st.Sequential(st.Linear(5, 7), st.Sigmoid(), st.Linear(7, 3), dtype=np.float64)
    before, X = model.state_dict(), Guarded(numbers((40, 5)), np.nan)
    with implementation.computing():
        _, gradients = model.loss_and_gradients(X.view, np.arange(40) % 3, loss="hinge", penalty=st.L2(0.1))
        model(X.view)
    X.check()
    for key, value in model.state_dict().items():
        assert_same_bits(value, before[key])
        assert gradients[key].shape == value.shape and gradients[key].flags.owndata | (value.ndim == 2)


@needs_native
@pytest.mark.parametrize("name", ["Float32", "Float64"])
def test_the_extension_refuses_unsafe_parameters(name):
    """The last line of defence: what the Python side never sends, the extension still does not write to."""
    from steepest import _core

    dtype = np.dtype(name.lower())
    other = np.dtype(np.float64 if dtype == np.float32 else np.float32)
    make = getattr(_core, f"Network{name}")
    weight, bias = np.ones((3, 2), dtype), np.ones(2, dtype)
    stages = [Stage(3, 2, "relu")]
    make(stages, [Parameters(weight, bias)])
    for arrays, message in [
        ([(weight.astype(other), bias)], "weight has another dtype"),
        ([(weight.T, bias)], "weight has another shape"),
        ([(np.ones((3, 4), dtype)[:, ::2], bias)], "weight must have contiguous and aligned rows"),
        ([(weight, np.ones(4, dtype)[::2])], "bias must be contiguous and aligned"),
        ([(weight, bias[:1])], "bias has another shape"),
        ([(LAYOUTS["read-only"](weight), bias)], "array is not writeable"),
        ([], "fewer parameters than stages that learn"),
        ([(weight, bias)] * 2, "more parameters than stages that learn"),
    ]:
        with pytest.raises(ValueError, match=message):
            make(stages, [Parameters(*pair) for pair in arrays])
    row = np.ones((1, 2), dtype)
    for kind, own, message in [
        ("scale", bias, "a scale has no bias"),
        ("layer_norm", None, "a layer_norm needs a bias"),
    ]:
        with pytest.raises(ValueError, match=message):
            make([Stage(2, 2, kind=kind, parameters="scale")], [Parameters(row, own)])
    good = [Parameters(weight, bias)]
    with pytest.raises(ValueError, match="unknown activation 'step'"):
        make([Stage(3, 2, "step")], good)
    with pytest.raises(ValueError, match="unknown stage 'conv'"):
        make([Stage(3, 2, "relu", "conv")], good)
    with pytest.raises(
        ValueError, match="stage 0 takes 3 columns and gives 2: that does not fit its kind, its act"
    ):
        make([Stage(3, 2, "gelu")], good)
    with pytest.raises(ValueError, match="stage 1 takes 3 columns and gives 3: that does not fit"):
        make([*stages, Stage(3, 3, "relu", "elementwise")], good)


@needs_native
@pytest.mark.parametrize(
    "shapes", [[((3, 4), None)], [((4, 3), (3,))], [((3, 4), (4,)), ((4, 2), (2,))]], ids=str
)
@pytest.mark.parametrize("slot", [0, 1])
def test_a_state_of_another_network_is_refused(shapes, slot):
    """The extension itself must not write beyond an array, whatever the Python side hands it."""
    core = pytest.importorskip("steepest._core")
    network = core.NetworkFloat64([Stage(3, 4, "identity")], [Parameters(np.zeros((3, 4)), np.zeros(4))])
    arrays = [
        Parameters(np.zeros(weight), None if bias is None else np.zeros(bias)) for weight, bias in shapes
    ]
    other = core.NetworkFloat64([Stage(*weight, "identity") for weight, _ in shapes], arrays)
    steps = np.zeros(1, np.int64)
    optimizer, name = (st.RMSProp(0.1, 0.9), "mean_square") if slot else (st.SGD(0.1, 0.9), "velocity")
    batch, kept = (np.ones((2, 3)), np.array([0, 1]), None), OptimizerState({name: arrays}, steps)
    config = TrainConfig(st.SoftmaxCrossEntropy(), (), optimizer)
    with pytest.raises(ValueError, match="optimizer's state is not like the parameters"):
        network.step(*batch, other.bind(TrainState(config, kept)), 0.1, "", 1)
    for slots in ({}, {"another": arrays}):
        with pytest.raises(ValueError, match="the optimizer needs a state"):
            network.bind(TrainState(config, OptimizerState(slots, steps)))
    config = TrainConfig(st.SoftmaxCrossEntropy(), (st.ElasticNet(1.0, 1.0),) * 2, optimizer)
    with pytest.raises(ValueError, match="one penalty for each stage with parameters"):
        network.step(*batch, other.bind(TrainState(config, kept)), 0.1, "", 1)
    assert steps == 0
