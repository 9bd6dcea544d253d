"""One page about a run: what was done, what came out, what the numbers say. Self-contained, no scripts."""

import base64
import json
import math
import shlex
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganvas import files
from ganvas.errors import BadInput
from ganvas.study import scoreboard
from ganvas.study.curves import curves
from ganvas.study.ills import equilibrium, record
from ganvas.study.log import Row, bounds, elapsed, number, read_log, series
from ganvas.study.sheets import film, fit
from ganvas.study.words import describe, duration, headline, names

Run = dict[str, Any]

FRAMES = 40  # of the film
SIDE = 1280  # pixels; larger sheets are shrunk
HEAVY = 1_000_000  # bytes; heavier PNGs become WebP


def write_report(run: Path) -> Path:
    """Writes `run`/report.html from run.json, log.jsonl and samples/, and returns its path. Works while it trains.

    Missing or torn pictures and rows are left out. Raises BadInput where there is no readable run.json, Storage where
    the page cannot be written. The same files give the same bytes.
    """
    run = Path(run)
    about, rows = _read_run(run), read_log(run / "log.jsonl")
    recipe, data = names(about)
    sections = [
        _section("Pictures", _pictures(run, rows)),
        _section("Curves", _curves(rows, about)),
        _section("Scores", _scores(run)),
        _section("What the numbers say", "".join(f"<p>{_prose(text)}</p>" for text in describe(rows, about))),
        _section("Facts", _facts(rows, about)),
        _section("What next", _next(run, rows, about)),
    ]
    title, text = escape(f"{recipe} on {data}"), _prose(headline(rows, about))
    page = PAGE.format(title=title, headline=text, style=STYLE, body="\n".join(sections))
    files.write_atomic(run / "report.html", page)
    return run / "report.html"


def _read_run(run: Path) -> Run:
    where = files.printable(run)
    try:
        about = json.loads((run / "run.json").read_bytes().decode())
    except FileNotFoundError:
        what = "is no run folder (it has no run.json)" if run.exists() else "does not exist"
        raise BadInput(f"{where} {what}: give the folder that `ganvas train` wrote") from None
    except OSError as error:
        raise BadInput(f"{where}/run.json cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise BadInput(f"{where}/run.json is damaged: it is not the JSON record that `ganvas train` wrote")
    return about


def _pictures(run: Path, rows: list[Row]) -> str:
    samples = run / "samples"
    sheets = sorted((p for p in samples.glob("*.png") if p.stem.isdecimal()), key=lambda p: int(p.stem))
    chosen = sorted({round(i * (len(sheets) - 1) / (FRAMES - 1)) for i in range(FRAMES)}) if sheets else []
    frames = [(int(sheets[i].stem), picture) for i in chosen if (picture := _open(sheets[i]))]
    real, annotated = _open(samples / "real.png"), _open(samples / "input.png")
    shown = []
    if frames:
        shown.append(_figure(f"Generated, after {frames[-1][0]:,} images", _embed(frames[-1][1])))
    if real:
        shown.append(_figure("Real training images", _embed(real)))
    if len(frames) > 1:
        buffer = BytesIO()
        film([picture for _, picture in frames], buffer, kind="webp")
        span = f"{frames[0][0]:,} to {frames[-1][0]:,} images"
        still = f'<source media="(prefers-reduced-motion: reduce)" srcset="{_embed(frames[-1][1])}">'
        shown.append(_figure(f"The same latents through training: {span}", _data("webp", buffer.getvalue()), still))
    if not shown:
        return "<p>No picture has been drawn yet.</p>"
    pictures = f'<div class="row">{"".join(shown)}</div>'
    if annotated:
        one = _figure("One training image as numbers", _embed(annotated))
        pictures += f"<details><summary>What the networks see: one image, each pixel's value</summary>{one}</details>"
    return pictures


def _curves(rows: list[Row], about: Run) -> str:
    if not rows:
        return ""
    light, dark = BytesIO(), BytesIO()
    rest = equilibrium(rows, about)
    curves(rows, light, rest)
    curves(rows, dark, rest, dark=True)
    night = f'<source media="(prefers-color-scheme: dark)" srcset="{_data("png", dark.getvalue())}">'
    what = "Losses, and what the discriminator believes"
    what = "The bound on −ln p(x) and its two parts" if bounds(rows) else what
    caption = f"{what}. Thin lines: as logged; thick lines: smoothed."
    return _figure(caption, _data("png", light.getvalue()), night)


def _scores(run: Path) -> str:
    looks, pictures = scoreboard.looks(run), ""
    if looks:
        night = _data("png", scoreboard.course(looks, dark=True))
        variant = f'<source media="(prefers-color-scheme: dark)" srcset="{night}">'
        caption = "Watched on held-out images, less what so few images cost; filled marks were improvements"
        pictures = _figure(caption, _data("png", scoreboard.course(looks)), variant)
    near = _open(run / scoreboard.NEIGHBOURS)
    caption = "The pictures most likely learned by heart, beside the training and held-out images nearest to them"
    nearest = _figure(caption, _embed(near)) if near else ""
    return pictures + scoreboard.as_html(scoreboard.scores(run)) + nearest


def _facts(rows: list[Row], about: Run) -> str:
    data, spec = record(about, "data"), record(about, "data", "spec")
    images, planned = (rows[-1]["images"] if rows else 0), number(about.get("length", about.get("images")))
    speed = series(rows, "images_per_second")
    shape = spec.get("shape") if isinstance(spec.get("shape"), list) else []
    size = " × ".join(map(str, shape)) + (" (channels × height × width)" if shape else "")
    versions = {"ganvas": about.get("ganvas")} | dict(record(about, "versions"))
    facts: dict[str, Any] = {
        "recipe": about.get("recipe"),
        "its arguments": [f"{key} = {_show(value)}" for key, value in record(about, "arguments").items()],
        "data": data.get("source"),
        "image": f"{size}, {_show(spec['bits'])} bit" if size and "bits" in spec else size,
        "training images": spec.get("n") or None,
        "classes": _show(spec.get("classes") or ""),
        "notes on the data": data.get("notes"),
        "images seen": f"{images:,.0f}" + (f" of {planned:,.0f}" if math.isfinite(planned) else ""),
        "epochs": f"{images / spec['n']:,.3g}" if number(spec.get("n")) > 0 else None,
        "time in training": f"{duration(elapsed(rows))} in rounds; start-up, sheets, checkpoints and pauses not counted"
        if elapsed(rows)
        else None,
        "throughput": f"{np.nanmedian(speed):,.0f} images a second (median)" if np.isfinite(speed).any() else None,
        "seed": about.get("seed"),
        "device": about.get("device"),
        "precision": about.get("precision"),
        "threads": record(about, "circumstances").get("threads"),
        "forked from": about.get("forked_from"),
        "started": about.get("started"),
        "versions": _show([f"{key} {version}" for key, version in versions.items()]),
    }
    known = {name: value for name, value in facts.items() if value not in (None, "", [], ())}
    return "<table>" + "".join(f"<tr><th>{n}</th><td>{_cell(v)}</td></tr>" for n, v in known.items()) + "</table>"


def _cell(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return "<br>".join(escape(_show(v)) for v in values[:50]) + ("<br>…" if len(values) > 50 else "")


def _show(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list):
        return ", ".join(map(_show, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 300 else text[:299] + "…"


def _next(run: Path, rows: list[Row], about: Run) -> str:
    name, recipe = shlex.quote(str(run)), shlex.quote(names(about)[0])
    images, planned = (rows[-1]["images"] if rows else 0), number(about.get("length", about.get("images")))
    steps = []
    if images < planned:
        steps.append(("Go on where it stopped", f"ganvas train --resume {name}"))
    elif planned > 0:
        steps.append(("Train on, twice as long in all", f"ganvas train --resume {name} --images {2 * planned:.0f}"))
    if (run / "snapshots").is_dir():
        if record(about, "data", "spec").get("views"):
            steps.append(("Use it on a picture", f"ganvas translate {name} picture.png out.png"))
        else:
            steps.append(("Draw new pictures from it", f"ganvas sample {name} -n 64 --seed 1 --out sheet.png"))
    if about.get("recipe"):
        steps.append(("The same recipe on your own images", f"ganvas train {recipe} --data FOLDER"))
    steps.append(("Write this page again", f"ganvas report {name}"))
    return "".join(f"<p>{what}:</p><pre><code>{escape(command)}</code></pre>" for what, command in steps)


def _open(path: Path) -> Image.Image | None:
    """A picture, in memory; None where it is missing, torn or too large to be one of ours."""
    try:
        with Image.open(path) as picture:
            return picture.convert(picture.mode if picture.mode in ("L", "RGB", "RGBA") else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _embed(picture: Image.Image) -> str:
    buffer, picture = BytesIO(), fit(picture, SIDE)
    picture.save(buffer, "PNG")
    if buffer.tell() <= HEAVY:
        return _data("png", buffer.getvalue())
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=90)
    return _data("webp", buffer.getvalue())


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _figure(caption: str, source: str, variant: str = "") -> str:
    image = f'<img src="{source}" alt="{escape(caption)}">'
    return f"<figure><picture>{variant}{image}</picture><figcaption>{escape(caption)}</figcaption></figure>"


def _prose(text: str) -> str:
    return escape(text).replace(" %", "&nbsp;%")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #666; --line: #ddd; --ground: #fff; --box: #f4f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --faint: #a0a0a0; --line: #33363c; --ground: #16181c; --box: #212429; }
}
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--ground); color: var(--ink);
       font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: .2rem 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .8rem; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.lead { font-size: 1.15rem; }
.kind, figcaption, summary, th { color: var(--faint); }
.kind { margin: 0; }
.row { display: grid; gap: 1.2rem; }
@media (min-width: 48rem) { .row { grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); } }
figure { margin: 0; max-width: 46rem; }
img { display: block; width: 100%; height: auto; border-radius: 4px; }
figcaption { font-size: .9rem; margin-top: .4rem; }
details { margin-top: 1.2rem; }
details figure { max-width: none; }
details img { width: auto; max-width: 100%; }
summary { cursor: pointer; margin-bottom: .6rem; }
table { border-collapse: collapse; font-size: .95rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: normal; width: 9.5rem; }
td { overflow-wrap: anywhere; }
pre { background: var(--box); padding: .7rem .9rem; border-radius: 4px; overflow-x: auto; margin: .3rem 0 1rem; }
"""

# the policy lets a browser show what is in the page and nothing else: no script, no request
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<p class="kind">ganvas report</p>
<h1>{title}</h1>
<p class="lead">{headline}</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""
