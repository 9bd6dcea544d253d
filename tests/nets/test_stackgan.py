"""StackGAN's networks and the text encoder: shapes, that order counts, that padding and unknown words say nothing."""

import pytest
import torch

from ganvas.nets.stackgan import MatchingDiscriminator, StageOne, StageTwo
from ganvas.nets.text import ImageEncoder, Matcher, TextEncoder

TEXT = dict(length=12, words=20, width=16, features=24)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return TextEncoder(**TEXT).eval()


def row(*words, length=12):
    return torch.tensor([[*words, *[0] * (length - len(words))]])


@torch.no_grad()
def test_the_order_of_words_counts(encoder):
    """ "a above b" and "b above a" are the same words; a mean over embeddings could not tell them apart."""
    one, other = encoder(row(3, 4, 9, 5, 6)), encoder(row(5, 6, 9, 3, 4))
    assert (one - other).abs().max() > 0.05
    bag = encoder.words(row(3, 4, 9, 5, 6)).sum(1) - encoder.words(row(5, 6, 9, 3, 4)).sum(1)
    assert bag.abs().max() < 1e-6, "control: a bag of words"


@torch.no_grad()
def test_what_follows_the_end_changes_nothing_and_unknown_words_say_nothing(encoder):
    short = TextEncoder(**TEXT | {"length": 5}).eval()
    short.load_state_dict(encoder.state_dict())
    assert torch.allclose(encoder(row(3, 4, 9)), short(row(3, 4, 9, length=5)), atol=1e-6)
    with_unknown = encoder(row(3, 4, 9, 1))
    assert torch.allclose(with_unknown, encoder(row(3, 4, 9)), atol=1e-6), "an unknown word says nothing"
    assert not torch.allclose(encoder(row(3, 1, 9)), encoder(row(3, 9)), atol=1e-3), "and keeps its place"
    assert not torch.allclose(encoder(row(3, 4, 9)), encoder(row(3, 4, 10))), "control: another word does"


def test_an_unknown_word_stays_without_a_voice_when_others_learn(encoder):
    optimizer = torch.optim.Adam(encoder.parameters(), 0.1)
    encoder(row(3, 1, 9)).square().mul(torch.arange(24.0)).sum().backward()
    assert not encoder.words.weight.grad[:2].any() and encoder.words.weight.grad[3].any()
    optimizer.step()
    assert torch.allclose(encoder(row(3, 4, 9, 1)), encoder(row(3, 4, 9)), atol=1e-6)


@torch.no_grad()
def test_a_sentence_models_vectors_pass_through():
    encoder, vectors = TextEncoder(length=6), torch.randn(3, 6)
    assert not list(encoder.parameters()) and encoder.features == 6
    centred = vectors - vectors.mean(1, keepdim=True)
    assert torch.allclose(encoder(vectors), centred / centred.var(1, keepdim=True, correction=0).add(1e-5).sqrt())


@torch.no_grad()
def test_a_matcher_compares_every_picture_with_every_caption():
    E = Matcher(TEXT, (3, 32, 32), 4)
    images, rows = torch.rand(5, 3, 32, 32), torch.randint(2, 20, (4, 12))
    F = E(images, rows)
    assert F.shape == (5, 4)
    assert torch.allclose(F[3, 2], E.image(images[3:4])[0] @ E.text(rows[2:3])[0], atol=1e-5)
    assert ImageEncoder((1, 16, 16), 4, 7)(torch.rand(2, 1, 16, 16)).shape == (2, 7)


def nets(side=32, scale=2, width=4):
    torch.manual_seed(0)
    first = StageOne(5, (3, side // scale, side // scale), TEXT, 6, width)
    return first, StageTwo(first.config, (3, side, side), 7, width, 1, 1)


@torch.no_grad()
def test_shapes_and_noise():
    first, second = nets()
    second.first = first
    first.eval(), second.eval()
    z, phi = torch.randn(4, 5), first.read(torch.randint(2, 20, (4, 12)))
    assert (first.noises, second.noises) == (6, 13)
    assert first(z, phi).shape == (4, 3, 16, 16) and second(z, phi).shape == (4, 3, 32, 32)
    assert torch.equal(second(z, phi), second(z, phi, None)) and second(z, phi).abs().max() <= 1
    for net in (first, second):
        mu, log_sigma = net.condition(phi)
        assert mu.shape == log_sigma.shape == (4, 6 if net is first else 7)
        noisy = net(z, phi, torch.ones(4, net.noises))
        assert not torch.equal(noisy, net(z, phi)), "control: with noise c is another"
        assert torch.allclose(net(z, phi, torch.zeros(4, net.noises)), net(z, phi)), "c = μ + σ·0"


@torch.no_grad()
@pytest.mark.parametrize(("halvings", "seen"), [(0, (4, 16, 16)), (1, (8, 8, 8)), (2, (16, 4, 4))])
def test_stage_two_may_look_at_stage_one_at_its_own_size(halvings, seen):
    first, _ = nets()
    second = StageTwo(first.config, (3, 32, 32), 7, 4, 1, halvings).eval()
    z, phi = torch.randn(2, 5), torch.randn(2, 24)
    assert second.encode(first.eval()(z, phi)).shape[1:] == seen
    assert second(z, phi).shape == (2, 3, 32, 32)


@torch.no_grad()
def test_stage_two_hands_stage_one_its_own_noise():
    first, second = nets()
    second.first = first.eval()
    second.eval()
    z, phi, seen = torch.randn(2, 5), torch.randn(2, 24), []
    first.register_forward_hook(lambda module, inputs, output: seen.append(inputs))
    noise = torch.randn(2, second.noises)
    second(z, phi, noise)
    assert torch.equal(seen[0][0], z) and torch.equal(seen[0][2], noise[:, : first.noises])


@pytest.mark.parametrize("norm", [True, False])
def test_discriminators_read(norm):
    torch.manual_seed(0)
    D = MatchingDiscriminator((3, 32, 32), 24, 4, 5, norm)
    x, phi = torch.rand(6, 3, 32, 32), torch.randn(6, 24)
    assert D(x, phi).shape == (6, 1) and torch.allclose(D.judge(D.look(x), phi), D(x, phi), atol=1e-6)
    assert not torch.allclose(D(x, phi), D(x, phi.flip(0)))
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in D.modules()) == norm


def test_the_papers_sizes():
    """Stage I 64², stage II 256² (section 3): base 4×4 of 1024 channels, 16×16 of 512 in the middle; D ends at 4×4."""
    text = dict(length=18, words=5000, features=1024)
    with torch.device("meta"):
        first = StageOne(100, (3, 64, 64), text)
        second = StageTwo(first.config, (3, 256, 256))
        small, large = MatchingDiscriminator((3, 64, 64), 1024), MatchingDiscriminator((3, 256, 256), 1024)
        z, phi, x = torch.empty(2, 100), torch.empty(2, 1024), torch.empty(2, 3, 256, 256)
        assert first(z, phi).shape == (2, 3, 64, 64) and second(z, phi).shape == (2, 3, 256, 256)
        h = second.encode(first(z, phi))
        assert h.shape == (2, 512, 16, 16)
        assert small.look(x[..., :64, :64]).shape == large.look(x).shape == (2, 512, 4, 4)
    assert first.net[0].out_features == 1024 * 4 * 4 and len(second.blocks) == 4


@torch.no_grad()
def test_with_a_skip_stage_two_begins_with_stage_ones_picture_enlarged():
    torch.manual_seed(0)
    first = StageOne(5, (3, 16, 16), TEXT, 6, 4).eval()
    first.net[-2].weight.mul_(20)  # so that there is a picture
    second = StageTwo(first.config, (3, 32, 32), 7, 4, 1, 1, skip=True).eval()
    second.first = first
    z, phi = torch.randn(3, 5), torch.randn(3, 24)
    last = second.up[-1]
    last.weight.zero_(), last.bias.zero_()
    enlarged = torch.nn.functional.interpolate(first(z, phi), (32, 32), mode="bilinear")
    assert enlarged.abs().max() > 0.3 and torch.allclose(second(z, phi), 0.99 * enlarged, atol=1e-6)
    second.skip = False
    assert not second(z, phi).any(), "control: without it, nothing"
    last.bias.fill_(9.0)
    second.skip = True
    assert second(z, phi).min() > 0.9, "what is added may turn any pixel white"


@torch.no_grad()
def test_a_projection_reads_the_map_place_by_place():
    torch.manual_seed(0)
    D = MatchingDiscriminator((3, 16, 16), 24, 4, 5, False, project=True)
    D.last.weight.zero_(), D.last.bias.zero_()
    x, phi = torch.rand(6, 3, 16, 16), torch.randn(6, 24)
    by_hand = ((phi @ D.project.weight.t()) * D.look(x).flatten(1)).sum(
        1, keepdim=True
    ) / D.project.weight.numel() ** 0.5
    assert torch.allclose(D(x, phi), by_hand, atol=1e-6) and by_hand.any()
    assert MatchingDiscriminator((3, 16, 16), 24, 4, 5).project is None
