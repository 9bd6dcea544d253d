"""Our layers compute what torch's do."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganvas import luck
from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator, doublings
from ganvas.nets.layers import Dropout, FewConv2d, Linear, Maxout, UpConv2d, onednn_linear
from ganvas.nets.mlp import MaxoutDiscriminator, MLPGenerator, set_output_bias
from ganvas.nets.table import NETS
from ganvas.nets.upsample import StridedDiscriminator, UpsampleGenerator


def gradients(loss, inputs):
    return torch.autograd.grad(loss, inputs)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_linear(bias):
    """Values and all gradients, against float64."""
    torch.manual_seed(0)
    layer = Linear(300, 200, bias=bias)
    x = torch.randn(64, 300, requires_grad=True)
    inputs = [x, *layer.parameters()]
    exact = [t.detach().double().requires_grad_() for t in inputs]
    ours, truth = layer(x), F.linear(*exact)
    assert torch.allclose(ours.double(), truth, atol=1e-5)
    for a, b in zip(gradients(ours.square().sum(), inputs), gradients(truth.square().sum(), exact), strict=True):
        assert torch.allclose(a.double(), b, rtol=1e-4, atol=1e-4 * float(b.abs().max()))


def test_linear_can_be_differentiated_twice():
    torch.manual_seed(0)
    layer, x = Linear(30, 20), torch.randn(8, 30, requires_grad=True)

    def penalty(function):
        (slope,) = torch.autograd.grad(function(x).tanh().sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), list(layer.parameters()))

    plain = penalty(lambda t: F.linear(t, layer.weight, layer.bias))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(penalty(layer), plain, strict=True))


@pytest.mark.skipif(onednn_linear() is None, reason="torch has no oneDNN product here: the plain one is used")
def test_the_other_players_weight_gradients_are_not_computed():
    """A custom Function would compute them in vain; the engine is asked. Counted by the products that run."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Products(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = str(function)
            self.count += "mm" in name or "linear" in name
            return function(*args, **(kwargs or {}))

    layer, first = Linear(30, 20), Linear(10, 30)

    def products(inputs):
        loss = layer(first(torch.randn(8, 10))).square().sum()
        with Products() as counter:
            loss.backward(inputs=inputs)
        return counter.count

    assert products(list(first.parameters())) == 2, "back through `layer`, into `first`"
    assert products([*first.parameters(), *layer.parameters()]) == 3, "negative control"
    assert layer.weight.grad is not None


def test_linear_under_autocast_and_in_double():
    layer = Linear(16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(4, 16)).dtype == torch.bfloat16
    assert layer.double()(torch.randn(4, 16, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("p", [0.2, 0.3, 0.5])
def test_dropout(p):
    torch.manual_seed(0)
    layer, ones = Dropout(p), torch.ones(1000, 1003)
    out = layer(ones)
    error = 4 * (p * (1 - p) / ones.numel()) ** 0.5 + 2**-16
    assert abs(float((out == 0).float().mean()) - p) < error
    assert out.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])
    lanes = (out.flatten()[: 4 * 250_000].view(-1, 4) == 0).float().mean(0)  # four elements share a 64-bit word
    assert (lanes - p).abs().max() < 2.5 * error
    pairs = (out.flatten()[:-1] == 0) & (out.flatten()[1:] == 0)
    assert abs(float(pairs.float().mean()) - p * p) < 2 * error, "neighbours are independent"
    assert torch.equal(layer.eval()(ones), ones)
    torch.manual_seed(7), layer.train()
    first = layer(ones)
    torch.manual_seed(7)
    assert torch.equal(layer(ones), first), "drawn from torch's seed"


@pytest.mark.parametrize("device", ["cpu", *["cuda"] * torch.cuda.is_available()])
@pytest.mark.parametrize("shape", [(6, 5), (6, 3, 3, 3)])
def test_dropout_of_a_part_is_the_whole_batchs(device, shape):
    layer, ones = Dropout(0.5), torch.ones(shape, device=device)
    torch.manual_seed(0)
    whole, found = layer(ones), []
    for k in range(3):
        torch.manual_seed(0)
        with luck.part(k, 3):
            found.append(layer(ones[:2]))
    assert torch.equal(torch.cat(found), whole)
    assert not torch.equal(found[0], found[1]), "negative control: the parts share no mask"
    assert set(whole.unique().tolist()) == {0.0, 2.0}


def test_upconv_is_nearest_upsampling_and_convolution():
    torch.manual_seed(0)
    ours = UpConv2d(5, 7).double()
    plain = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(5, 7, 3, padding=1)).double()
    plain[1].load_state_dict(ours.state_dict())
    x = torch.randn(2, 5, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(ours(x), plain(x), atol=1e-13)
    for a, b in zip(
        gradients(ours(x).square().sum(), [x, *ours.parameters()]),
        gradients(plain(x).square().sum(), [x, *plain.parameters()]),
        strict=True,
    ):
        assert torch.allclose(a, b, atol=1e-11)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kernel, padding", [(7, 0), (9, 4), (4, 1)])
def test_fewconv_is_a_convolution(kernel, padding, layout):
    """Values and all gradients, also of a slope, against torch's own."""
    torch.manual_seed(0)
    ours = FewConv2d(6, 3, kernel, padding=padding).double().to(memory_format=layout)
    plain = nn.Conv2d(6, 3, kernel, padding=padding).double()
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 11, 13, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    assert torch.allclose(ours(x), plain(x), atol=1e-12)

    def found(conv):
        inputs = [x, *conv.parameters()]
        first = torch.autograd.grad(conv(x).pow(3).sum(), inputs, create_graph=True)
        return [*first, *gradients(first[0].square().sum(), inputs[:2])]

    for a, b in zip(found(ours), found(plain), strict=True):
        assert torch.allclose(a, b, atol=1e-9)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours.float()(x.float()), plain.float()(x.float())), "bf16 sums of rows would lose digits"


def test_maxout_is_the_largest_piece():
    layer, x = Maxout(6, 4, 3), torch.randn(5, 6)
    by_hand = torch.stack(
        [(layer.linear.weight[3 * u : 3 * u + 3] @ x.T).T + layer.linear.bias[3 * u : 3 * u + 3] for u in range(4)], 1
    )
    assert torch.allclose(layer(x), by_hand.amax(-1), atol=1e-6)


def test_dcgan_has_the_papers_shapes():
    """Figure 1: z=100 → 4×4×1024 → 8×8×512 → 16×16×256 → 32×32×128 → 64×64×3."""
    with torch.device("meta"):
        G, D = DCGANGenerator(100, (3, 64, 64)), DCGANDiscriminator((3, 64, 64))
        shapes, x = [], torch.zeros(2, 100)
        for layer in G.net:
            x = layer(x)
            if isinstance(layer, nn.ConvTranspose2d):
                shapes.append(tuple(x.shape[1:]))
        assert shapes == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
        assert D(x).shape == (2, 1)
    assert not any(isinstance(m, nn.MaxPool2d | nn.AvgPool2d | nn.Sigmoid) for net in (G, D) for m in net.modules())
    assert not isinstance(G.net[-2], nn.BatchNorm2d) and not isinstance(D.net[1], nn.BatchNorm2d)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((28, 28), (2, (7, 7))), ((64, 64), (4, (4, 4))), ((48, 96), (3, (6, 12))), ((32, 32), (3, (4, 4)))],
)
def test_doublings(size, expected):
    from ganvas.errors import BadInput

    assert doublings((1, *size)) == expected
    for bad in ((30, 30), (31, 31), (8, 8), (100, 101)):
        with pytest.raises(BadInput):
            doublings((1, *bad))


def test_the_keras_lab_shapes():
    G, D = (
        UpsampleGenerator(100, (1, 28, 28), (128, 128, 64)),
        StridedDiscriminator((1, 28, 28), (32, 64, 128, 256), 3, True, 0.25, 0.2, pad_after=1),
    )
    x, sides = torch.zeros(2, 1, 28, 28), []
    for layer in D.net:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.ZeroPad2d):
            sides.append(x.shape[-1])
    assert sides == [14, 7, 8, 4, 2]
    assert G(torch.zeros(2, 100)).shape == (2, 1, 28, 28)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in D.modules()) == 3
    assert StridedDiscriminator((3, 32, 32), (32, 64, 128, 256), 3, pad_after=1)(torch.zeros(2, 3, 32, 32)).shape == (
        2,
        1,
    )


def test_eps_and_momentum_are_not_confused():
    """The well-known error: BatchNorm1d(n, 0.8) sets eps to .8."""
    for name, G in {
        "leaky": MLPGenerator(4, (1, 8, 8), (8, 8), "leaky_relu", norm_first=False, momentum=0.2),
        "keras": UpsampleGenerator(4, (1, 8, 8), (8, 8), momentum=0.2),
    }.items():
        norms = [m for m in G.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
        assert norms and all(m.eps == 1e-5 and m.momentum == 0.2 for m in norms), name


def test_output_bias_starts_at_the_mean_image():
    G = MLPGenerator(4, (1, 5, 5), (8,), norm=False, output="sigmoid")
    mean = torch.rand(1, 5, 5) * 0.9 + 0.05
    set_output_bias(G.net[-2], mean)
    G.net[-2].weight.data.zero_()
    assert torch.allclose(G(torch.randn(3, 4)), mean.expand(3, -1, -1, -1), atol=1e-5)


def test_maxout_discriminator_is_random_in_training_alone():
    D, x = MaxoutDiscriminator((1, 8, 8), 12, 3), torch.rand(4, 1, 8, 8)
    assert not torch.equal(D(x), D(x))
    D.eval()
    assert torch.equal(D(x), D(x))


def test_the_table_names_every_network():
    assert all(NETS[name].__name__ == name for name in NETS)
    assert {"MLPGenerator", "DCGANGenerator", "UpsampleGenerator"} <= NETS.keys()
