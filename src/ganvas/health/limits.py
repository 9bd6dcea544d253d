"""Where each number begins to speak for an illness, and where that comes from: the one table of thresholds.

Sources: `S` SCIENCE's table of signals and the papers it cites; `C` calibrated by `bench/doctor.py` (docs/doctor.md) so
that the healthy runs of one half of the seeds stay on this side; `F` a fact, for which any amount is too much.
"""

import math
from typing import NamedTuple

NONE = math.nan
YOUNG, FEW = 0.2, 100  # share of the plan, and rounds, before which only what is certain is told
# of bench/doctor.py's runs of seeds 2 to 6 that were given this diagnosis, the share that had it: lower end of a 95 % Wilson
# interval. Half of those runs and more were made sick, which is not what yours are
CONFIDENCE: dict[str, float] = {
    "learning": 0.77,
    "converged": 0.3,
    "healthy": 0.6,
    "discriminator_dead": 0.93,
    "discriminator_winning": 0.05,
    "numerically_sick": 0.81,
    "oscillating": 0.61,
    "overfitting": 0.44,
    "early": 0.67,
    "data_problem": 0.94,
    "evaluation_artefact": 0.76,
    "vanishing_gradient": 0.76,
    "misbuilt": 0.76,
    "collapsing": 0.58,
}


class Limit(NamedTuple):
    """The number speaks `above` or below `at`. floor: of a perfect generator. source: see above, with where.

    always: from the first round on, too; the others only after `YOUNG`, because every run shows them at its start.
    """

    at: float
    above: bool
    floor: float
    source: str
    always: bool = False


LIMITS = {
    # numbers
    "broken": Limit(0.0, True, 0.0, "F: share of rows with a number that is not finite", True),
    "gave_up": Limit(0.0, True, 0.0, "F: times the guard sent the run back to a checkpoint", True),
    "skipped": Limit(5.0, True, 0.0, "S: moves of 1,000 that were not finite; 5 in a row are more than luck", True),
    "jump": Limit(20.0, True, 1.0, "C (S 2.1d has its running median): gradient norm over the largest before"),
    "wild": Limit(50.0, True, 1.0, "C: loss of D over that of one who cannot tell, median"),
    # data, once
    "outside": Limit(0.001, True, 0.0, "C: share of real pixels outside the range the networks are built for", True),
    "used": Limit(0.5, False, 1.0, "C: share of that range between the 0.1 % and 99.9 % quantile of real pixels", True),
    "flat": Limit(0.05, True, 0.0, "C: share of real images of one value", True),
    "duplicates": Limit(0.01, True, 0.0, "S 2.1r: share of the first 1,024 training images that are copies", True),
    "labels": Limit(0.5, False, 0.99, "C: share of labels that the classifier shares", True),
    "eps": Limit(0.01, True, 1e-5, "S 2.3: ε of a normalisation layer, which is there against division by zero only", True),
    # the discriminator
    "judgement": Limit(0.1, False, NONE, "S 2.1a: loss of D over that of one who cannot tell"),
    "guessing": Limit(1.2, True, NONE, "C: the same, of a D that cannot tell pictures that are easy to tell"),
    "told_apart": Limit(0.98, True, 0.75, "S 2.1b: accuracy of D, of losses whose logits have a zero"),
    "undecided": Limit(0.99, True, NONE, "S 2.1a: least loss of D ever over that of one who cannot tell"),
    "coin": Limit(0.03, False, 0.25, "S 2.1a (≈ .5): |accuracy of D − ½|, of losses whose logits have a zero"),
    "lead": Limit(5.0, True, 1.0, "C: (mean logit of real − of fake) over their spread, for losses without a zero"),
    "moved": Limit(1e-7, False, NONE, "F: relative change of D's weights since the last look", True),
    "answers": Limit(1e-6, False, NONE, "C: spread of D's logits over all pictures, real and fake"),
    # what reaches the generator
    "nearing": Limit(-0.05, True, NONE, "C: change of ln(distance to real images) over the second half of the run so far"),
    "pull": Limit(0.05, False, 0.5, "C (S 2.1c: .01): |∂L_G/∂D(G(z))|, mean, of the minimax loss: what passes of D's slope"),
    "push": Limit(1e-5, False, NONE, "C: ‖∂L_G/∂G(z)‖, median over pictures"),
    "fading": Limit(1e-3, False, 1.0, "S 2.1c: gradient norm of G over that of the run's first tenth"),
    "code": Limit(0.1, False, NONE, "nats: KL of a VAE's code"),
    # variety
    "diversity": Limit(0.5, False, 1.0, "C (S 2.1i): mean distance between fakes over that between real images, in features"),
    "gain": Limit(0.03, False, NONE, "C: change of that over the second half of the run so far"),
    "spread": Limit(0.002, False, 1.0, "C: standard deviation of a pixel over z, over that of real images"),
    "lost": Limit(0.05, True, 0.0, "C: share of the real images whose class has less than a fifth of its share"),
    "far": Limit(0.5, True, 0.0, "C: distance to real images over the largest of the run"),
    "begun": Limit(0.9, False, NONE, "C: the least of these: there is nothing to collapse from before"),
    # overfitting
    "gap": Limit(0.25, True, 0.0, "C (S 2.1m: .1 warns, .5 is severe): r_v = (D̄_train − D̄_held-out)/(D̄_train − D̄_fake)"),
    "unseen": Limit(2.0, True, 0.0, "S 5.5: D̄_train − D̄_held-out in standard errors"),
    "copying": Limit(-3.0, False, 0.0, "S 2.1n: C_T"),
    # coming and going
    "cycles": Limit(2.5, True, 0.0, "S 2.1f: periods in the last third, three at least"),
    "progress": Limit(0.13, False, 1.0, "C (S 2.1e: ≪ 1): way made by G(z₀) over its length, in units of a random walk's"),
    "restless": Limit(0.15, True, NONE, "C: change of G(z₀) between two looks over the spread of real pixels"),
    # what is looked at instead of the generator
    "average": Limit(3.0, True, 1.0, "C: distance of the averaged generator to real images over that of the live one"),
    "lag": Limit(0.7, True, NONE, "C: average − live weights over live − first weights: 1 for an average that stands still"),
    "norm_gap": Limit(0.1, True, 0.0, "S 2.1p: |train mode − eval mode| of G over the range of pixels"),
}  # fmt: skip

# (diagnosis, what bears it out): any of the rows, each of whose numbers must speak (one with ? only where it is known).
# In the order of SCIENCE 2.4, causes before symptoms; the first that is borne out is the diagnosis.
TRIAGE: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("numerically_sick", (("broken",), ("gave_up",), ("skipped",), ("wild",), ("jump",))),
    ("data_problem", (("outside",), ("used",), ("flat",), ("duplicates",), ("labels",))),
    ("misbuilt", (("eps",),)),
    ("discriminator_dead", (("moved",), ("answers",), ("undecided", "coin?"), ("guessing", "far", "nearing"))),
    ("vanishing_gradient", (("pull",), ("push",), ("fading",))),
    ("collapsing", (("spread", "gain"),)),
    ("discriminator_winning", (("judgement", "told_apart", "nearing?"), ("judgement", "lead", "nearing?"))),
    ("posterior_collapse", (("code",),)),
    (
        "collapsing",
        (
            ("diversity", "gain", "nearing", "begun"),
            ("lost", "gain", "nearing", "begun"),
        ),
    ),
    ("overfitting", (("gap", "unseen"),)),
    ("oscillating", (("cycles",), ("restless", "progress"))),
    ("evaluation_artefact", (("lag",), ("average",), ("norm_gap",))),
    ("memorising", (("copying",),)),
)
