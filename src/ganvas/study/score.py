"""Metrics: from a question to scores with their cards.

The arithmetic is in `ganvas.measure`; here it meets pictures, extractors and references. Fréchet and kernel distance are
called fid and kid only in Inception's features; in others they carry the extractor's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from ganvas.data.gallery import Gallery
from ganvas.data.pixels import with_depth
from ganvas.errors import BadInput
from ganvas.measure import bins, birthday, classes, copying, frechet, kernel, neighbours, parzen, path, pictures
from ganvas.measure.rows import blocks
from ganvas.study.card import Score
from ganvas.study.question import Question, Reference, named

PRDC_MOST = 10_000  # images a side: all pairs of distances are taken
PPL_PAIRS, PPL_STEP = 1000, 1e-4
BIRTHDAY = 1000  # images a party
MS_SSIM_MOST = 2000  # images of which 100 pairs are drawn
SIGMA = 1000  # training images on which Parzen's σ is chosen
SEEN_BEFORE = "no floor: the real images hold training images"

Metric = Callable[[Question], Iterable[Score]]


def fid(q: Question) -> Iterator[Score]:
    """The Fréchet distance, its floor, and what is left without it; what is too few for these is said."""
    fake, real = frechet.moments(q.fake.features), q.real.moments
    distance, few, d = frechet.frechet(fake, real), _fewest(q), len(real.mean)
    floor = frechet.floor(real.cov, fake.n, real.n) if real.n else None
    also = {} if floor is None or few < d else {"corrected": distance - floor}
    yield Score(named("fid", q.extractor), distance, q.card(), floor, also=also, note=_reading(q))


def fid_infinity(q: Question) -> Iterator[Score]:
    """FID∞: extrapolated to infinitely many fakes; its floor is what the finite reference alone leaves."""
    found, real = frechet.at_infinity(q.fake.features, q.real.moments, seed=q.seed), q.real.moments
    floor = frechet.floor(real.cov, 10**12, real.n) if real.n else None
    card, also = q.card(f"{len(found.sizes)} sizes from {min(found.sizes):,}"), {"slope": found.slope}
    yield Score(named("fid∞", q.extractor), found.value, card, floor, also=also, note=_reading(q))


def _fewest(q: Question) -> int:
    """Images on the side that has fewer, as far as that is known."""
    return min(q.fakes.n, q.real.moments.n or q.fakes.n)


def _reading(q: Question) -> str:
    """What to know of a Fréchet distance: the floor's formula is of second order, good from 10·d images on."""
    real, few, notes = q.real.moments, _fewest(q), []
    d = len(real.mean)
    if np.trace(real.cov) <= 1e-10 * (real.mean @ real.mean):
        notes.append("this network sees no difference between the real images")
    if few < d:
        notes.append(f"fewer images than its {d:,} features: read kid instead")
    elif few < 10 * d:
        notes.append("the floor is too low at so few images; kid is unbiased")
    return "; ".join(notes)


def kid(q: Question) -> Iterator[Score]:
    """The kernel distance: unbiased, so its floor is 0 and it may be negative."""
    found = kernel.kid(q.fake.features, q.real_features(), seed=q.seed)
    settings = f"{found.subsets} subsets of {found.size:,}"
    yield Score(named("kid", q.extractor), found.mean, q.card(settings), 0.0, found.std)


def inception_score(q: Question) -> Iterator[Score]:
    """IS, from 1 to the number of classes. What real images get stands beside it as its "floor"."""
    if q.fake.probabilities is None:
        raise BadInput(f"{q.extractor.name} names no classes: an Inception Score needs a classifier")
    found = classes.inception_score(q.fake.probabilities)
    also = {}
    if isinstance(q.reference, Gallery) and q.real.seen.probabilities is not None:
        also["real images"] = classes.inception_score(q.real.seen.probabilities).mean
    yield Score(named("is", q.extractor), found.mean, q.card("10 splits", alone=True), None, found.std, "higher", also)


def even_prdc(real: np.ndarray, fake: np.ndarray, seed: int = 0, n: int = PRDC_MOST, k: int = 5) -> neighbours.PRDC:
    """PRDC of `n` (or as many as the smaller has) of either side, chosen at random: N×d and M×d features.

    Equally many, because with more fakes than reals coverage is 1 for nearly any generator; at random, because the first
    of a sorted folder are of one class. The choice of reals depends on `seed`, n and their number alone.
    """
    n, rng = min(n, len(real), len(fake)), np.random.default_rng(seed)
    some_real, some_fake = (x[np.sort(rng.permutation(len(x))[:n])] for x in (real, fake))
    return neighbours.prdc(some_real, some_fake, k)


def prdc(q: Question) -> Iterator[Score]:
    """Precision, recall, density, coverage; their floors are what as many training images get, where these are known."""
    real, fake, k = q.real_features(), q.fake.features, 5
    train, perfect = None if q.trained_on_real() else q.train, None
    n = min(len(real), len(fake), PRDC_MOST, train.n if train else PRDC_MOST)
    found = even_prdc(real, fake, q.seed, n, k)
    if train:
        train = train.first(n)
        perfect = even_prdc(real, q.progress(train, q.extractor).features, q.seed, n, k)
    card = q.card(f"k={k}, {n:,} of each at random", n=n, train=train)
    note = SEEN_BEFORE if q.trained_on_real() else ""
    for name, value in found._asdict().items():
        floor = getattr(perfect, name) if perfect else None
        yield Score(named(name, q.extractor), value, card, floor, better="higher", note=note)


def mifid(q: Question) -> Iterator[Score]:
    """MiFID, and the penalty m by which it divides; m of the reference beside it, because τ fits Inception alone."""
    q.must_be_apart("mifid")
    train = q.known_train()
    (plain,) = fid(q)
    m, floor = copying.mifid_penalty(q.fake.features, q.trained), None
    also = {"m": m}
    if q.real.seen is not None:
        also["m of real images"] = copying.mifid_penalty(q.real.seen.features, q.trained)
        floor = None if plain.floor is None else copying.mifid(plain.floor, also["m of real images"])
    card, value = q.card("τ=0.1", train=train), copying.mifid(plain.value, m)
    yield Score(named("mifid", q.extractor), value, card, floor, also=also, note=plain.note)


def c_t(q: Question) -> Iterator[Score]:
    """C_T: below −3 the fakes are nearer to the training images than held-out ones are: copies."""
    q.must_be_apart("c_t")
    train = q.known_train()
    found = copying.c_t(q.fake.features, q.real_features(), q.trained, seed=q.seed)
    card = q.card(f"{found.cells} cell{'s' * (found.cells != 1)}", train=train)
    yield Score(named("c_t", q.extractor), found.z, card, 0.0, 1.0, "")


def authpct(q: Question) -> Iterator[Score]:
    """AuthPct: the share of fakes that are farther from their nearest training image than that is from its own.

    Copies lower it and noise raises it: nearest to what held-out images get is best.
    """
    card = q.card(train=q.known_train())
    value, aside = neighbours.authpct(q.fake.features, q.trained), _aside(q)
    floor = None if aside is None else neighbours.authpct(aside, q.trained)
    note = SEEN_BEFORE if q.trained_on_real() else ""
    yield Score(named("authpct", q.extractor), value, card, floor, better="", note=note)


def ndb(q: Question) -> Iterator[Score]:
    """NDB/K: bins of the training images in which the share of fakes is significantly another."""
    train = q.known_train()
    K = max(2, min(100, len(q.fake.features) // 20, len(q.trained) // 20))
    found, aside, floor = bins.ndb(q.trained, q.fake.features, K=K, seed=q.seed), _aside(q), None
    if aside is not None:
        real = bins.ndb(q.trained, aside, K=K, seed=q.seed)
        floor = real.different / real.of
    card, note = q.card(f"K={K}", train=train), SEEN_BEFORE if q.trained_on_real() else ""
    share = found.different / found.of
    yield Score(named("ndb/k", q.extractor), share, card, floor, also={"js": found.js}, note=note)


def _aside(q: Question) -> np.ndarray | None:
    """Features of real images never trained on, where there are such."""
    return None if q.real.seen is None or q.trained_on_real() else q.real.seen.features


def birthdays(q: Question) -> Iterator[Score]:
    """The closest pair at a party of generated images, over that among as many real ones: near 0 are twins.

    Arora & Zhang (2017) leave the verdict to the eye; `ganvas report` shows the pairs.
    """
    n = min(BIRTHDAY, len(q.fake.features), len(q.real_features()))
    closest = [
        float(np.median(birthday.birthday(x, batch=n, seed=q.seed).distances))
        for x in (q.fake.features, q.real_features())
    ]
    settings = f"parties of {n:,}"
    yield Score(named("birthday", q.extractor), closest[0] / max(closest[1], 1e-12), q.card(settings), 1.0, better="")


def balance(q: Question) -> Iterator[Score]:
    """Class entropy and mean confidence of a classifier; what real images get beside each."""
    if q.fake.probabilities is None:
        raise BadInput(f"{q.extractor.name} names no classes: class entropy needs a classifier")
    real = q.real.seen.probabilities if isinstance(q.reference, Gallery) else None
    K, card = q.extractor.classes, q.card(alone=real is None)
    for name, f in (("class entropy", lambda p: classes.class_entropy(p, K)), ("confidence", classes.mean_confidence)):
        floor = None if real is None else f(real)
        yield Score(named(name, q.extractor), f(q.fake.probabilities), card, floor, better="higher")


def ms_ssim(q: Question) -> Iterator[Score]:
    """Mean MS-SSIM of random pairs: high where all pictures are alike; the reference's beside it."""
    fakes, real, floor = _pictures(q.fakes, np.uint8, q.seed, MS_SSIM_MOST), (), None
    if isinstance(q.reference, Gallery):
        real = _pictures(q.reference, np.uint8, q.seed, MS_SSIM_MOST)
        floor = pictures.diversity(real, seed=q.seed).mean
    value = pictures.diversity(fakes, seed=q.seed).mean
    yield Score("ms-ssim", value, q.pixel_card("100 pairs", len(real), len(fakes)), floor, better="")


def parzen_window(q: Question) -> Iterator[Score]:
    """Parzen-window log-likelihood of the reference under the fakes, in nats; σ is chosen on training images."""
    if q.reference is None or isinstance(q.reference, Reference):
        raise BadInput("this metric compares pixels: give --against real images, not statistics")
    if q.train is None:
        raise BadInput("parzen chooses its σ on training images, which are not known here: give a run")
    train = q.train.first(SIGMA)
    sets = [_pictures(gallery, np.float32, q.seed) for gallery in (q.fakes, q.reference, train)]
    if len({x.shape[1:] for x in sets}) > 1:
        sizes = [f"{g.name} {_size(x[0])}" for g, x in zip((q.fakes, q.reference, train), sets, strict=True)]
        raise BadInput(f"parzen compares pictures of one size, and these are {', '.join(sizes)}")
    fakes, real, aside = (x.reshape(len(x), -1) for x in sets)
    sigma = parzen.choose_sigma(fakes, aside)
    found = parzen.parzen(fakes, real, sigma)
    card = q.pixel_card(f"σ={sigma:.4g}", len(real), len(fakes), train)
    yield Score("parzen", found.mean, card, None, found.error, "higher")


def _pictures(gallery: Gallery, dtype: type, seed: int, most: int | None = None) -> np.ndarray:
    """N×C×H×W in one depth, all, or `most` chosen at random: the first of a sorted folder are of one class."""
    if most is None or gallery.n <= most:
        images = gallery.read(0, gallery.n)
    else:
        chosen = np.sort(np.random.default_rng(seed).permutation(gallery.n)[:most]).tolist()
        images = [gallery.read(i, i + 1)[0] for i in chosen]
    for image in images:
        if image.shape != images[0].shape:
            sizes = f"{_size(images[0])} and {_size(image)}"
            raise BadInput(f"{gallery.name} holds pictures of {sizes}: pixels are compared at one size")
        if image.dtype.kind == "f" and not (image.min() >= 0 and image.max() <= 1):
            raise BadInput(f"{gallery.name} holds floats outside 0…1; divide by what means white")
    return np.stack([with_depth(image, dtype) for image in images])


def _size(image: np.ndarray) -> str:
    return "×".join(map(str, image.shape))


def perceptual_path(q: Question) -> Iterator[Score]:
    """Path length: how far features move for a step in latent space, along great circles between random latents.

    On float images, before any rounding (Karras et al. 2019, section 4.1); with the extractor's features for LPIPS.
    """
    import torch

    if q.generator is None:
        raise BadInput("ppl walks in latent space: give a run or a snapshot, not a folder of pictures")
    a, b = (q.generator.latents(PPL_PAIRS, q.seed, first=i * PPL_PAIRS).cpu().numpy() for i in (0, 1))
    t = np.random.default_rng(q.seed).random((PPL_PAIRS, 1))
    feet = [path.slerp(a, b, t), path.slerp(a, b, np.minimum(t + PPL_STEP, 1))]
    distances = np.empty(PPL_PAIRS)
    for rows in blocks(PPL_PAIRS, 100):  # features of LPIPS are 200,000 a picture
        low = [q.generator(torch.from_numpy(z[rows].astype(np.float32))).cpu().numpy() for z in feet]
        seen = [q.extractor(x)[0].astype(np.float64) for x in low]
        distances[rows] = ((seen[0] - seen[1]) ** 2).sum(1)
    settings = f"{PPL_PAIRS:,} pairs, ε={PPL_STEP:g}, squared distance of {q.extractor.name}"
    card = replace(q.card(settings, alone=True), labels=q.labels and "in turn")
    yield Score(named("ppl", q.extractor), path.ppl(distances, PPL_STEP), card, None)


METRICS: dict[str, Metric] = {
    "fid": fid,
    "fid-inf": fid_infinity,
    "kid": kid,
    "is": inception_score,
    "prdc": prdc,
    "mifid": mifid,
    "c_t": c_t,
    "authpct": authpct,
    "ndb": ndb,
    "birthday": birthdays,
    "classes": balance,
    "ms-ssim": ms_ssim,
    "parzen": parzen_window,
    "ppl": perceptual_path,
}
