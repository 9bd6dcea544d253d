"""The pictures of a run's page: the newest sheet, real ones, the film of training, a walk, one input as numbers."""

from io import BytesIO
from pathlib import Path

from ganvas.study.equilibrium import Run, record
from ganvas.study.lang import Words
from ganvas.study.pages.page import data, embed, figure, opened
from ganvas.study.sheets import film

FRAMES, SIDE = 30, 480  # of the film; pixels of its longer side
WALK = "walk.webp"  # in samples/
LARGEST = 1_100_000  # bytes of a walk that is shown


def pictures(run: Path, about: Run, say: Words) -> str:
    """What there is of them, as HTML; a sentence where there is none."""
    samples = run / "samples"
    sheets = sorted((p for p in samples.glob("*.png") if p.stem.isdecimal()), key=lambda p: int(p.stem))
    chosen = sorted({round(i * (len(sheets) - 1) / (FRAMES - 1)) for i in range(FRAMES)}) if sheets else []
    frames = [(int(sheets[i].stem), picture) for i in chosen if (picture := opened(sheets[i]))]
    real, annotated = opened(samples / "real.png"), opened(samples / "input.png")
    shown = []
    if frames:
        shown.append(figure(say("report.newest", images=frames[-1][0]), embed(frames[-1][1])))
    if real:
        shown.append(figure(say("report.real"), embed(real)))
    if len(frames) > 1:
        buffer = BytesIO()
        # in colour, because grey is written without loss, which noise makes three times as large
        film([picture.convert("RGB") for _, picture in frames], buffer, side=SIDE, kind="webp")
        still = f'<source media="(prefers-reduced-motion: reduce)" srcset="{embed(frames[-1][1])}">'
        what = "report.film_views" if record(about, "data", "spec").get("views") else "report.film"
        caption = say(what, begin=frames[0][0], end=frames[-1][0])
        shown.append(figure(caption, data("webp", buffer.getvalue()), still))
    if not shown:
        return f"<p>{say('report.no_picture')}</p>"
    found = f'<div class="row">{"".join(shown)}</div>'
    if annotated:
        one = figure(say("report.input"), embed(annotated))
        found += f'<details><summary>{say("report.inside")}</summary><div class="wide">{one}</div></details>'
    return found


def walk(run: Path, say: Words) -> str:
    """The walk through latent space, where one was made."""
    try:
        content = (run / "samples" / WALK).read_bytes()
    except OSError:
        return ""
    if len(content) > LARGEST or content[8:12] != b"WEBP":
        return ""
    return f'<div class="row">{figure(say("report.walked"), data("webp", content))}</div>'
