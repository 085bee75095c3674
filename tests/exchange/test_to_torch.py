"""PyTorch's modules: they compute what a model computes, gradients too, and become the same model again."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
from support.exchange.pytorch import assert_agrees, nn, scores_of, torch
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest.layers import LAYERS

L = st.Linear
X = numbers((41, 5))
Y = np.arange(41) % 3
# What has a match of its own in torch.nn.
NATIVE = {
    **{"ReLU": st.ReLU(), "Sigmoid": st.Sigmoid(), "Tanh": st.Tanh(), "LeakyReLU": st.LeakyReLU(0.2)},
    **{"ELU": st.ELU(0.7), "SELU": st.SELU(), "GELU": st.GELU(), "SiLU": st.SiLU(), "Mish": st.Mish()},
    **{"Identity": st.Identity(), "Softplus": st.Softplus(), "Dropout": st.Dropout(0)},
    **{"BatchNorm": st.BatchNorm(7, 0.8, 1e-3), "LayerNorm": st.LayerNorm(7, 1e-2)},
}
MODELS = {name: [L(5, 7), layer, L(7, 3)] for name, layer in NATIVE.items()} | {
    "Linear": [L(5, 3, bias=False)],
    "Linear, square": [L(5, 5), L(5, 5), L(5, 3)],
    "LeCunTanh": [L(5, 7), st.LeCunTanh(), L(7, 3)],
    "Maxout": [st.Maxout(5, 4, 3), L(4, 3)],
    "PeriodicEmbedding": [st.PeriodicEmbedding(5, 6, 3, std=2.0), L(15, 3)],
    "PeriodicEmbedding, some": [L(5, 4), st.PeriodicEmbedding(4, 3, 4, columns=[1, 3]), L(10, 3)],
    "PiecewiseLinear": [st.PiecewiseLinear(5, [3, 0, 8, 1, 2]), L(15, 3)],
    "PiecewiseLinear, all": [st.PiecewiseLinear(5, 4, keep_features=True), L(25, 3)],
    "Residual": [L(5, 4), st.Residual(L(4, 4), st.Residual(st.Tanh(), st.BatchNorm(4))), L(4, 3)],
    "Scale": [st.Scale(5), L(5, 6), st.Scale(6), L(6, 3)],
    "Standardize": [st.Standardize(5), L(5, 3)],
}


def trained(name, dtype):
    """Three epochs, so that no array is what it was at first."""
    model = st.Sequential(*MODELS[name], dtype=dtype, seed=2)
    model.fit(X * 3 + 1, Y, epochs=3, batch_size=16, optimizer=st.SGD(0.02), progress=False)
    return model


def test_every_layer_is_here():
    assert {name.partition(",")[0] for name in MODELS} == LAYERS.keys() - {"FractionalMaxPool2d"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
class TestEachLayer:
    def test_scores(self, name, dtype):
        model = trained(name, dtype)
        module = st.to_torch(model)
        assert not module.training and len(module) == len(model)
        x = (X * 3 + 1).astype(dtype)
        for rows in (x, x[:1], x[:0], x * 10):
            assert_agrees(scores_of(module, rows), model(rows))

    def test_gradients(self, name, dtype):
        model = trained(name, dtype)
        module = st.to_torch(model).train()
        x = (X * 3 + 1).astype(dtype)
        loss, expected = model.loss_and_gradients(x, Y, loss="cross_entropy")
        value = nn.functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(Y))
        value.backward()
        assert_agrees(value.detach().numpy(), np.array(loss, dtype))
        found = {key: parameter.grad.numpy() for key, parameter in module.named_parameters()}
        assert found.keys() == expected.keys()
        linear = {key for key, one in module.named_modules() if isinstance(one, nn.Linear)}
        for key, gradient in found.items():
            turned = key.endswith("weight") and key.rpartition(".")[0] in linear
            assert_agrees(gradient.T if turned else gradient, expected[key], depth=len(x) + 60)

    def test_there_and_back(self, name, dtype):
        model = trained(name, dtype)
        module = st.to_torch(model)
        back = st.from_torch(module)
        assert back.layers == model.layers and back.dtype == model.dtype
        assert_equal_models(back, model)
        assert_same_bits(back(X), model(X))
        for twin in (copy.deepcopy(module), st.to_torch(back)):
            for one, other in zip(twin.state_dict().items(), module.state_dict().items(), strict=True):
                assert one[0] == other[0] and torch.equal(one[1], other[1])


def test_names_and_kinds_are_those_of_pytorch():
    model = st.Sequential(L(3, 3), st.BatchNorm(3), st.ReLU(), L(3, 2, bias=False))
    module = st.to_torch(model)
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    assert [type(one) for one in module] == kinds and module[3].bias is None
    own = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2, bias=False))
    assert module.state_dict().keys() == own.state_dict().keys()
    assert (module[1].momentum, module[1].eps) == (0.1, 1e-5)
    assert all(one.requires_grad and one.is_contiguous() for one in module.parameters())
    assert_same_bits(module[0].weight.detach().numpy(), np.ascontiguousarray(model[0].weight.T))


def test_nothing_is_shared_and_nothing_drawn():
    model = small_model()
    before, draws = copy.deepcopy(model), torch.random.get_rng_state()
    module = st.to_torch(model)
    assert torch.equal(torch.random.get_rng_state(), draws)
    with torch.no_grad():
        module[0].weight += 1
    assert_equal_models(model, before)
    back = st.from_torch(module)
    with torch.no_grad():
        module[0].bias += 1
    assert_same_bits(back[0].weight, before[0].weight + np.float32(1))
    assert_same_bits(back[0].bias, before[0].bias)


def test_training_goes_on_there_and_here(data):
    """Steps of SGD are the same in both, batch statistics included but for n / (n - 1)."""
    rows, labels = data
    model = st.Sequential(L(6, 8), st.BatchNorm(8, momentum=0.7), st.ReLU(), L(8, 3), dtype="float64", seed=1)
    module = st.to_torch(model).train()
    x, y = torch.from_numpy(rows.astype("float64")), torch.from_numpy(labels)
    trainer = st.Trainer(model, optimizer=st.SGD(0.5))
    for _ in range(20):
        module.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter -= 0.5 * parameter.grad
        trainer.step(rows, labels)
    back = st.from_torch(module)
    ours, theirs = model.state_dict(), back.state_dict()
    variance = ours.pop("1.running_var"), theirs.pop("1.running_var")
    for key, expected in ours.items():
        assert_agrees(theirs[key], expected, depth=20 * len(rows))
    share = 0.7**20
    n = len(rows)
    assert_agrees((variance[1] - share) * (n - 1) / n, variance[0] - share, depth=20 * n)
    history = back.fit(rows, labels, progress=False)
    assert history.loss[-1] < history.loss[0] < 0.9


def test_stochastic_depth():
    """All layers, or none, in training; the mean in evaluation."""
    model = st.Sequential(L(2, 2), st.Residual(L(2, 2), survival_probability=0.25), dtype="float64")
    module, x = st.to_torch(model), numbers((3, 2))
    assert_agrees(scores_of(module, x), model(x))
    bare = nn.Sequential(module[0])
    with_all = scores_of(bare, x) + scores_of(nn.Sequential(*module[0:1], *module[1]), x)
    torch.manual_seed(0)
    module.train()
    made = [scores_of(module, x) for _ in range(400)]
    whole = [np.array_equal(one, with_all) for one in made]
    assert all(whole[i] or np.array_equal(one, scores_of(bare, x)) for i, one in enumerate(made))
    assert 60 < sum(whole) < 140
    assert st.from_torch(module).layers == model.layers


def test_dropout_is_of_the_same_probability():
    module = st.to_torch(st.Sequential(st.Dropout(0.3), L(4, 2)))
    assert module[0].p == 0.3 and not module[0].training
    assert st.from_torch(nn.Sequential(nn.Dropout(0.3), nn.Linear(4, 2))).layers[0] == st.Dropout(0.3)


class Twice(st.Linear):
    """A layer of somebody's own."""


def test_what_has_no_module_is_named():
    pool = st.FractionalMaxPool2d(4, 4, 1, 1.5)
    masked = st.Residual(st.Dropout(0.5, np.ones(2)), L(2, 2))
    for layers, message in (
        ([pool, L(4, 2)], r"layer 0 is FractionalMaxPool2d\(.*\), which has no match in PyTorch"),
        ([L(3, 2), masked], r"layer 1\.0 is Dropout\(0\.5, mask=\.\.\.\), which has no match in PyTorch"),
        ([Twice(3, 2)], "layer 0 is Linear.*, which has no match in PyTorch"),
        ([st.Standardize(3), L(3, 2)], r"layer 0 is Standardize.*, whose mean and scale are not set"),
    ):
        with pytest.raises(ValueError, match=message):
            st.to_torch(st.Sequential(*layers))
    with pytest.raises(TypeError, match=r"model must be a st\.Sequential, not 3"):
        st.to_torch(3)


MODULE = nn.Linear(3, 2)


@pytest.mark.parametrize("call", [lambda: st.to_torch(small_model()), lambda: st.from_torch(MODULE)])
def test_without_pytorch(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        ImportError, match=r"_torch needs PyTorch, which is missing: pip install 'steepest\[torch\]'"
    ):
        call()


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_arrays_are_on_the_cpu(device):
    """Whatever the default device is."""
    with torch.device(device):
        module = st.to_torch(st.Sequential(L(3, 2), st.BatchNorm(2)))
    assert {tensor.device.type for tensor in module.state_dict().values()} == {"cpu"}
