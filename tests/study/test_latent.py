"""The latent space: closed forms on generators whose latent space is known, and controls that must fail."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganvas.data.source import DataSpec
from ganvas.errors import BadInput, Corrupt
from ganvas.measure import strokes
from ganvas.nets.condition import Code, Mixture
from ganvas.play.latent import Latent, Normal, Uniform
from ganvas.study import arithmetic, components, directions, inversion, latents, panels, quality, walk
from ganvas.study.attributes import see
from ganvas.study.directions import Direction
from ganvas.study.latents import Places, pick
from ganvas.study.sample import Generator
from ganvas.study.translate import Translator
from tests.conftest import toy

DIM, SIDE = 6, 8


class Line(nn.Module):
    """Pixels that are a linear function of z: .5 + W·z; W is orthogonal to itself but for `scales`."""

    def __init__(self, dim=DIM, side=SIDE, scales=None, seed=0):
        super().__init__()
        rng = np.random.default_rng(seed)
        u, v = (np.linalg.qr(rng.standard_normal((n, n)))[0][:, :dim] for n in (side * side, dim))
        scales = 0.1 * (np.arange(dim, 0, -1.0) if scales is None else np.asarray(scales))
        self.planted, self.side = v.T.copy(), side
        self.first = nn.Linear(dim, side * side)
        with torch.no_grad():
            self.first.weight.copy_(torch.from_numpy(u * scales @ v.T))
            self.first.bias.fill_(0.5)

    def forward(self, z):
        return self.first(z).view(-1, 1, self.side, self.side)


def generator(net=None, prior=None, name="x", conditional=False, classes=()):
    net = net or Line()
    side = getattr(net, "side", SIDE)
    spec = DataSpec(name, ("image", "label"), (1, side, side), classes=classes)
    prior = prior or Normal(DIM)
    game = Latent(net, nn.Identity(), prior, conditional=conditional)
    return Generator(net.eval().requires_grad_(False), game, prior, spec, (0.0, 1.0))


def some(n, dim=DIM, seed=0):
    return Places(np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32))


# ---- walks ---------------------------------------------------------------------------------------------------------


def test_between_is_exact_at_its_ends_symmetric_and_spherical_keeps_the_norm():
    a, b = some(5, 64), some(5, 64, 1)
    b = b._replace(z=b.z * (np.linalg.norm(a.z, axis=1) / np.linalg.norm(b.z, axis=1))[:, None])
    for mode in ("spherical", "linear"):
        assert (walk.between(a, b, np.zeros(5), mode).z == a.z).all() and (
            walk.between(a, b, np.ones(5), mode).z == b.z
        ).all()
        t = np.linspace(0.1, 0.9, 5)
        assert np.allclose(walk.between(a, b, t, mode).z, walk.between(b, a, 1 - t, mode).z, atol=1e-6)
        kept = np.linalg.norm(walk.between(a, b, t, mode).z, axis=1) / np.linalg.norm(a.z, axis=1)
        assert np.allclose(kept, 1, atol=1e-5) == (mode == "spherical"), "a straight line cuts through the sphere"


def test_equal_angles_on_the_sphere():
    a, b = (Places(np.eye(3, dtype=np.float32)[[k]]) for k in (0, 1))
    middle = walk.between(a, b, np.array([1 / 3]), "spherical").z[0]
    assert np.allclose(middle, [np.cos(np.pi / 6), np.sin(np.pi / 6), 0])


@pytest.mark.parametrize("loop", [False, True])
def test_a_walk_meets_every_stop_and_a_loop_closes(loop):
    stops = some(4)
    stops = stops._replace(z=stops.z / np.linalg.norm(stops.z, axis=1, keepdims=True))
    found = walk.walk(stops, 61, "spherical", loop)
    step = 15 if loop else 20
    assert found.n == (60 if loop else 61) and (found.z[::step] == stops.z).all()
    if loop:  # as far from the last frame to the first as between any others of that leg
        gaps = np.linalg.norm(np.diff(np.vstack([found.z, found.z[:1]]), axis=0), axis=1)[-step:]
        assert gaps.max() < 1.001 * gaps.min()


def test_a_grid_has_its_corners_and_its_edges_are_walks():
    four = some(4)
    z = walk.corners(four, 5, "spherical").z.reshape(5, 5, -1)
    assert (z[0, 0] == four.z[0]).all() and (z[0, -1] == four.z[1]).all()
    assert (z[-1, 0] == four.z[2]).all() and (z[-1, -1] == four.z[3]).all()
    assert np.allclose(z[0], walk.walk(four.take([0, 1]), 5, "spherical").z, atol=1e-6)
    linear = walk.corners(four, 3, "linear").z.reshape(3, 3, -1)
    assert np.allclose(linear[1, 1], four.z.mean(0), atol=1e-6) and not np.allclose(z[2, 2], four.z.mean(0), atol=1e-2)
    for wrong in (some(3), some(5)):
        with pytest.raises(BadInput, match="4 corners"):
            walk.corners(wrong, 5, "linear")


def test_the_natural_way_and_the_word_of_caution():
    assert walk.natural(Normal(4)) == "spherical" and walk.natural(Uniform(4)) == "linear"
    assert not walk.caution(Normal(4), "spherical") and not walk.caution(Uniform(4), "linear")
    assert "normal" in walk.caution(Normal(4), "linear") and "uniform" in walk.caution(Uniform(4), "spherical")


class Jump(nn.Module):
    """White where z's first number is above 0, else black, with a soft edge."""

    side = SIDE

    def __init__(self, sharp=1.0):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(sharp))

    def forward(self, z):
        return (self.scale * z[:, 0]).sigmoid()[:, None, None, None].expand(-1, 1, SIDE, SIDE)


def test_a_straight_way_has_the_least_path_length_and_a_jump_has_more():
    """‖G(b) − G(a)‖² is the floor: a linear G on a straight line has exactly that, for any other it is more."""
    stops = Places(np.array([[-1.0] * DIM, [1.0] * DIM], np.float32))
    small = Line(scales=np.full(DIM, 1.0))
    (straight,) = walk.smoothness(generator(small), stops, "linear")
    assert straight.ratio == pytest.approx(1, rel=1e-3) and straight.jump == pytest.approx(1, rel=1e-3)
    (soft,), (hard,) = (walk.smoothness(generator(Jump(s)), stops, "linear") for s in (1.0, 30.0))
    assert 1 < soft.ratio < 1.1 < 9 < hard.ratio and soft.jump < 1.1 < 9 < hard.jump
    # a sigmoid of speed s: ∫σ′(s x)²·4s² dx/(σ(s) − σ(−s))², in closed form
    x = np.linspace(-1, 1, 20001)
    slope = 30 / (2 + 2 * np.cosh(30 * x))
    assert hard.ratio == pytest.approx(np.trapezoid((2 * slope) ** 2, x) / 2 / np.tanh(15) ** 2, rel=0.02)


def test_a_bent_way_is_longer_than_its_floor():
    rng = np.random.default_rng(3)
    z = rng.standard_normal((2, DIM)).astype(np.float32)
    (bent,) = walk.smoothness(generator(Line(scales=np.full(DIM, 0.05))), Places(z), "spherical")
    assert bent.ratio > 1.01, "a great circle through a linear G is an arc"
    assert walk.usual(generator(Line(scales=np.full(DIM, 0.05))), "linear") == pytest.approx(1, rel=1e-2)


# ---- between classes -----------------------------------------------------------------------------------------------


def test_a_mixture_is_the_row_between_two_rows():
    code = Code((3,))
    a, b, t = torch.tensor([0, 1, 2]), torch.tensor([2, 2, 0]), torch.tensor([0.0, 0.25, 1.0])
    mixed = Mixture(a, b, t)
    rows = code(mixed)
    assert torch.equal(rows[0], code(a)[0]) and torch.equal(rows[2], code(b)[2])
    assert torch.allclose(rows[1], 0.75 * code(a)[1] + 0.25 * code(b)[1])
    assert len(mixed) == 3 and torch.equal(code(mixed[1:]), rows[1:])
    four = Mixture(mixed, Mixture(b, a, t), torch.full((3,), 0.5))
    assert torch.allclose(code(four), (rows + code(Mixture(b, a, t))) / 2)
    columns = Code((2, 0))
    label = torch.tensor([[0.0, -1.0], [1.0, 0.5]])
    assert torch.allclose(
        columns(Mixture(label[:1], label[1:], t[1:2])), 0.75 * columns(label[:1]) + 0.25 * columns(label[1:])
    )


@pytest.mark.parametrize("recipe", ["cgan", "dcgan", "gan", "auto", "wgan_gp", "r3gan", "sngan", "r1", "vae", "acgan"])
def test_every_conditional_generator_goes_from_class_to_class(recipe, source):
    given = {} if recipe in ("cgan", "acgan") else {"conditional": True}
    (phase,) = toy(recipe, source.spec, **given)
    with torch.random.fork_rng(devices=[]), torch.no_grad():  # conditional layers that start at zero learn nothing here
        torch.manual_seed(1)
        for p in phase.game.G.parameters():
            p.add_(0.3 * torch.randn_like(p))
    G = Generator(phase.game.G.eval(), phase.game, phase.game.prior, source.spec, phase.pixels)
    stops = pick(G, "3,3")
    stops = stops._replace(label=torch.tensor([0, 2]))
    places = walk.walk(stops, 5, "linear")
    images = np.asarray(G.at(places.z, places.label)).astype(float)
    ends = [np.asarray(G.sample(1, first=3, label=c)).astype(float) for c in (0, 2)]

    def far(a, b):
        """Levels apart at most; one is a batch of another size, which some CPUs sum in another order."""
        return np.abs(a - b).max()

    assert far(images[0], ends[0]) <= 1 and far(images[-1], ends[1]) <= 1 and far(ends[0], ends[1]) > 4
    assert far(images[2], images[0]) > 4 and far(images[2], images[-1]) > 4
    small = np.asarray(G.at(places.z, places.label, batch=2))
    assert np.abs(images - small).max() <= 1, "a mixture is cut as labels are"


def test_equal_labels_are_not_mixed():
    a, b = (some(3, seed=s)._replace(label=torch.tensor([0, 1, 2])) for s in (0, 1))
    assert isinstance(walk.between(a, b, np.full(3, 0.5), "linear").label, torch.Tensor)
    b = b._replace(label=torch.tensor([0, 1, 1]))
    assert isinstance(walk.between(a, b, np.full(3, 0.5), "linear").label, Mixture)


# ---- arithmetic ----------------------------------------------------------------------------------------------------


def test_a_minus_b_plus_c_is_exact():
    A, B, C = some(3, seed=1), some(3, seed=2), some(3, seed=3)
    C = C._replace(names=("x", "y", "z"))
    found = directions.difference(A._replace(names=("0",) * 3), B._replace(names=("0",) * 3))
    result = found.move(arithmetic.mean(C), 1.0).z[0]
    assert np.allclose(result, A.z.mean(0) - B.z.mean(0) + C.z.mean(0), atol=1e-6)
    assert np.allclose(found.move(arithmetic.mean(C), -2.0).z[0], C.z.mean(0) - 2 * found.vector, atol=1e-5)
    assert np.allclose(directions.difference(B, A).vector, -found.vector)


def test_three_averages_of_three_are_as_long_as_the_prior():
    """Var = 3 · 1/3, which is why A − B + C of means of three needs no rescaling."""
    z = some(9000, 64).z.reshape(1000, 3, 3, 64).mean(2)
    assert np.linalg.norm(z[:, 0] - z[:, 1] + z[:, 2], axis=1).mean() == pytest.approx(8, rel=0.01)
    assert np.linalg.norm(z[:, 0], axis=1).mean() == pytest.approx(8 / 3**0.5, rel=0.01), "an average alone is shorter"


def test_neighbours_surround_the_result():
    place = some(1)
    nine = arithmetic.neighbours(place, 0.25, seed=4).z
    assert (nine[4] == place.z[0]).all()
    away = np.abs(np.delete(nine, 4, 0) - place.z)
    assert 0.2 < away.max() <= 0.25 + 1e-6 and (away.max(1) > 0.05).all()
    assert (arithmetic.neighbours(place, 0.0).z == place.z).all()
    assert (nine == arithmetic.neighbours(place, 0.25, seed=4).z).all() and (
        nine != arithmetic.neighbours(place, 0.25, 5).z
    ).any()


def test_a_group_of_one_is_refused():
    G = generator()
    for plus, minus, word in (("1", "2,3", "--plus"), ("1,2", "3", "--minus")):
        with pytest.raises(BadInput, match=f"{word} names one picture") as caught:
            directions.difference(pick(G, plus), pick(G, minus))
        assert "\n" not in str(caught.value)


def test_the_figure_shows_groups_means_and_neighbours():
    G = generator()
    A, B, C = (pick(G, words) for words in ("1,2,3", "4,5,6", "7"))
    found = directions.difference(A, B)
    picture = np.asarray(arithmetic.figure(G, A, B, [C], found))
    twice = np.asarray(arithmetic.figure(G, A, B, [C, C], found))
    assert twice.shape[0] == 2 * picture.shape[0] and (twice[: len(picture)] == picture).all()
    other = np.asarray(arithmetic.figure(G, A, B, [C], found, strength=3.0))
    assert other.shape != picture.shape or (other != picture).mean() > 0.01, "negative control"


# ---- where directions come from ------------------------------------------------------------------------------------


def test_sefa_finds_the_planted_directions_in_order():
    G = generator()
    found = components.factorised(G)
    assert np.allclose(np.abs((found * G.net.planted).sum(1)), 1, atol=1e-6)
    assert abs(found[0] @ G.net.planted[1]) < 1e-6, "negative control: the order matters"
    named = directions.find(G, "sefa:0")
    assert np.allclose(np.abs(named.vector @ G.net.planted[0]), 1, atol=1e-6) and named.name == "sefa:0"
    # of all unit steps none changes the pictures more
    step = lambda v: np.linalg.norm(np.asarray(G.net.first.weight) @ v)  # noqa: E731
    random = np.random.default_rng(0).standard_normal((200, DIM))
    assert step(named.vector) > max(step(v / np.linalg.norm(v)) for v in random)


@pytest.mark.parametrize("recipe", ["gan", "cgan", "dcgan", "auto", "wgan_gp", "r3gan", "sngan", "r1", "vae"])
def test_the_first_layer_is_found_in_every_network(recipe, source):
    """Its weight must say what the layer itself answers to a step of z."""
    (phase,) = toy(recipe, source.spec, **({} if recipe == "cgan" else {"conditional": recipe != "dcgan"}))
    G = Generator(phase.game.G.eval().requires_grad_(False), phase.game, phase.game.prior, source.spec, phase.pixels)
    weight, following = components.first_layer(G)
    layers = [m for m in G.net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    answered = {}

    def listen(layer, _, out):
        answered[layer] = out.flatten(1)

    hooks = [layer.register_forward_hook(listen) for layer in layers]
    places = latents.random_places(G, 2, 0)
    if places.label is not None:
        places = places._replace(label=places.label[[0, 0]])
    G.at(places.z, places.label)
    for hook in hooks:
        hook.remove()
    step = weight @ (places.z[1] - places.z[0])
    assert any(len(y[0]) == len(step) and np.allclose(y[1] - y[0], step, atol=1e-4) for y in answered.values())
    assert following in layers and not torch.equal(answered[following][0], answered[following][1])
    assert components.principal(G, n=60).shape[1] == G.prior.dim


class TwoLayers(nn.Module):
    side = SIDE

    def __init__(self, act=None):
        super().__init__()
        self.first, self.act, self.last = Line().first, act or nn.Identity(), nn.Linear(SIDE * SIDE, SIDE * SIDE)

    def forward(self, z):
        return self.last(self.act(self.first(z))).view(-1, 1, SIDE, SIDE)


def test_pca_of_a_linear_layer_is_sefa():
    """Cov(Az) = AAᵀ for z of unit covariance; a bend between the layers changes what is principal."""
    found, closed = components.principal(generator(TwoLayers()), n=4000), components.factorised(generator(TwoLayers()))
    assert (np.abs((found * closed).sum(1))[:3] > 0.98).all()
    bent = components.principal(generator(TwoLayers(nn.Hardtanh(0.45, 0.55))), n=4000)
    assert np.abs((bent * closed).sum(1))[:3].min() < 0.97
    with pytest.raises(BadInput, match="one layer"):
        components.principal(generator())
    with pytest.raises(BadInput, match="does not begin with a linear layer"):
        components.factorised(generator(Jump()))


def test_regression_finds_the_gradient_and_holds_classes_constant():
    G, z = generator(), some(2000)
    truth = np.arange(1.0, DIM + 1) / np.linalg.norm(np.arange(1.0, DIM + 1))
    found = directions.fitted(z, z.z @ truth + 0.3 * np.random.default_rng(0).standard_normal(2000), G)
    assert found @ truth / np.linalg.norm(found) > 0.999
    label = (z.z[:, 0] > 0).astype(np.int64)  # a class that goes with z, and has the attribute itself
    y = z.z @ truth + 20 * label
    told = generator(classes=("a", "b"))
    within = directions.fitted(z._replace(label=torch.from_numpy(label)), y, told)
    blind = directions.fitted(z, y, G)
    assert within @ truth / np.linalg.norm(within) > 0.99 > 0.5 > blind @ truth / np.linalg.norm(blind), (
        "negative control"
    )


def test_still_gives_up_what_makes_unrest():
    slope, unrest = np.array([1.0, 1.0, 0.0]), np.diag([100.0, 0.0, 0.0])
    quiet = directions.still(slope, unrest)
    assert abs(quiet[0]) < 0.02 * quiet[1] and quiet[2] == 0
    loud = directions.still(slope, unrest, ridge=1e9)
    assert loud[0] == pytest.approx(loud[1], rel=1e-3), "a large ridge leaves it as it is"


class OneOrSeven(nn.Module):
    """Upright strokes: z's first number slants them, the second puts a bar on top (a seven), the third makes them thick."""

    side = 28

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(DIM, 3, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(3, DIM))

    def forward(self, z):
        slant, top, thick = self.first(z).T[:, :, None, None]
        y, x = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
        half = 1.8 + 0.2 * thick
        stem = (half - (x - 2 + 0.25 * slant * y).abs()).clamp(0, 1) * (y.abs() < 9)
        corner = 2 + 2 * slant
        bar = (half - (y + 8).abs()).clamp(0, 1) * ((x < corner) & (x > corner - 11)) * (2 * top).sigmoid()
        return torch.maximum(stem, bar)[:, None]


def digits():
    return generator(OneOrSeven(), name="digits")


def test_class_slopes_are_those_of_finite_differences():
    G, n, h = digits(), 4, 1e-3
    found = directions.class_slopes(G, n=n)
    places = latents.random_places(G, n, directions.SEED)
    by = directions.eye(G.spec)

    def log_p(z):
        return by.look(G(torch.from_numpy(z.astype(np.float32))))[1].log_softmax(1).double().numpy()

    J = np.stack([(log_p(places.z + h * e) - log_p(places.z - h * e)) / (2 * h) for e in np.eye(DIM)], 2)
    assert np.allclose(found, np.einsum("nci,ncj->ij", J, J) / n, rtol=0.1, atol=0.02 * np.abs(found).max())
    assert found[1, 1] > 100 * found[3, 3] + 1, "the bar changes the classifier's mind, numbers without effect do not"


def test_ink_that_is_held_is_thickness_and_not_another_digit():
    """A seven has more ink than a one, so the plain slope adds bars; held still it thickens strokes."""
    G = digits()
    free, held = (directions.measured(G, "ink", hold, n=500) for hold in (False, None))
    assert free.vector[1] > 0.5 and abs(held.vector[1]) < 0.2 and held.vector[2] > 0.95
    assert "held still in fd-digits/v1" in held.about["found"] and "held" not in free.about["found"]
    kept = [quality.quality(G, d, 1.0, n=100) for d in (free, held)]
    assert kept[0].kept < 0.85 < 0.95 < kept[1].kept and kept[1].moved["ink"] > 0.6
    seven = directions.find(G, "class:7")
    assert seven.vector[1] > 0.9, "the class's own direction is not held"


def test_what_is_no_attribute_is_one_line():
    for word, match in (
        ("slnat", "did you mean slant"),
        ("class:3", "no classifier in ganvas suits"),
        ("sefa:99", "sefa:0 to sefa:5"),
        ("no.csv:a", "cannot be read"),
        ("no.csv", "which column"),
        ("no.safetensors", "does not exist"),
    ):
        with pytest.raises(BadInput, match=match) as caught:
            directions.find(generator(), word)
        assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="its classes are 0, 1"):
        directions.find(digits(), "class:ten")
    with pytest.raises(BadInput, match="--hold"):
        directions.find(generator(), "ink", hold=True)


def test_a_table_of_labels(tmp_path):
    G, table = generator(), tmp_path / "labels.csv"
    z = latents.random_places(G, 60, 0).z
    rows = [f"{k:05d}.png,{'smiling' if z[k, 2] > 0 else 'neutral'},{z[k, 3]}" for k in range(60)]
    table.write_text("\n".join(["file,mood,size", *rows]))
    for column, axis in (("mood", 2), ("size", 3)):
        found = directions.find(G, f"{table}:{column}").vector
        assert np.abs(found).argmax() == axis and found[axis] > 0.8
    with pytest.raises(BadInput, match="no column 'age': its columns are mood, size"):
        directions.find(G, f"{table}:age")
    table.write_text("file,mood\ncat.png,a\n2.png,b\n")
    with pytest.raises(BadInput, match=r"cat\.png is not called by a number"):
        directions.find(G, f"{table}:mood")
    table.write_text("file,mood\n1.png,a\n2.png,b\n3.png,c\n")
    with pytest.raises(BadInput, match="3 different words"):
        directions.find(G, f"{table}:mood")


# ---- how good they are ---------------------------------------------------------------------------------------------


class Bars(nn.Module):
    """z's first number is how wide a bar in the middle is, the second where it is: known attributes."""

    side = 16

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(DIM, 2, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(2, DIM))

    def forward(self, z):
        wide, shift = self.first(z).T
        x = torch.linspace(-1, 1, 16)
        bar = ((0.4 + 0.1 * wide)[:, None] - (x - 0.1 * shift[:, None]).abs()).mul(8).sigmoid()
        inside = (x.abs() < 0.7).float()
        return (bar * inside)[:, None, None, :] * inside[:, None]


def test_quality_says_what_moves_and_what_drifts():
    G = generator(Bars())
    wide, aside = (Direction(np.eye(DIM, dtype=np.float32)[k], "x", {"attribute": "ink"}) for k in (0, 4))
    good, bad = (quality.quality(G, d, 1.0, n=200) for d in (wide, aside))
    assert good.auc > 0.97 and good.accuracy > 0.9 and 0.4 < bad.auc < 0.6
    assert good.moved["ink"] == pytest.approx(1, abs=0.1) and abs(bad.moved["ink"]) < 1e-6
    assert abs(good.moved["height"]) < 0.01 < good.moved["width"] and good.kept is None
    assert "AUC" in quality.words(good, "ink") and "\n" in quality.words(good, "ink")
    found = directions.measured(G, "ink", n=500)
    assert found.vector[0] > 0.99 and np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)


def test_quality_counts_pictures_that_keep_their_class():
    G, bar = digits(), Direction(np.eye(DIM, dtype=np.float32)[1], "bar")
    still, far = (quality.quality(G, bar, strength, "class:7", n=60) for strength in (0.0, 3.0))
    assert still.kept == 1 and still.noise == 1 and still.moved["class:7"] == 0
    assert 0.4 < far.kept < 0.6 < far.noise, "one way all are sevens, the other way none"
    assert far.moved["class:7"] > 0.5 and far.auc > 0.9 and "same class as before" in quality.words(far)
    assert see(G, latents.random_places(G, 5, 0)).values("class:3").shape == (5,)


def test_separability_in_closed_form():
    along = np.arange(10.0)
    assert quality.separability(along, along > 4) == (1.0, 1.0)
    assert quality.separability(-along, along > 4) == (0.0, 0.0)
    auc, accuracy = quality.separability(along, along % 2 == 0)
    assert auc == pytest.approx(10 / 25) and accuracy == 0.4
    rng = np.random.default_rng(0)
    assert quality.separability(rng.random(4000), rng.random(4000) > 0.5)[0] == pytest.approx(0.5, abs=0.03)


def test_leave_one_out_tells_groups_from_noise():
    rng = np.random.default_rng(0)
    plus, minus = (Places(rng.standard_normal((10, 64)) + s * np.eye(64)[0] * 4) for s in (1, -1))
    assert quality.leave_one_out(plus, minus) == 1
    noise = [quality.leave_one_out(*(Places(rng.standard_normal((10, 64))) for _ in range(2))) for _ in range(20)]
    assert 0.3 < np.mean(noise) < 0.6, "negative control: groups without a difference are at chance or below"


# ---- strokes -------------------------------------------------------------------------------------------------------


def bar(shear=0.0, thick=1.5, side=41):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return (np.clip(thick + 0.5 - np.abs(x + shear * y), 0, 1) * (np.abs(y) < side / 4))[None, None]


def test_slant_is_the_shear_of_a_bar():
    for shear in (-0.5, 0.0, 0.3):
        assert strokes.slant(bar(shear))[0] == pytest.approx(shear, abs=0.01)
    assert strokes.slant(bar(0.3)[..., ::-1])[0] == pytest.approx(-0.3, abs=0.01), "mirrored it leans to the left"
    assert strokes.height(bar(0.0, side=81))[0] == pytest.approx(2 * strokes.height(bar(0.0))[0], rel=0.05)


def test_ink_is_what_differs_from_the_paper():
    thin, thick = bar(thick=1.0), bar(thick=3.0)
    assert (
        strokes.ink(thick)[0] == pytest.approx(3 * strokes.ink(thin)[0], rel=0.2)
        and strokes.ink(thin)[0] == thin.mean()
    )
    for measure in strokes.STROKES.values():
        assert measure(1 - bar(0.3))[0] == pytest.approx(measure(bar(0.3))[0]), "black on white is the same figure"
        assert measure(np.zeros((1, 1, 8, 8)))[0] == 0 and measure(np.full((1, 3, 8, 8), 0.4))[0] == pytest.approx(
            0, abs=1e-9
        )


# ---- the way back --------------------------------------------------------------------------------------------------


def test_inverting_a_linear_generator_gives_the_latent_back():
    G = generator(Line(scales=np.full(DIM, 0.4)))
    z = some(1, seed=9).z
    image = G.unit(torch.from_numpy(z)).numpy()[0].clip(0, 1)
    assert image.min() > 0 and image.max() < 1, "nothing clamped: the problem has one solution"
    steps = []
    found = inversion.invert(G, image, shell=0, advance=steps.append)
    assert np.allclose(found.place.z, z, atol=2e-3) and found.error < 1e-6 < found.nearest < found.random
    assert len(steps) == 300 and np.allclose(found.picture, image, atol=2e-3)
    few, again = (inversion.invert(G, image, shell=0, steps=1, restarts=1) for _ in range(2))
    assert (again.place.z == few.place.z).all()
    assert few.error > 100 * found.error, "negative control: it is the search that finds it"


def test_what_the_generator_cannot_draw_keeps_its_error():
    G = generator(Line(scales=np.full(DIM, 0.1)))
    image = np.indices((SIDE, SIDE)).sum(0) % 2
    found = inversion.invert(G, image[None].astype(np.float32), steps=100)
    assert found.error > found.random / 5 and "cannot draw it" in inversion.words(found, G)
    own = inversion.invert(G, np.asarray(G.sample(1, inversion.SEED))[0])
    assert own.nearest < 1e-5 and "cannot" not in inversion.words(own, G), "it begins where it should end"


def test_the_shell_keeps_z_where_samples_are():
    G = generator(Line(scales=np.full(DIM, 0.1)))
    far = G.unit(torch.from_numpy(5 * some(1, seed=9).z)).numpy()[0].clip(0, 1)
    free, kept = (inversion.invert(G, far, shell=weight) for weight in (0.0, 10.0))
    assert free.radius > 2 > kept.radius and free.error < kept.error
    cube = generator(Line(scales=np.full(DIM, 0.4)), Uniform(DIM))
    out = inversion.invert(cube, cube.unit(torch.full((1, DIM), 3.0)).numpy()[0].clip(0, 1))
    assert np.abs(out.place.z).max() <= 1, "a uniform z stays in its range"


class Told(nn.Module):
    """A linear picture, brighter for the second class."""

    side = SIDE

    def __init__(self):
        super().__init__()
        self.line, self.code = Line(scales=np.full(DIM, 0.1)), Code((2,), plain=True)

    def forward(self, z, label):
        return 0.5 * self.line(z) + 0.25 * self.code(label)[:, 1, None, None, None]


def test_inversion_finds_the_class_too():
    G = generator(Told(), conditional=True, classes=("dark", "light"))
    for label in (0, 1):
        image = np.asarray(G.sample(1, seed=4, label=label))[0]
        assert int(inversion.invert(G, image, steps=60).place.label) == label
    wrong = inversion.invert(G, image, label="dark", steps=60)
    assert int(wrong.place.label) == 0 and wrong.error > inversion.invert(G, image, steps=60).error
    with pytest.raises(BadInput, match="no class 'grey'"):
        inversion.invert(G, image, label="grey")
    with pytest.raises(BadInput, match="without labels"):
        inversion.invert(generator(), np.zeros((1, SIDE, SIDE), np.uint8), label="dark")


def test_a_picture_of_another_shape_is_one_line():
    for image, match in (
        (np.zeros((1, 9, 8), np.uint8), "1 × 9 × 8 and this generator draws 1 × 8 × 8"),
        (np.full((1, SIDE, SIDE), 3, np.float32), "outside 0…1"),
        (np.full((1, SIDE, SIDE), np.nan, np.float32), "outside 0…1"),
    ):
        with pytest.raises(BadInput, match=match) as caught:
            inversion.invert(generator(), image)
        assert "\n" not in str(caught.value)


def test_a_vae_begins_at_its_own_encoding(source):
    (phase,) = toy("vae", source.spec)
    G = Generator(phase.game.G.eval().requires_grad_(False), phase.game, phase.game.prior, source.spec, phase.pixels)
    x = torch.from_numpy(np.asarray(G.sample(1)) / np.float32(255))
    mean, _ = G.net.encode(2 * x - 1)
    starts = inversion._with_encoded(G, x, some(4, 4))
    assert starts.n == 5 and np.allclose(starts.z[-1], mean.numpy(), atol=1e-6)
    assert inversion.invert(G, x[0].numpy(), steps=2).error >= 0


# ---- words and files -----------------------------------------------------------------------------------------------


def test_what_words_mean(tmp_path):
    G = generator()
    found = pick(G, "17, 3:4", seed=5)
    assert (found.z == np.stack([G.prior.at(5, 17), G.prior.at(3, 4)])).all() and found.names == ("17", "3:4")
    group = tmp_path / "smiling.txt"
    group.write_text("17  # the left one\n\n3:4, 8\n")
    assert (pick(G, str(group), seed=5).z[:2] == found.z).all() and pick(G, f"{group},1").n == 4
    kept = tmp_path / "z.safetensors"
    latents.keep(kept, G, found)
    assert (pick(G, str(kept)).z == found.z).all() and (pick(G, f"{kept}:1").z == found.z[1:]).all()
    group.write_text(f"1\n{kept}\n")
    assert pick(G, str(group)).n == 3


def test_pictures_that_were_picked_into_a_folder(tmp_path):
    G = generator(Line(scales=np.full(DIM, 0.1)))
    G.sample(20, seed=6).save_each(tmp_path / "all")
    group = tmp_path / "smiling"
    group.mkdir()
    for k in (3, 17):
        (tmp_path / f"all/{k:05d}.png").rename(group / f"{k:05d}.png")
    assert (pick(G, str(group), seed=6).z == pick(G, "3,17", seed=6).z).all()
    with pytest.raises(BadInput, match=r"00003.png is not picture 3 of seed 0 of this generator"):
        pick(G, str(group))
    told = generator(Told(), conditional=True, classes=("dark", "light"))
    told.sample(4, label="light").save_each(tmp_path / "light")
    assert pick(told, str(tmp_path / "light")).label.tolist() == [1] * 4, "of the class they were drawn of"
    assert (
        pick(told, "0,1,2").label.tolist() == [0, 1, 0] and pick(told, "0,1,2", label="light").label.tolist() == [1] * 3
    )
    (group / "cat.png").write_bytes(b"")
    with pytest.raises(BadInput, match="not called by a number"):
        pick(G, str(group), seed=6)


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ("abc", "'abc' is neither a number"),
        ("-3", "'-3' is neither a number"),
        ("1.5", "neither a number"),
        (" , ", "names no latent"),
        ("empty.txt", "names no latent"),
        ("bad.txt", "line 2: 'frog' is neither"),
        ("nested.txt", "line 1: .*only numbers and .safetensors"),
        ("photo.png", "`ganvas invert` looks for it"),
        ("folder", "holds no pictures"),
        ("binary.txt", "no text of numbers"),
        ("kept.safetensors:9", "0 to 1, and none of number 9"),
        ("direction.safetensors", "none of latents"),
        ("foreign.safetensors", "none of latents"),
    ],
)
def test_words_that_mean_nothing_are_one_line(word, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    G = generator()
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "bad.txt").write_text("1\nfrog\n")
    (tmp_path / "nested.txt").write_text("empty.txt\n")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder").mkdir()
    latents.keep(tmp_path / "kept.safetensors", G, pick(G, "1,2"))
    Direction(np.ones(DIM, np.float32), "up").keep(tmp_path / "direction.safetensors", G)
    save_file({"w": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(BadInput, match=match) as caught:
        pick(G, word)
    assert "\n" not in str(caught.value)


def test_a_direction_is_kept_and_used_anywhere(tmp_path):
    G, path = generator(), tmp_path / "sub/up.safetensors"
    up = Direction(np.arange(DIM, dtype=np.float32), "up", {"found": "here", "attribute": "ink"})
    up.keep(path, G)
    again = directions.kept(path, G)
    assert (again.vector == up.vector).all() and again.name == "up" and again.about == up.about
    moved, z = G.sample(3, seed=1, direction=path, strength=0.1), G.latents(3, seed=1)
    assert (moved == G.at(z + 0.1 * torch.from_numpy(up.vector))).all() and (moved != G.sample(3, seed=1)).any()
    notes = []
    directions.kept(path, G, notes.append)
    assert not notes
    directions.kept(path, generator(Line(seed=5)), notes.append)
    assert "other weights" in notes[0]
    with pytest.raises(BadInput, match="latents of 6 numbers and this generator takes 4"):
        directions.kept(path, generator(Line(4), Normal(4)))
    latents.keep(tmp_path / "z.safetensors", G, pick(G, "1"))
    with pytest.raises(BadInput, match="none of direction"):
        directions.kept(tmp_path / "z.safetensors", G)
    with pytest.raises(BadInput, match=r"call it up\.safetensors"):
        up.keep(tmp_path / "up.json", G)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(Corrupt, match="cannot be read"):
        directions.kept(path, G)
    tensors = {"z": torch.full((1, DIM), torch.nan)}
    save_file(tensors, path, {"ganvas": json.dumps({"kind": "direction", "format": 1})})
    with pytest.raises(Corrupt, match="no finite latents"):
        directions.kept(path, G)
    save_file(tensors, path, {"ganvas": json.dumps({"kind": "direction", "format": 99})})
    with pytest.raises(Corrupt, match="newer ganvas"):
        directions.kept(path, G)


def test_what_has_no_z_is_one_line():
    translator = object.__new__(Translator)
    with pytest.raises(
        BadInput, match="runs/edges has no latent space: a translator makes pictures of pictures"
    ) as caught:
        latents.with_latents(translator, "runs/edges")
    assert "\n" not in str(caught.value)
    G = generator()
    assert latents.with_latents(G) is G


# ---- truncation, numbers, methods ----------------------------------------------------------------------------------


def test_truncation_draws_latents_to_the_mean():
    G = generator()
    z = G.latents(5)
    assert torch.equal(G.moved(z, truncation=0.7), 0.7 * z) and torch.equal(G.moved(z), z)
    assert (G.sample(3, truncation=0.5) == G.at(0.5 * G.latents(3))).all()
    assert len(np.unique(np.asarray(G.sample(5, truncation=0)).reshape(5, -1), axis=0)) == 1
    cube = generator(prior=Uniform(DIM, 0, 1))
    assert torch.allclose(cube.moved(z, truncation=0.5), 0.5 + 0.5 * (z - 0.5)), (
        "of a uniform z to the middle of its range"
    )
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(BadInput, match="out of range"):
            G.sample(1, truncation=wrong)
    told = generator(Told(), conditional=True, classes=("dark", "light"))
    rows = told.by_class(6, truncation=0)
    assert len(rows) == 6 and (rows[0] == rows[2]).all() and (rows[0] != rows[3]).any(), "classes stay what they are"


def test_prior_moments():
    for prior in (Normal(4), Uniform(4), Uniform(4, 0, 3)):
        z = np.stack([prior.at(0, k) for k in range(4000)])
        assert z.mean() == pytest.approx(prior.mean, abs=0.03) and z.std() == pytest.approx(prior.std, abs=0.03)


def test_a_numbered_sheet_shows_every_number():
    images = generator().sample(10)
    plain = np.asarray(panels.contact(images, [""] * 10, columns=5))
    numbered = np.asarray(panels.contact(images, [str(k) for k in range(10)], columns=5))
    assert plain.shape == numbered.shape
    changed = (plain != numbered).any(2)
    cells = changed[:, 4:].reshape(2, -1, 5, (changed.shape[1] - 4) // 5)
    assert (cells.any((1, 3))).all(), "under each of the ten pictures"
    assert not changed.reshape(2, -1, changed.shape[1])[:, :-20].any(), "and on none"
    images.rows = ("a", "b")
    assert panels.contact(images, ["1"] * 10).width > numbered.shape[1]


def test_methods_of_a_generator(tmp_path):
    G = generator(Line(scales=np.full(DIM, 0.1)))
    images = G.interpolate("1", "2", frames=7)
    assert images.shape == (7, 1, SIDE, SIDE) and (images[[0, -1]] == G.at(pick(G, "1,2").z)).all()
    assert len(G.interpolate("1", "2", "3", frames=9, loop=True)) == 9
    assert G.direction("sefa:1").name == "sefa:1"
    assert G.invert(np.asarray(images[3]), steps=50).error < 1e-3
    with pytest.raises(BadInput, match="neither a number"):
        G.interpolate("1", "x")


def test_a_scaled_generator_keeps_its_depth():
    G = generator()
    deep = Generator(G.net, G.game, G.prior, replace(G.spec, bits=16, range=(0, 65535)), G.pixels)
    assert deep.interpolate("1", "2", frames=3).dtype == np.uint16
    found = inversion.invert(deep, np.asarray(deep.sample(1))[0], steps=5)
    assert inversion.beside([found], [found.picture], deep).dtype == np.uint16
