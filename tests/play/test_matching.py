"""The text encoder's game: its loss pair by pair, equal captions, and that it learns which caption belongs to a picture."""

import pytest
import torch

from ganvas.nets.text import Matcher
from ganvas.play.matching import MATCHES, Matching, first, joint, softmax
from ganvas.play.schedules import Clock

CLOCK = Clock(0, 0, 100)
TEXT = dict(length=3, words=9, width=8, features=6)


def test_the_loss_is_the_hinge_over_all_pairs_that_differ():
    """Reed et al. 2016, the hinge over all pairs, written out; captions 0 and 2 are equal."""
    F = torch.tensor([[2.0, 1.5, 0.0], [0.3, 1.0, 2.5], [5.0, -1.0, 0.5]], dtype=torch.double)
    text = torch.tensor([[2, 3], [4, 5], [2, 3]])
    other = (text[:, None] != text[None]).any(2)
    terms = []
    for i in range(3):
        for j in range(3):
            if not torch.equal(text[i], text[j]):
                terms.append(max(0, 1 + F[i, j] - F[i, i]) + max(0, 1 + F[i, j] - F[j, j]))
    assert len(terms) == 4
    assert float(joint(F, other)) == pytest.approx(float(sum(terms)) / 4)
    everyone = ~torch.eye(3, dtype=torch.bool)
    assert float(joint(F, everyone)) != pytest.approx(float(sum(terms)) / 4), (
        "control: equal captions taken for negatives"
    )
    assert float(first(F, other)) == pytest.approx(2 / 3), "pictures 0 and 2: 2.5 beats picture 1's own"


def test_the_softmax_is_over_the_captions_and_the_pictures_that_differ():
    """Xu et al. 2018, eq. 11 to 13, written out for the same compatibilities."""
    F = torch.tensor([[2.0, 1.5, 0.0], [0.3, 1.0, 2.5], [5.0, -1.0, 0.5]], dtype=torch.double)
    text = torch.tensor([[2, 3], [4, 5], [2, 3]])
    other = (text[:, None] != text[None]).any(2)
    e = F.exp()
    captions = [e[0, 0] / (e[0, 0] + e[0, 1]), e[1, 1] / e[1].sum(), e[2, 2] / (e[2, 1] + e[2, 2])]
    pictures = [e[0, 0] / (e[0, 0] + e[1, 0]), e[1, 1] / e[:, 1].sum(), e[2, 2] / (e[1, 2] + e[2, 2])]
    expected = -torch.stack(captions).log().mean() - torch.stack(pictures).log().mean()
    assert float(softmax(F, other)) == pytest.approx(float(expected))
    everyone = ~torch.eye(3, dtype=torch.bool)
    assert float(softmax(F, everyone)) > float(expected) + 1, "control: equal captions taken for negatives"


@pytest.mark.parametrize("match", MATCHES)
def test_captions_that_are_all_equal_teach_nothing_and_break_nothing(match):
    E = Matcher(TEXT, (1, 16, 16), 4)
    batch = {"image": torch.rand(4, 1, 16, 16), "text": torch.full((4, 3), 2)}
    (move,) = Matching(E, MATCHES[match]).round(iter([batch]), CLOCK)
    move.loss.backward()
    assert move.loss.item() == 0 and all(p.grad is None or not p.grad.any() for p in E.parameters())


def trained(match: str, shuffled: bool) -> float:
    """R-precision of 8 in a batch after learning 8 bright places by heart, or by wrong captions."""
    torch.manual_seed(0)
    images, text = torch.zeros(8, 1, 16, 16), torch.tensor([[2 + k // 4, 4 + k % 4, 0] for k in range(8)])
    for k in range(8):
        images[k, 0, 2 * k : 2 * k + 2] = 1
    E = Matcher(TEXT, (1, 16, 16), 4)
    optimizer, game = torch.optim.Adam(E.parameters(), 5e-3), Matching(E, MATCHES[match])
    for _ in range(60):
        said = text[torch.randperm(8)] if shuffled else text
        (move,) = game.round(iter([{"image": images, "text": said}]), CLOCK)
        optimizer.zero_grad()
        move.loss.backward()
        optimizer.step()
    with torch.no_grad():
        F = game.imagine(E, None, {"image": images, "text": text})
    return float(first(F, ~torch.eye(8, dtype=torch.bool)))


@pytest.mark.parametrize("match", MATCHES)
def test_it_learns_which_caption_belongs_to_a_picture(match):
    assert trained(match, shuffled=False) == 1.0
    assert trained(match, shuffled=True) < 0.6, "control: captions at random teach nothing"
