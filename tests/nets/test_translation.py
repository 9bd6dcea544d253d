"""Translators and their discriminators: the papers' shapes, numbers and habits."""

import pytest
import torch
from torch.nn import functional as F

from ganvas.nets.layers import spectral_norms
from ganvas.nets.patchgan import PATCHES, PatchGAN
from ganvas.nets.translation import ResNetTranslator, TwoWay, translation_init
from ganvas.nets.unet import UNet
from ganvas.nets.whole import Noise, Norm
from ganvas.recipes.patches import initialised


def parameters(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    "net, millions",
    [(lambda: UNet(3, 3), 54.41), (lambda: ResNetTranslator(3, 3), 11.38), (lambda: PatchGAN(6), 2.769)],
)
def test_as_large_as_the_authors_networks(net, millions):
    """As printed by the authors' PyTorch code when it starts."""
    assert parameters(net()) / 1e6 == pytest.approx(millions, abs=0.006)


@pytest.mark.parametrize("patch", PATCHES)
def test_a_logit_sees_its_patch_and_no_pixel_more(patch):
    D, x = PatchGAN(1, width=4, patch=patch, norm=None), torch.randn(1, 1, 320, 320, requires_grad=True)
    logits = D(x)
    middle = logits.shape[2] // 2
    (slope,) = torch.autograd.grad(logits[0, 0, middle, middle], x)
    rows, columns = (slope[0, 0].abs().sum(dim).nonzero() for dim in (1, 0))
    assert [int(at.max() - at.min()) + 1 for at in (rows, columns)] == [patch, patch]


def test_thirty_by_thirty_logits_at_256():
    assert PatchGAN(6, width=4)(torch.randn(1, 6, 256, 256)).shape == (1, 1, 30, 30)


def test_the_unet_is_the_published_composition():
    """C64-C128-C256 and back: LeakyReLU(.2) down, ReLU up, what is joined is activated, no norm on first and innermost."""
    torch.manual_seed(0)
    G, x = UNet(1, 2, width=4, depth=3, dropout=0.0), torch.randn(2, 1, 16, 24)
    e1 = G.down[0](x)
    e2 = G.down[1](F.leaky_relu(e1, 0.2))
    e3 = G.down[2](F.leaky_relu(e2, 0.2))
    d2 = G.up[0](F.relu(e3))
    d1 = G.up[1](F.relu(torch.cat([d2, F.leaky_relu(e2, 0.2)], 1)))
    y = torch.tanh(G.last(F.relu(torch.cat([d1, F.leaky_relu(e1, 0.2)], 1))))
    assert torch.equal(G(x), y)
    normed = [any(isinstance(m, Norm) for m in down.modules()) for down in G.down]
    assert normed == [False, True, False]
    without = torch.tanh(G.last(F.relu(torch.cat([d1, torch.zeros_like(e1)], 1))))
    assert not torch.allclose(G(x), without), "the skip carries something"


def test_the_unet_256_has_noise_in_three_maps_of_the_decoder():
    assert [any(isinstance(m, Noise) for m in up.modules()) for up in UNet(3, 3, 2).up] == [True] * 3 + [False] * 4


@pytest.mark.parametrize("kind", ["batch", "instance"])
def test_in_use_a_picture_does_not_depend_on_those_it_comes_with(kind):
    torch.manual_seed(0)
    norm, x = Norm(3, kind).eval(), torch.randn(4, 3, 5, 7)
    assert torch.allclose(norm(x), torch.cat([norm(one[None]) for one in x]), atol=1e-6)
    assert not norm.state_dict().keys() & {"running_mean", "running_var"}


def test_in_training_batch_statistics_are_the_batchs():
    norm, x = Norm(3, "batch"), torch.randn(4, 3, 5, 7)
    assert torch.allclose(norm(x), torch.nn.BatchNorm2d(3)(x), atol=1e-6)
    assert not torch.allclose(norm(x), norm.eval()(x), atol=1e-2), "control: one picture's are others"
    one = x[:1]
    assert torch.allclose(norm.train()(one), norm.eval()(one), atol=1e-6), "a batch of one is what it was trained with"


@pytest.mark.parametrize("net", [UNet(1, 1, 4, 3), ResNetTranslator(1, 1, 4, 1)])
def test_a_flat_picture_gives_numbers(net):
    """The known NaN of InstanceNorm: no variance."""
    x = torch.zeros(1, 1, 16, 16, requires_grad=True)
    y = net(x)
    y.sum().backward()
    assert y.isfinite().all() and all(p.grad.isfinite().all() for p in net.parameters())


def test_noise_stays_on_in_use_and_belongs_to_the_seed():
    noise, x = Noise(0.5).eval(), torch.ones(1, 8, 16, 16)

    def drawn(seed):
        torch.manual_seed(seed)
        return noise(x)

    assert torch.equal(drawn(0), drawn(0)) and not torch.equal(drawn(0), drawn(1))
    assert drawn(0).mean().item() == pytest.approx(1, abs=0.1) and set(drawn(0).unique().tolist()) == {0.0, 2.0}


def test_two_ways_between_pictures_of_different_channels():
    G = TwoWay("ResNetTranslator", 1, 3, width=4, blocks=1)
    assert G.ab(torch.zeros(1, 1, 16, 20)).shape == (1, 3, 16, 20)
    assert G.ba(torch.zeros(1, 3, 16, 20)).shape == (1, 1, 16, 20)


def test_weights_start_as_in_the_authors_code():
    G = UNet(3, 3, width=32, depth=5)
    translation_init(G)
    assert G.down[1][0].weight.std().item() == pytest.approx(0.02, rel=0.05) and not G.last.bias.any()
    assert G.down[1][1].weight.mean().item() == pytest.approx(1, abs=0.02)


def test_spectral_norms_divide_weights_that_start_as_published():
    """Put on first, they hide the weights: what is drawn then is a product, which the next pass forgets."""
    for first in (False, True):
        torch.manual_seed(0)
        G, D = UNet(1, 1, 4, 3), PatchGAN(2, 32, 16, None)
        _, D = initialised(G, spectral_norms(D) if first else D, not first)
        deviation = D.net[2].parametrizations.weight.original.std().item()
        assert (deviation == pytest.approx(0.02, rel=0.05)) != first
        D(torch.randn(2, 2, 32, 32))
        assert torch.linalg.matrix_norm(D.net[2].weight.flatten(1), 2).item() == pytest.approx(1, abs=0.35)


def test_a_channel_a_group_is_instance_norm():
    x = 5 + 3 * torch.randn(2, 4, 7, 5, dtype=torch.float64)
    assert torch.allclose(Norm(4, "instance")(x), F.instance_norm(x), atol=1e-12)
    assert not torch.allclose(F.group_norm(x, 2), F.instance_norm(x), atol=0.01), "two channels a group are not"
    batch = Norm(4, "batch").double().eval()
    torch.nn.init.normal_(batch.weight), torch.nn.init.normal_(batch.bias)
    expected = F.instance_norm(x, weight=batch.weight, bias=batch.bias)
    assert torch.allclose(batch(x), expected, atol=1e-12)
