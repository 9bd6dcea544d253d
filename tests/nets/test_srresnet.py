"""SRGAN's networks: the paper's counts and shapes, and what they say of themselves for tiling."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganvas.errors import BadInput
from ganvas.nets import vgg
from ganvas.nets.srresnet import SRGANDiscriminator, SRResNet


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_parameters_of_the_published_generator():
    """Figure 4, by hand; public reimplementations with one slope a PReLU and no bias before a norm count 1,547,350 too."""
    conv, norm = 64 * 64 * 9, 2 * 64
    head = 3 * 64 * 81 + 64 + 1
    block = 2 * (conv + norm) + 1
    up = 2 * (64 * 256 * 9 + 256 + 1)
    last = 64 * 3 * 81 + 3
    assert count(SRResNet(3)) == head + 16 * block + conv + norm + up + last == 1_547_350


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_becomes_so_many_times_larger(scale, channels):
    net = SRResNet(channels, 4, 1, scale).eval()
    assert net(torch.zeros(2, channels, 5, 7)).shape == (2, channels, 5 * scale, 7 * scale)
    assert net.scale == scale


def test_the_output_is_not_squashed_and_the_input_is_scaled_to_the_unit_interval():
    net = SRResNet(1, 4, 1, 2).eval()
    seen = []
    net.head[0].register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    net(torch.linspace(-1, 1, 16).view(1, 1, 4, 4))
    assert (seen[0].min(), seen[0].max()) == (0, 1)
    with torch.no_grad():
        net.last.bias.fill_(7)
    assert net(torch.zeros(1, 1, 4, 4)).mean() > 3
    assert not any(isinstance(m, nn.Tanh) for m in net.modules())


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_how_far_an_output_looks(scale):
    """One pixel of the input is changed: outputs further than the halo do not move, some nearly so far do."""
    torch.manual_seed(0)
    net = SRResNet(1, 4, 2, scale).double().eval()
    for p in net.parameters():
        nn.init.normal_(p, 0, 0.3)
    side = 4 * net.halo + 1
    x = torch.rand(1, 1, side, side, dtype=torch.float64)
    y = x.clone()
    y[0, 0, side // 2, side // 2] += 1
    with torch.no_grad():
        moved = (net(x) - net(y))[0, 0].abs().amax(0).nonzero().flatten()
    far = [
        (side // 2 * scale - moved.min().item()) / scale,
        (moved.max().item() - side // 2 * scale - scale + 1) / scale,
    ]
    assert net.halo - 1.5 < max(far) <= net.halo


def test_the_published_discriminator():
    """Eight convolutions, strides 1 and 2 in turn, 64 to 512 channels; no norm on the first; a logit at the end."""
    net = SRGANDiscriminator(3, 96, 96)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [c.stride[0] for c in convs] == [1, 2] * 4 and {c.kernel_size for c in convs} == {(3, 3)}
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 7
    assert not any(isinstance(m, nn.Sigmoid) for m in net.modules())
    assert [m.out_features for m in net.judge if isinstance(m, nn.Linear)] == [1024, 1]


@pytest.mark.parametrize("height, width", [(16, 16), (24, 40), (33, 18)])
def test_discriminators_of_other_sizes(height, width):
    net = SRGANDiscriminator(1, height, width, 2, 8)
    x = torch.rand(3, 1, height, width)
    assert net(x).shape == (3, 1)
    assert [m.shape[1] for m in net.features(x)] == [2, 2, 4, 4, 8, 8, 16, 16]


# VGG19


def weights(path, name="vgg22", change=lambda state: state):
    torch.manual_seed(1)
    state = change({k: v.clone() for k, v in vgg.VGG19(*vgg.MAPS[name]).state_dict().items()})
    if path.suffix == ".npz":
        np.savez(path, **{k: v.numpy() for k, v in state.items()})
    else:
        save_file(state, path)
    return path


def test_maps_are_those_of_the_paper():
    """φ2,2 and φ5,4 are after ReLU and before the pool: places 8 and 35 of torchvision's layout."""
    with torch.device("meta"):
        shallow, deep = (vgg.VGG19(*vgg.MAPS[name]) for name in ("vgg22", "vgg54"))
        assert len(shallow.features) == 9 and len(deep.features) == 36
        assert isinstance(shallow.features[-1], nn.ReLU) and isinstance(deep.features[-1], nn.ReLU)
        assert deep(torch.empty(1, 3, 96, 96)).shape == (1, 512, 6, 6)
    convs = [k for k, m in enumerate(deep.features) if isinstance(m, nn.Conv2d)]
    assert convs == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert sum(p.numel() for p in deep.parameters()) == 20_024_384  # all of VGG19 before its dense layers


@pytest.mark.parametrize("kind", [".npz", ".safetensors"])
def test_weights_are_read_and_maps_scaled(tmp_path, kind):
    path = weights(tmp_path / f"vgg{kind}")
    net = vgg.pretrained(path, "vgg22", vgg.digest_of(path))
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    mean, std = (torch.tensor(t).view(3, 1, 1) for t in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    by_hand = net.features(((x + 1) / 2 - mean) / std)
    assert torch.allclose(net(x) * 12.75, by_hand) and (by_hand >= 0).all() and by_hand.any()
    assert not any(p.requires_grad for p in net.parameters())
    assert not torch.equal(net.features[0].weight, vgg.VGG19(2, 2).features[0].weight), "control: they are the file's"


def test_names_without_their_prefix_will_do(tmp_path):
    bare = weights(tmp_path / "v.npz", change=lambda s: {k.removeprefix("features."): v for k, v in s.items()})
    one, other = (vgg.pretrained(path, "vgg22") for path in (bare, weights(tmp_path / "w.npz")))
    assert torch.equal(one.features[0].weight, other.features[0].weight)


def test_what_is_no_vgg19_is_refused_in_one_line(tmp_path):
    path = weights(tmp_path / "v.npz")
    with pytest.raises(BadInput, match=r"lacks features\.10\.weight"):
        vgg.pretrained(path, "vgg54")
    with pytest.raises(BadInput, match=r"SHA-256 .*… is expected"):
        vgg.pretrained(path, "vgg22", "0" * 64)
    wide = weights(tmp_path / "w.npz", change=lambda s: s | {"features.0.weight": torch.zeros(64, 1, 3, 3)})
    with pytest.raises(BadInput, match=r"features\.0\.weight is 64×1×3×3 and not 64×3×3×3"):
        vgg.pretrained(wide, "vgg22")
    with pytest.raises(BadInput, match=r"No such file.*--perceptual discriminator"):
        vgg.pretrained(tmp_path / "none.npz", "vgg22")
    (tmp_path / "v.pth").write_bytes(b"PK")
    with pytest.raises(BadInput, match="never from a pickle"):
        vgg.pretrained(tmp_path / "v.pth", "vgg22")
    for name in ("x.npz", "x.safetensors"):
        (tmp_path / name).write_bytes(b"not at all")
        with pytest.raises(BadInput, match="cannot be read"):
            vgg.pretrained(tmp_path / name, "vgg22")
