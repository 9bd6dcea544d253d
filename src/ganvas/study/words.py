"""What a log says, in plain sentences. Pure: rows and run.json in, text out; nothing beyond what was measured.

`run` is run.json as read; whatever it lacks is not spoken of. Pictures are never judged: losses cannot do that. `say` is
the language (study/lang); not given: English.
"""

from collections.abc import Sequence

import numpy as np

from ganvas.study.diagnosis import Diagnosis
from ganvas.study.equilibrium import Run, equilibrium, loss_name, record
from ganvas.study.lang import Words, speak
from ganvas.study.log import (
    Row,
    bounds,
    elapsed,
    judges,
    latest_phase,
    mean,
    number,
    phase,
    players,
    series,
    settle,
    tail,
)
from ganvas.study.trend import FEWEST, Trend, trend

SUM_OF_HALVES = ("minimax", "non_saturating", "least_squares", "hinge")
HIDES = 3.0  # times the cycle error under noise, above which information is hidden (Chu et al. 2017)
PAIRED = ("relativistic", "wasserstein")  # only differences of logits mean anything


def headline(rows: Sequence[Row], run: Run, say: Words | None = None, diagnosis: Diagnosis | None = None) -> str:
    """What was trained on what, how far, how long; then what the doctor found, or how the discriminator fares."""
    rows, say = settle(rows), say or speak()
    recipe, data = names(run, say)
    if not rows:
        return say("head.empty", recipe=recipe, data=data)
    images, planned = rows[-1]["images"], number(run.get("length", run.get("images")))
    epoch, seconds = number(record(run, "data", "spec").get("n")), elapsed(rows)
    text = say(
        "head.text",
        recipe=recipe,
        data=data,
        images=images,
        epochs=say("head.epochs", epochs=images / epoch) if epoch > 0 else "",
        time=say("head.time", time=duration(seconds, say)) if seconds else "",
        plan=""
        if not planned > 0
        else say("head.whole")
        if images >= planned
        else say("head.part", share=percent(images / planned), planned=planned),
    )
    if diagnosis and diagnosis.ill:
        return f"{text}. {say('head.ill', ill=say(f'doctor.diagnosis.{diagnosis.id}'))}."
    fares = [_told_apart(d, rows, run, say) for d in judges(rows)] + [_bound(p, rows, run, say) for p in bounds(rows)]
    return ". ".join([text, *filter(None, fares)]) + "."


def names(run: Run, say: Words | None = None) -> tuple[str, str]:
    """What the recipe and the data are called."""
    say = say or speak()
    data = record(run, "data", "spec").get("name") or record(run, "data").get("source")
    return str(run.get("recipe") or say("head.recipe")), str(data or say("head.data"))


def describe(rows: Sequence[Row], run: Run, say: Words | None = None) -> list[str]:
    """What the numbers of the last phase say: who stands where, then where it is going. Illnesses are the doctor's."""
    rows, say = settle(rows), say or speak()
    if not rows:
        return [say("log.empty")]
    last, said = latest_phase(rows), []
    if number_of_phase := phase(last[0]):
        said.append(say("log.phase", phase=number_of_phase + 1, images=last[0]["images"]))
    said += [text for judge in judges(last) if (text := _standing(judge, last, run, say))]
    said += [text for player in bounds(last) for text in _explicit(player, last, run, say)]
    said += _going(last, run, say)
    if len(last) < FEWEST:
        said.append(say("log.few", n=len(last), where=say("log.here") if len(last) < len(rows) else ""))
    skipped = series(rows, "skipped")
    if np.any(skipped > 0):
        said.append(say("log.skipped", worst=np.nanmax(skipped)))
    return [*said, *_halves(last, run, say), *_held_out(last, say), say("log.blind")]


def _held_out(rows: Sequence[Row], say: Words) -> list[str]:
    """What a translator's last look at held-out pictures measured; a way back that reads a hidden message is named."""
    values = {key: series(rows, f"val/{key}") for key in ("l1", "psnr", "ssim", "cycle", "hidden")}
    at = {key: float(found[np.isfinite(found)][-1]) for key, found in values.items() if np.isfinite(found).any()}
    said = []
    if "l1" in at:
        scores = (("psnr", "PSNR", " dB"), ("ssim", "SSIM", ""))
        more = ", ".join(f"{name} {at[key]:.3g}{unit}" for key, name, unit in scores if key in at)
        said.append(say("held.l1", l1=f"{at['l1']:.3g}", more=say("held.beside", more=more) if more else ""))
    if "cycle" in at:
        said.append(say("held.cycle", cycle=f"{at['cycle']:.3g}"))
        if at.get("hidden", 0) > HIDES:
            said.append(say("held.hidden", times=at["hidden"]))
    return said


def _over(rows: Sequence[Row], say: Words) -> str:
    return say("judge.rows", n=len(rows))


def _told_apart(judge: str, rows: Sequence[Row], run: Run, say: Words) -> str:
    """How often one discriminator is right at the end; "" where that is not logged."""
    end = tail(latest_phase(rows))
    accuracy, loss = mean(end, f"{judge}/accuracy"), loss_name(run)
    if accuracy != accuracy:
        return ""
    alone = say("judge.critic") if loss == "wasserstein" else say("judge.discriminator")
    who = alone if judge == "D" else say("judge.other", player=judge)
    does = "judge.ranks" if loss in PAIRED else "judge.tells"
    return say(does, over=_over(end, say), who=who, accuracy=percent(accuracy))


def _standing(judge: str, rows: Sequence[Row], run: Run, say: Words) -> str:
    """How one discriminator fares at the end."""
    end = tail(rows)
    accuracy, real, fake, p_real, p_fake = (
        mean(end, f"{judge}/{key}") for key in ("accuracy", "real", "fake", "p_real", "p_fake")
    )
    said = []
    if told := _told_apart(judge, rows, run, say):
        said.append(say("judge.told", told=told, easy=say("judge.easy") if accuracy > 0.95 else ""))
    if p_real == p_real and p_fake == p_fake:
        said.append(say("judge.beliefs", real=p_real, fake=p_fake))
    elif real == real and fake == fake:
        said.append(_scores(judge, rows, loss_name(run), real, fake, say))
    return " ".join(said)


def _scores(judge: str, rows: Sequence[Row], loss: str, real: float, fake: float, say: Words) -> str:
    """What mean logits of real and generated images mean under a loss whose logits are not log-odds."""
    if loss in ("least_squares", "hinge"):
        return say(f"judge.{loss}", real=real, fake=fake)
    if loss == "relativistic":
        return say("judge.relativistic", gap=real - fake)
    if loss != "wasserstein":
        return say("judge.plain", real=real, fake=fake)
    start = rows[: len(tail(rows))]
    then = mean(start, f"{judge}/real") - mean(start, f"{judge}/fake")
    known = len(rows) >= FEWEST and then == then
    was = say("judge.was", n=len(start), then=figures(then)) if known else ""
    return say("judge.wasserstein", gap=figures(real - fake), was=was)


def _bound(player: str, rows: Sequence[Row], run: Run, say: Words) -> str:
    """The ELBO at the end, in nats and, where grey levels make it one, in bits."""
    end = tail(latest_phase(rows))
    elbo, kl, bits = (mean(end, f"{player}/{key}") for key in ("elbo", "kl", "bits_per_dim"))
    code = say("bound.code", bits=bits) if bits == bits else ""
    return say("bound.text", over=_over(end, say), elbo=figures(elbo), code=code, kl=figures(kl))


def _explicit(player: str, rows: Sequence[Row], run: Run, say: Words) -> list[str]:
    """What the numbers of an explicit density mean."""
    reconstruction, bits = (mean(tail(rows), f"{player}/{key}") for key in ("reconstruction", "bits_per_dim"))
    said = [
        say("bound.meaning", bound=_bound(player, rows, run, say), reconstruction=figures(reconstruction)),
    ]
    stored, sigma = number(record(run, "data", "spec").get("bits")), number(record(run, "arguments").get("sigma"))
    if bits >= stored and sigma > 0:
        said.append(say("bound.stored", bits=bits, stored=stored, sigma=sigma))
    return said


def _going(rows: Sequence[Row], run: Run, say: Words) -> list[str]:
    """Where the losses went over the last third."""
    if not (told := courses(rows, run, say)):
        return []
    begin = rows[len(rows) - len(rows) // 3]["images"]
    parts = say.together([_course(what, course, say) for what, course in told])
    text = say("course.text", begin=begin, end=rows[-1]["images"], told=parts)
    if judges(rows) and len(told) > 1 and all(course.kind == "flat" for _, course in told):
        text += " " + say("course.balance")
    return [text]


def _course(what: str, course: Trend, say: Words) -> str:
    ends = {key: figures(getattr(course, key)) for key in ("level", "start", "end", "low", "high")}
    return say(f"course.{course.kind}", what=what, cycles=course.cycles, **ends)


def courses(rows: Sequence[Row], run: Run, say: Words) -> list[tuple[str, Trend]]:
    """What is followed, in words, and its trend over the last third.

    Each loss; of a Wasserstein critic its distance, of an explicit density its bound and the part that the code costs.
    """
    if explicit := bounds(rows):
        watched = [(say(f"course.{key}"), series(rows, f"{p}/{key}")) for p in explicit for key in ("elbo", "kl")]
    elif loss_name(run) == "wasserstein":
        watched = [
            (say("course.distance", player=d), series(rows, f"{d}/real") - series(rows, f"{d}/fake"))
            for d in judges(rows)
        ]
    else:
        watched = [(say("course.loss", player=player), series(rows, f"{player}/loss")) for player in players(rows)]
    start = len(rows) - len(rows) // 3
    return [(what, course) for what, values in watched if (course := trend(values[start:]))]


def _halves(rows: Sequence[Row], run: Run, say: Words) -> list[str]:
    loss = mean(tail(rows), "D/loss")
    if loss_name(run) not in SUM_OF_HALVES or not equilibrium(rows, run) or loss != loss:
        return []
    return [say("course.halves", loss=figures(loss), half=figures(loss / 2))]


def figures(value: float) -> str:
    """Three significant figures, zeros kept: 1 → "1.00", 1234.5 → "1,234"."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def percent(share: float) -> str:
    """0.81 → "81 %", 0.996 → "99.6 %": what is not all is not rounded to all."""
    return f"{100 * share:.1f} %" if 0 < share < 0.015 or 0.985 < share < 1 else f"{100 * share:.0f} %"


def duration(seconds: float, say: Words | None = None) -> str:
    """250 → "4 min 10 s"; at most two units."""
    say, s = say or speak(), round(seconds)
    if s < 60:
        return say("time.seconds", s=s or f"{seconds:.1g}")
    if s < 3600:
        small = say("time.seconds", s=s % 60) if s % 60 else ""
        return f"{say('time.minutes', m=s // 60)} {small}".strip()
    small = say("time.minutes", m=s // 60 % 60) if s // 60 % 60 else ""
    return f"{say('time.hours', h=s // 3600)} {small}".strip()
