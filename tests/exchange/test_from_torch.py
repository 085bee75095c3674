"""Models of PyTorch's modules: the same scores, or a message that has the module and its place."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from support.exchange.pytorch import assert_agrees, nn, scores_of, torch
from support.strategies import numbers

import steepest as st

L = st.Linear
X = numbers((41, 5))
MODULES = {
    nn.ReLU(inplace=True): st.ReLU(),
    nn.LeakyReLU(0.3): st.LeakyReLU(0.3),
    nn.ELU(2): st.ELU(2.0),
    nn.Softplus(): st.Softplus(),
    nn.GELU(): st.GELU(),
    nn.Flatten(): st.Identity(),
    nn.Identity(3): st.Identity(),
    nn.Dropout(0.1): st.Dropout(0.1),
    nn.BatchNorm1d(4): st.BatchNorm(4),
    nn.BatchNorm1d(4, momentum=0.01, eps=1e-3): st.BatchNorm(4, 0.99, 1e-3),
    nn.LayerNorm(4, eps=1e-6): st.LayerNorm(4, 1e-6),
}


@pytest.mark.parametrize(("module", "layer"), MODULES.items(), ids=map(repr, MODULES))
def test_modules_of_pytorch(module, layer):
    torch.manual_seed(0)
    whole = nn.Sequential(nn.Linear(5, 4), module, nn.Linear(4, 3)).eval()
    model = st.from_torch(whole)
    assert model.layers == (L(5, 4), layer, L(4, 3))
    x = X.astype(np.float32)
    assert_agrees(scores_of(whole, x), model(x))


def test_nested_modules_are_counted_through():
    inner = nn.Sequential(OrderedDict(hidden=nn.Linear(4, 4), act=nn.Tanh()))
    act = nn.ReLU()  # twice
    module = nn.Sequential(nn.Sequential(nn.Linear(5, 4), act), inner, act, nn.Sequential(), nn.Linear(4, 3))
    model = st.from_torch(module.double())
    assert model.layers == (L(5, 4), st.ReLU(), L(4, 4), st.Tanh(), st.ReLU(), L(4, 3))
    assert model.dtype == np.float64
    assert_agrees(scores_of(module, X), model(X))
    assert st.from_torch(nn.Linear(3, 2)).layers == (L(3, 2),)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32(dtype):
    module = nn.Linear(3, 2).to(dtype)
    model = st.from_torch(module)
    assert model.dtype == np.float32
    assert torch.equal(torch.tensor(model[0].weight.T).to(dtype), module.weight)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside = nn.Linear(3, 2)

    def forward(self, x):
        return self.inside(x).relu()


class Doubled(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


class OwnLinear(nn.Linear):
    pass


def hooked():
    module = nn.Linear(3, 2)
    module.register_forward_hook(lambda *_: None)
    return module


def shared():
    one = nn.Linear(3, 3)
    return nn.Sequential(one, one)


def infinite():
    module = nn.Linear(3, 2)
    nn.init.constant_(module.bias, torch.inf)
    return module


N = nn.Sequential
UNMATCHED = {
    "a number": (3, TypeError, r"module must be a torch\.nn\.Module, not 3"),
    "a state": (nn.Linear(3, 2).state_dict(), TypeError, "not a state: load it into its module"),
    "Conv2d": (
        N(nn.ReLU(), N(nn.Conv2d(1, 1, 3))),
        TypeError,
        "module 1.0 is Conv2d, which has no match here",
    ),
    "Softmax": (
        N(nn.Linear(3, 2), nn.Softmax(1)),
        TypeError,
        "module 1 is Softmax, .*: leave it out, as in",
    ),
    "LogSoftmax": (N(nn.LogSoftmax(1)), TypeError, "module 0 is LogSoftmax, .*: leave it out, as in"),
    "PReLU": (nn.PReLU(), TypeError, "module is PReLU, which has no match here$"),
    "a net": (
        Net(),
        TypeError,
        "module is Net, .*: only an nn.Sequential says in which order its modules run",
    ),
    "a forward": (N(Doubled(nn.Linear(3, 2))), TypeError, "module 0 is Doubled, which has no match"),
    "lazy": (N(nn.LazyLinear(2)), ValueError, "LazyLinear with hooks .*a lazy module loses its own"),
    "derived": (OwnLinear(3, 2), TypeError, "module is OwnLinear, which has no match"),
    "complex": (
        nn.Linear(3, 2, dtype=torch.cfloat),
        TypeError,
        "weight has dtype torch.complex64, but must hold",
    ),
    "GELU": (
        N(nn.GELU("tanh")),
        ValueError,
        "module 0 is GELU, .*: approximate is 'tanh', but must be 'none'",
    ),
    "Softplus": (nn.Softplus(2), ValueError, r"module is Softplus, .*: beta is 2\S*, but must be 1"),
    "threshold": (nn.Softplus(1, 5), ValueError, r"threshold is 5\S*, but must be at least 20"),
    "slope": (nn.LeakyReLU(-1), ValueError, "LeakyReLU, .*: negative_slope is -1"),
    "alpha": (nn.ELU(-1), ValueError, "ELU, .*: alpha is -1"),
    "Dropout": (nn.Dropout(1), ValueError, "Dropout, .*: p is 1"),
    "Flatten": (
        nn.Flatten(0),
        ValueError,
        r"Flatten, .*: start_dim and end_dim are \(0, -1\), but must be \(1, -1\)",
    ),
    "no statistics": (
        nn.BatchNorm1d(3, track_running_stats=False),
        ValueError,
        "it has no running statistics",
    ),
    "no scale": (nn.BatchNorm1d(3, affine=False), ValueError, "it has no weight or bias, but must have both"),
    "mean of all": (
        nn.BatchNorm1d(3, momentum=None),
        ValueError,
        "momentum is None, the mean of all batches",
    ),
    "no momentum": (nn.BatchNorm1d(3, momentum=0), ValueError, "BatchNorm1d, .*: momentum is 1"),
    "two dimensions": (
        nn.LayerNorm((3, 2)),
        ValueError,
        r"normalized_shape is \(3, 2\), but must be of one dim",
    ),
    "no bias": (
        nn.LayerNorm(3, elementwise_affine=False),
        ValueError,
        "LayerNorm, .*: it has no weight or bias, but",
    ),
    "hooks": (
        N(hooked()),
        ValueError,
        "module 0 is Linear with hooks or parametrizations, .*: remove them",
    ),
    "normalized": (
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)),
        ValueError,
        "with hooks or parametr",
    ),
    "shared": (shared(), ValueError, r"0\.weight and 1\.weight are one parameter, but here"),
    "infinite": (infinite(), ValueError, r"0\.bias holds NaN or an infinity"),
    "unfitting": (
        N(nn.Linear(3, 2), nn.Linear(3, 2)),
        ValueError,
        "layer 1 is .* the layer before gives 2 features",
    ),
    "nothing": (N(), ValueError, "a model needs at least one Linear layer"),
    "no product": (N(nn.ReLU()), ValueError, "a model needs at least one Linear layer"),
}


@pytest.mark.parametrize("name", UNMATCHED)
def test_what_has_no_layer_is_named(name):
    module, error, message = UNMATCHED[name]
    with pytest.raises(error, match=message):
        st.from_torch(module)


def test_a_state_of_pytorch_is_refused(tmp_path):
    """Square weights have the same names and shapes, and would be taken transposed."""
    model = st.Sequential(L(3, 3), st.BatchNorm(3))
    module, before = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), model.state_dict()
    state = module.state_dict()
    numpy = {key: tensor.numpy() for key, tensor in state.items()}
    for given in (state, before | dict(module.named_parameters()), numpy):
        with pytest.raises(TypeError, match=r"is PyTorch's, where .*: write st\.from_torch\(module"):
            model.load_state_dict(given)
    assert all((model.state_dict()[key] == array).all() for key, array in before.items())
    from safetensors.torch import save_file

    save_file(state, tmp_path / "m")
    with pytest.raises(st.ModelFileError, match=r"of weights of PyTorch: st\.from_torch\(module\)"):
        st.load(tmp_path / "m")


def test_the_loss_that_a_module_does_not_know():
    """Else a regression is taken for classes, and two outputs of `bce` for a softmax."""
    module = nn.Linear(3, 1)
    assert st.from_torch(module).predict(np.zeros((2, 3))).dtype == np.int64
    with pytest.raises(ValueError, match="predict gives classes, but the model was fitted with SquaredError"):
        st.from_torch(module, loss="mse").predict(np.zeros((2, 3)))
    several = st.from_torch(nn.Linear(3, 2), loss=st.BinaryCrossEntropy())
    assert not np.allclose(several.predict_proba(np.ones((1, 3))).sum(), 1)
    bounded = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
    with pytest.raises(ValueError, match=r"layer 1 is Sigmoid\(\), so that scores lie between 0 and 1"):
        st.from_torch(bounded, loss="bce")
    with pytest.raises(ValueError, match=r"layer 1 is Sigmoid\(\), so that scores lie between 0 and 1"):
        st.from_torch(bounded).evaluate(np.zeros((2, 3)), [[0.0], [1.0]], loss="bce")


def test_a_module_without_numbers():
    with pytest.raises(ValueError, match="weight is on PyTorch's meta device, so that it has no numbers"):
        st.from_torch(nn.Linear(3, 2, device="meta"))


def test_a_forward_of_its_own_is_refused():
    module = nn.Sequential(nn.Linear(3, 2))
    module[0].forward = lambda x: x.new_zeros(len(x), 2)
    with pytest.raises(TypeError, match="module 0 is Linear with a forward of its own, which cannot be seen"):
        st.from_torch(module)
