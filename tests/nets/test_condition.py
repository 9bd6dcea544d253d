"""Conditions against values computed by hand, and layers that look across samples."""

import contextlib
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganvas.nets.condition import Code, ConditionalBatchNorm2d, Projection
from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator, dcgan_init
from ganvas.nets.layers import MinibatchStd, Pack, spectral_norms
from ganvas.nets.mlp import CGANDiscriminator, CGANGenerator, MaxoutDiscriminator, MLPDiscriminator, MLPGenerator
from ganvas.nets.r3gan import Halve, R3GANDiscriminator, R3GANGenerator
from ganvas.nets.resnet import ResNetDiscriminator, ResNetGenerator, residual_init
from ganvas.nets.sngan import SNGANDiscriminator, SNGANGenerator
from ganvas.nets.stability import StabilityDiscriminator, StabilityGenerator
from ganvas.nets.upsample import StridedDiscriminator, UpsampleGenerator, keras_init
from ganvas.nets.wgan_gp import WGANGPCritic, WGANGPGenerator, wgan_gp_init

IMAGE = (1, 28, 28)


def test_a_class_is_one_hot_and_columns_stand_side_by_side():
    assert torch.equal(Code([3], plain=True)(torch.tensor([2, 0])), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    rows = Code([5])(torch.arange(5))
    assert torch.allclose(rows.square().mean(0), torch.ones(5)), "a second moment of 1, as z has"
    row = Code([2, 0, 3], plain=True)(torch.tensor([[1, -0.25, 2]]))
    assert torch.equal(row, torch.tensor([[0, 1, -0.25, 0, 0, 1]]))
    assert Code([]).width == 0 and Code([]).row(None) is None
    with pytest.raises(RuntimeError):
        Code([3])(torch.tensor([3]))


def test_conditional_batchnorm_by_hand():
    torch.manual_seed(0)
    norm, x = ConditionalBatchNorm2d(2, 3).double(), torch.randn(6, 2, 4, 4, dtype=torch.float64)
    label = torch.tensor([0, 1, 2, 0, 1, 2])
    c = F.one_hot(label, 3).double()
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
    plain = (x - mean) / (var + 1e-5).sqrt()
    assert torch.allclose(norm(x, c), plain), "at first every class has gain 1 and shift 0"
    gain, shift = torch.randn(2, 3).double(), torch.randn(2, 3).double()
    norm.gain.weight.data, norm.shift.weight.data = gain, shift
    by_hand = torch.stack([
        plain[i] * (1 + gain[:, k])[:, None, None] + shift[:, k][:, None, None] for i, k in enumerate(label.tolist())
    ])  # fmt: skip
    assert torch.allclose(norm(x, c), by_hand)
    assert not torch.allclose(norm(x, c.roll(1, 0)), by_hand), "negative control: another label, another answer"


@pytest.mark.parametrize("start", [None, dcgan_init, keras_init])
@pytest.mark.parametrize("name", ["dcgan", "upsample", "resnet", "sngan"])
def test_every_class_starts_near_gain_one_and_shift_zero(name, start):
    generator, g, _, _ = PLAYERS[name]
    G = generator(*g, levels=[3])
    if start:
        start(G)
    norms = [m for m in G.modules() if isinstance(m, ConditionalBatchNorm2d)]
    assert norms and all(m.gain.weight.abs().max() < 0.1 and not m.shift.weight.any() for m in norms)


def test_a_label_beside_z_gives_each_class_a_first_map_of_its_own():
    torch.manual_seed(0)
    z, label = torch.randn(1, 4).expand(2, 4), torch.tensor([0, 2])
    G, shared = (DCGANGenerator(4, IMAGE, 4, levels=[3], beside=beside).eval() for beside in (True, False))
    rows = torch.cat([z, 3**0.5 * F.one_hot(label, 3)], 1)
    by_hand = torch.einsum("nk,kchw->nchw", rows, G.net[1].weight)
    first = []
    G.net[1].register_forward_hook(lambda _, __, out: first.append(out))
    one, two = G(z, label)
    assert torch.allclose(first[0], by_hand, atol=1e-6)
    assert not torch.allclose(one, two), "the class is in the picture before BatchNorm has learned anything of it"
    one, two = shared(z, label)
    assert torch.equal(one, two), "negative control: BatchNorm alone, at its start"


def test_a_generator_written_down_before_labels_stood_beside_z_is_built_as_it_was():
    old = dict(latent=4, image=[1, 28, 28], width=4, kernel=4, levels=[3])
    G, now = DCGANGenerator(**old), DCGANGenerator(**old, beside=True)
    assert [len(net.net[1].weight) for net in (G, now)] == [4, 7]
    for net in (G, now):
        DCGANGenerator(**net.config).load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="size mismatch"):
        DCGANGenerator(**old).load_state_dict(now.state_dict())  # negative control: the layouts do differ
    alone = DCGANGenerator(4, IMAGE, 4, beside=True)
    assert len(alone.net[1].weight) == 4, "no label, nothing beside z"


def test_projection_by_hand():
    torch.manual_seed(0)
    project, logits, features = Projection([3], 5, plain=True), torch.randn(4, 1), torch.randn(4, 5)
    project.embed.weight.data.normal_()
    label = torch.tensor([2, 0, 1, 1])
    by_hand = [(logits[i] + project.embed.weight[:, k] @ features[i]).item() for i, k in enumerate(label.tolist())]
    found = project(logits, features, label)
    assert found.shape == (4, 1) and found.flatten().tolist() == pytest.approx(by_hand, rel=1e-5)
    assert Projection([], 5)(logits, features, None) is logits and not Projection([], 5).state_dict()


def test_a_projection_of_packs_by_hand():
    torch.manual_seed(0)
    project, logits, features = Projection([3], 5, pack=2, plain=True), torch.randn(2, 1), torch.randn(2, 5)
    project.embed.weight.data.normal_()
    V = project.embed.weight  # 5×(2·3): a column for each class of the first sample, then of the second
    by_hand = torch.stack(
        [logits[0] + (V[:, 2] + V[:, 3]) @ features[0], logits[1] + (V[:, 1] + V[:, 4]) @ features[1]]
    )
    assert torch.allclose(project(logits, features, torch.tensor([2, 0, 1, 1])), by_hand)


INITS = {
    "dcgan": dcgan_init,
    "upsample": keras_init,
    "wgan_gp": wgan_gp_init,
    "resnet": residual_init,
    "stability": None,
}


@pytest.mark.parametrize("name", INITS)
def test_a_discriminator_starts_without_a_view_on_labels(name, monkeypatch):
    def every_layer(net):
        yield from ((n, m) for n, m in net.named_modules() if isinstance(m, nn.Linear | nn.Conv2d))

    *_, discriminator, d = PLAYERS[name]
    D, start = discriminator(*d, levels=[3]), INITS[name]
    assert not D.project.embed.weight.any()
    if start:
        start(D)
        assert not D.project.embed.weight.any()
        monkeypatch.setitem(start.__globals__, "layers_to_start", every_layer)
        with contextlib.suppress(AttributeError):  # WGAN-GP's wants a bias of every layer
            start(D)
        assert D.project.embed.weight.any(), "negative control: an initialisation that takes all layers"


def test_a_projection_discriminator_adds_the_projection_to_its_unconditional_logit():
    torch.manual_seed(0)
    D = DCGANDiscriminator(IMAGE, 4, levels=[3]).eval()
    x, label = torch.randn(2, *IMAGE), torch.tensor([0, 2])
    assert torch.equal(D(x, label), D.last(D.net(x))), "it starts without a view on labels"
    D.project.embed.weight.data.normal_()
    V = D.project.embed.weight
    by_hand = (
        D.last(D.net(x))
        + 3**0.5 * torch.stack([V[:, k] @ D.net(x[i : i + 1]).flatten() for i, k in enumerate((0, 2))])[:, None]
    )
    assert torch.allclose(D(x, label), by_hand, atol=1e-6)


PLAYERS = {
    "mlp": (MLPGenerator, (4, IMAGE, (8, 8)), MLPDiscriminator, (IMAGE, (8, 8))),
    "cgan": (CGANGenerator, (4, IMAGE), CGANDiscriminator, (IMAGE,)),
    "maxout": (MLPGenerator, (4, IMAGE, (8, 8)), MaxoutDiscriminator, (IMAGE, 8, 2, 1.0, 1.0)),
    "dcgan": (DCGANGenerator, (4, IMAGE, 4), DCGANDiscriminator, (IMAGE, 4)),
    "dcgan beside": (partial(DCGANGenerator, beside=True), (4, IMAGE, 4), DCGANDiscriminator, (IMAGE, 4)),
    "upsample": (UpsampleGenerator, (4, IMAGE, (8, 8, 4)), StridedDiscriminator, (IMAGE, (4, 8))),
    "upsample beside": (
        partial(UpsampleGenerator, beside=True),
        (4, IMAGE, (8, 8, 4)),
        StridedDiscriminator,
        (IMAGE, (4, 8)),
    ),
    "wgan_gp": (WGANGPGenerator, (4, IMAGE, 4), WGANGPCritic, (IMAGE, 4)),
    "resnet": (ResNetGenerator, (4, IMAGE, (8, 8, 8)), ResNetDiscriminator, (IMAGE, (8, 8, 8), 2)),
    "sngan": (SNGANGenerator, (4, IMAGE, 4), SNGANDiscriminator, (IMAGE, 4)),
    "stability": (StabilityGenerator, (4, IMAGE, 4), StabilityDiscriminator, (IMAGE, 4)),
    "r3gan": (R3GANGenerator, (4, IMAGE, (16, 16, 16)), R3GANDiscriminator, (IMAGE, (16, 16, 16))),
}


@pytest.mark.parametrize("levels", [[3], [2, 0, 3]])
@pytest.mark.parametrize("name", PLAYERS)
def test_every_conditional_player_can_listen_to_its_label(name, levels):
    """The label's gradient reaches the output once the weights are anything but their first zeros."""
    torch.manual_seed(0)
    generator, g, discriminator, d = PLAYERS[name]
    G, D = generator(*g, levels=levels).eval(), discriminator(*d, levels=levels).eval()
    for net in (G, D):
        for p in net.parameters():
            p.data += 0.1 * torch.randn_like(p)
    one, two = ([0, 1], [1, 1]) if len(levels) == 1 else ([[0, 0.5, 1], [1, 0.5, 1]], [[1, 0.5, 1], [1, 0.5, 1]])
    one, two, z = torch.tensor(one), torch.tensor(two), torch.randn(2, 4)
    x = G(z, one)
    assert x.shape == (2, *IMAGE) and D(x, one).shape == (2, 1)
    assert not torch.allclose(x[0], G(z, two)[0]) and torch.allclose(x[1], G(z, two)[1])
    assert not torch.allclose(D(x, one)[0], D(x, two)[0]) and torch.allclose(D(x, one)[1], D(x, two)[1])


@pytest.mark.parametrize("layer", [nn.Linear(20, 30), nn.Conv2d(3, 8, 3)])
def test_spectral_norm_is_one_after_fifty_passes(layer):
    torch.manual_seed(0)
    nn.init.normal_(layer.weight)
    before = float(torch.linalg.svdvals(layer.weight.detach().flatten(1))[0])
    assert abs(before - 1) > 0.5, "negative control"
    net = spectral_norms(nn.Sequential(layer))
    x = torch.randn(2, 20) if isinstance(layer, nn.Linear) else torch.randn(2, 3, 8, 8)
    for _ in range(50):
        net(x)
    assert float(torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]) == pytest.approx(1, abs=0.01)


def test_every_weight_of_sngan_is_normalised_the_embedding_too():
    for D in (SNGANDiscriminator(IMAGE, 4, [3]), ResNetDiscriminator(IMAGE, (8, 8), 2, norm="spectral", levels=[3])):
        layers = [m for m in D.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        assert layers and all(nn.utils.parametrize.is_parametrized(m, "weight") for m in layers)
        assert all(p.any() for n, p in D.named_parameters() if "weight" in n), "zeros cannot be normalised"


@pytest.mark.parametrize("kind", [SNGANDiscriminator, ResNetDiscriminator])
def test_under_spectral_norms_a_class_moves_a_logit_by_at_most_the_features(kind):
    """Miyato & Koyama's embedding has spectral norm 1 and one-hot rows of 1: no class's direction is longer than 1."""
    torch.manual_seed(0)
    D = kind(IMAGE, 4, [10]) if kind is SNGANDiscriminator else kind(IMAGE, (8, 8), 2, norm="spectral", levels=[10])
    label = torch.arange(10)
    with torch.no_grad():
        for _ in range(50):
            D(torch.randn(10, *IMAGE), label)
        V = D.eval().project.embed.weight
        assert float(torch.linalg.svdvals(V)[0]) == pytest.approx(1, abs=0.01)
        assert float(V.norm(dim=0).max()) > 0.4, "and no class is without a view"
        lengths = D.project.embed(D.project.code(label)).norm(dim=1)
        assert torch.allclose(lengths, V.norm(dim=0)) and lengths.max() <= 1.01
        high = D.project.embed(Code([10])(label)).norm(dim=1)
        assert high.max() > 1.2, "negative control: rows √K high"


def test_packs_stand_on_their_channels():
    x = torch.arange(4 * 2 * 3 * 3.0).view(4, 2, 3, 3)
    packed = Pack(2)(x)
    assert packed.shape == (2, 4, 3, 3) and torch.equal(packed[1], torch.cat([x[2], x[3]]))
    assert DCGANDiscriminator(IMAGE, 4, pack=2, levels=[3])(
        torch.randn(4, *IMAGE), torch.tensor([0, 1, 2, 0])
    ).shape == (2, 1)


def test_minibatch_standard_deviation_by_hand():
    x = torch.randn(8, 3, 2, 2)
    out = MinibatchStd(4)(x)
    groups = x.numpy().reshape(4, 2, 3, 2, 2)
    by_hand = np.sqrt(groups.var(0) + 1e-8).mean((1, 2, 3))
    assert out.shape == (8, 4, 2, 2) and torch.equal(out[:, :3], x)
    assert out[:, 3, 0, 0].tolist() == pytest.approx(np.tile(by_hand, 4).tolist(), rel=1e-5)
    lasts = x.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(MinibatchStd(4)(lasts), out), "the trainer's memory layout"
    same = MinibatchStd(4)(x[:1].repeat(8, 1, 1, 1))
    assert float(same[:, 3].max()) == pytest.approx(1e-4, rel=1e-3), "a collapsed batch has none"


def test_r3gan_halves_with_the_transpose_of_bilinear_doubling():
    x, y = torch.randn(1, 1, 8, 8, dtype=torch.float64), torch.randn(1, 1, 16, 16, dtype=torch.float64)
    x[..., (0, -1), :] = x[..., (0, -1)] = 0  # the border differs: doubling repeats it, halving pads zeros
    up = F.interpolate(x, scale_factor=2, mode="bilinear")
    assert (up * y).sum().item() == pytest.approx(4 * (x * Halve()(y)).sum().item())


def test_fix_up_starts_every_residual_block_as_the_identity():
    G = R3GANGenerator(4, IMAGE, (16, 16, 16))
    h = torch.randn(2, 16, 7, 7)
    assert torch.equal(G.net[0](h), h)
    assert not torch.equal(R3GANGenerator(4, IMAGE, (16, 16, 16), levels=[3]).embed.weight, torch.zeros(4, 3))
