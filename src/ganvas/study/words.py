"""What a log says, in plain sentences. Pure: rows and run.json in, text out; nothing beyond what was measured.

`run` is run.json as read; whatever it lacks is not spoken of. Pictures are never judged: losses cannot do that.
"""

from collections.abc import Sequence

import numpy as np

from ganvas.study.ills import Run, courses, equilibrium, ills, loss_name, percent, record
from ganvas.study.log import Row, bounds, elapsed, judges, latest_phase, mean, number, phase, series, settle, tail
from ganvas.study.trend import FEWEST, Trend

SUM_OF_HALVES = ("minimax", "non_saturating", "least_squares", "hinge")
HIDES = 3.0  # times the cycle error under noise, above which information is hidden (Chu et al. 2017)
PAIRED = ("relativistic", "wasserstein")  # only differences of logits mean anything


def headline(rows: Sequence[Row], run: Run) -> str:
    """What was trained on what, how far, how long; then the illnesses in the log or how the discriminator fares."""
    rows = settle(rows)
    recipe, data = names(run)
    if not rows:
        return f"{recipe} on {data}: nothing is logged yet."
    images, planned = rows[-1]["images"], number(run.get("length", run.get("images")))
    text = f"{recipe} was trained on {data}: {images:,.0f} images seen"
    if (epoch := number(record(run, "data", "spec").get("n"))) > 0:
        text += f" ({images / epoch:,.3g} epochs)"
    if seconds := elapsed(rows):
        text += f" in {duration(seconds)} of training rounds"
    if planned > 0:
        text += (
            ", its whole plan" if images >= planned else f", {percent(images / planned)} of the {planned:,.0f} planned"
        )
    if found := ills(rows, run):
        return f"{text}. The log shows an illness: {', and '.join(ill.name for ill in found)}."
    fares = [_told_apart(judge, rows, run) for judge in judges(rows)] + [_bound(p, rows, run) for p in bounds(rows)]
    return ". ".join([text, *filter(None, fares)]) + "."


def names(run: Run) -> tuple[str, str]:
    """What the recipe and the data are called."""
    data = record(run, "data", "spec").get("name") or record(run, "data").get("source")
    return str(run.get("recipe") or "a recipe"), str(data or "its data")


def describe(rows: Sequence[Row], run: Run) -> list[str]:
    """What the numbers of the last phase say: illnesses first, then who stands where, then where it is going."""
    rows = settle(rows)
    if not rows:
        return ["Nothing is logged yet, so there is nothing to say about the training."]
    last, found = latest_phase(rows), ills(rows, run)
    said = []
    if number_of_phase := phase(last[0]):
        start = f"{last[0]['images']:,.0f} images"
        said.append(f"The run is in phase {number_of_phase + 1}; what follows is about that phase, from {start} on.")
    said += [ill.sentence for ill in found]
    said += [text for judge in judges(last) if (text := _standing(judge, last, run))]
    said += [text for player in bounds(last) for text in _explicit(player, last, run)]
    said += _going(last, run)
    if len(last) < FEWEST:
        count = "Only one row is" if len(last) == 1 else f"Only {len(last)} rows are"
        said.append(f"{count} logged{' in this phase' if len(last) < len(rows) else ''}: too few to speak of trends.")
    elif not found:
        ailing = "a discriminator that has won or that learned nothing, a starved generator, losses that swing"
        ailing = "posterior collapse (a code that says nothing), an ELBO that swings" if bounds(last) else ailing
        said.append(f"Looked for and not found: numbers that are not finite, {ailing}.")
    skipped = series(rows, "skipped")
    if np.any(skipped > 0):
        worst = np.nanmax(skipped)
        said.append(
            f"Up to {worst:.0f} of 1,000 updates in a row were skipped because a number in them was not finite."
        )
    said += [*_halves(last, run), *_held_out(last)]
    return [*said, "None of this measures how good or how varied the pictures are: compare the sheets by eye."]


def _held_out(rows: Sequence[Row]) -> list[str]:
    """What a translator's last look at held-out pictures measured; a way back that reads a hidden message is named."""
    values = {key: series(rows, f"val/{key}") for key in ("l1", "psnr", "ssim", "cycle", "hidden")}
    at = {key: float(found[np.isfinite(found)][-1]) for key, found in values.items() if np.isfinite(found).any()}
    said = []
    if "l1" in at:
        more = [
            f"{name} {at[key]:.3g}{unit}"
            for key, name, unit in (("psnr", "PSNR", " dB"), ("ssim", "SSIM", ""))
            if key in at
        ]
        beside = f"; {', '.join(more)}" if more else ""
        said.append(
            f"At the last look, L1 to the truth of held-out pairs was {at['l1']:.3g} (pixels from −1 to 1){beside}."
        )
    if "cycle" in at:
        said.append(f"There and back, a held-out picture comes home within L1 {at['cycle']:.3g}.")
        if at.get("hidden", 0) > HIDES:
            said.append(
                f"With a little noise in between (σ = .01) that is {at['hidden']:.1f} times as much: the translation hides "
                "the original in a pattern no eye sees, and the way back reads it there. A stronger discriminator "
                "(--patch 70), --augment diffaugment or a lower --cycle make that harder."
            )
    return said


def _told_apart(judge: str, rows: Sequence[Row], run: Run) -> str:
    """How often one discriminator is right at the end; "" where that is not logged."""
    end = tail(latest_phase(rows))
    accuracy, loss = mean(end, f"{judge}/accuracy"), loss_name(run)
    if accuracy != accuracy:
        return ""
    who = {"D": "the critic" if loss == "wasserstein" else "the discriminator"}.get(judge, f"discriminator {judge}")
    does = "ranks a real image above a generated one" if loss in PAIRED else "tells real from generated images"
    over = f"last {len(end)} rows" if len(end) > 1 else "last row"
    return f"In the {over} {who} {does} {percent(accuracy)} of the time"


def _standing(judge: str, rows: Sequence[Row], run: Run) -> str:
    """How one discriminator fares at the end."""
    end = tail(rows)
    accuracy, real, fake, p_real, p_fake = (
        mean(end, f"{judge}/{key}") for key in ("accuracy", "real", "fake", "p_real", "p_fake")
    )
    said = []
    if told := _told_apart(judge, rows, run):
        easy = "; the two are still easy to tell apart, for it at least" if accuracy > 0.95 else ""
        said.append(f"{told} (guessing would be 50 %){easy}.")
    if p_real == p_real and p_fake == p_fake:
        said.append(
            f"D(x), its belief in real images, is {p_real:.2f}; D(G(z)), in generated ones, {p_fake:.2f}. At "
            "equilibrium both would be 0.50."
        )
    elif real == real and fake == fake:
        said.append(_scores(judge, rows, loss_name(run), real, fake))
    return " ".join(said)


def _scores(judge: str, rows: Sequence[Row], loss: str, real: float, fake: float) -> str:
    """What mean logits of real and generated images mean under a loss whose logits are not log-odds."""
    if loss == "least_squares":
        asked = f"It answers {real:.2f} to real and {fake:.2f} to generated images, asked for 1 and 0."
        return f"{asked} At equilibrium both would be 0.50."
    if loss == "hinge":
        asked = f"It scores real images {real:+.2f}, asked for +1 or more; generated {fake:+.2f}, asked for −1."
        return f"{asked} At equilibrium both would be the same."
    if loss == "relativistic":
        return (
            f"It scores real images {real - fake:.2f} above generated ones; only this difference means anything, and "
            "at equilibrium it would be 0."
        )
    if loss != "wasserstein":
        return f"Its mean score is {real:.2f} on real and {fake:.2f} on generated images."
    start = rows[: len(tail(rows))]
    then = mean(start, f"{judge}/real") - mean(start, f"{judge}/fake")
    was = f" (over the first {len(start)} rows it was {figures(then)})" if len(rows) >= FEWEST and then == then else ""
    return (
        f"Its estimate of the distance between real and generated images is {figures(real - fake)}{was}. The estimate "
        "is in the critic's own units: it compares moments of this run, not runs, and falling is what one hopes for. "
        "The critic's loss is minus that distance plus any penalty, the generator's is minus the score of its images, "
        "whose zero is arbitrary: negative or rising losses are no fault."
    )


def _bound(player: str, rows: Sequence[Row], run: Run) -> str:
    """The ELBO at the end, in nats and, where grey levels make it one, in bits."""
    end = tail(latest_phase(rows))
    elbo, kl, bits = (mean(end, f"{player}/{key}") for key in ("elbo", "kl", "bits_per_dim"))
    code = f", {bits:.2f} bits a dimension" if bits == bits else ""
    over = f"last {len(end)} rows" if len(end) > 1 else "last row"
    return f"In the {over} the ELBO is {figures(elbo)} nats an image{code}, with a KL of {figures(kl)} nats"


def _explicit(player: str, rows: Sequence[Row], run: Run) -> list[str]:
    """What the numbers of an explicit density mean."""
    reconstruction, bits = (mean(tail(rows), f"{player}/{key}") for key in ("reconstruction", "bits_per_dim"))
    said = [
        f"{_bound(player, rows, run)}. ELBO = −reconstruction − KL: what the model's ln p(x), the logarithm of a density, "
        "is at least, on average over the training images (there is no discriminator: this density is explicit). "
        f"Reconstruction, −ln p(x|z), is {figures(reconstruction)}, and below 0 where densities exceed 1; KL is what the "
        "code z may say about its image, and what it costs."
    ]
    stored, sigma = number(record(run, "data", "spec").get("bits")), number(record(run, "arguments").get("sigma"))
    if bits >= stored and sigma > 0:
        said.append(
            f"{bits:.2f} bits are no less than the {stored:.0f} that a pixel is stored in: with --sigma {sigma:g} the "
            "pictures count, not the density; --sigma 0 fits it and tightens the bound."
        )
    return said


def _going(rows: Sequence[Row], run: Run) -> list[str]:
    """Where the losses went over the last third; swings are told among the illnesses already."""
    told = [(label, course) for label, course in courses(rows, run) if course.kind != "swinging"]
    if not told:
        return []
    span = f"{rows[len(rows) - len(rows) // 3]['images']:,.0f} to {rows[-1]['images']:,.0f} images"
    text = f"Over the last third of the log ({span}) {' and '.join(f'{label} {_course(c)}' for label, c in told)}."
    if judges(rows) and len(told) > 1 and all(course.kind == "flat" for _, course in told):
        text += " Flat losses are a balance between the players; the pictures may still change."
    return [text]


def _course(course: Trend) -> str:
    if course.kind == "flat":
        return f"stays near {figures(course.level)}"
    if course.kind == "wandering":
        return f"wanders between {figures(course.low)} and {figures(course.high)}"
    return f"{'rises' if course.kind == 'rising' else 'falls'} from {figures(course.start)} to {figures(course.end)}"


def _halves(rows: Sequence[Row], run: Run) -> list[str]:
    loss = mean(tail(rows), "D/loss")
    if loss_name(run) not in SUM_OF_HALVES or not equilibrium(rows, run) or loss != loss:
        return []
    return [
        f"The discriminator's loss here is the sum of its real and its fake half ({figures(loss)} at the end); sources "
        f"that print the mean of the two show half of it ({figures(loss / 2)})."
    ]


def figures(value: float) -> str:
    """Three significant figures, zeros kept: 1 → "1.00", 1234.5 → "1,234"."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def duration(seconds: float) -> str:
    """250 → "4 min 10 s"; at most two units."""
    s = round(seconds)
    if s < 60:
        return f"{s} s" if s else f"{seconds:.1g} s"
    if s < 3600:
        return f"{s // 60} min" + (f" {s % 60} s" if s % 60 else "")
    return f"{s // 3600:,} h" + (f" {s // 60 % 60} min" if s // 60 % 60 else "")
