"""One HTML page that stands alone: no script, no request, readable on a phone, in light and dark."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from ganvas.study.sheets import fit

SIDE = 960  # pixels; larger sheets are shrunk
HEAVY = 400_000  # bytes; heavier PNGs become WebP


def page(language: str, kind: str, title: str, lead: str, sections: Sequence[str]) -> str:
    """The whole file. `kind`, `title` and `lead` are text, `sections` HTML."""
    return PAGE.format(
        language=language,
        kind=escape(kind),
        title=escape(title),
        lead=prose(lead),
        style=STYLE,
        body="\n".join(filter(None, sections)),
    )


def section(title: str, content: str) -> str:
    """A chapter; nothing where there is no content."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def prose(text: str) -> str:
    """Text as HTML; a number stays with its percent sign."""
    return escape(text).replace(" %", "&nbsp;%")


def paragraphs(texts: Sequence[str]) -> str:
    return "".join(f"<p>{prose(text)}</p>" for text in texts)


def figure(caption: str, source: str, variant: str = "") -> str:
    """A picture with words under it. source: what `embed` or `data` gave. variant: <source> elements."""
    image = f'<img src="{source}" alt="{escape(caption)}">'
    return f"<figure><picture>{variant}{image}</picture><figcaption>{escape(caption)}</figcaption></figure>"


def table(rows: Mapping[str, Any] | Sequence[tuple[str, str]], head: Sequence[str] = ()) -> str:
    """A row a name: escaped names, HTML values."""
    found = rows.items() if isinstance(rows, Mapping) else rows
    top = f"<tr>{''.join(f'<th>{escape(h)}</th>' for h in head)}</tr>" if head else ""
    return f"<table>{top}{''.join(f'<tr><th>{escape(n)}</th><td>{v}</td></tr>' for n, v in found)}</table>"


def command(line: str) -> str:
    """A line to type, broken between its words alone: a browser would also break after a hyphen."""
    words = (f"<span>{escape(word)}</span>" for word in line.split(" "))
    return f"<pre><code>{' '.join(words)}</code></pre>"


def opened(path: Path) -> Image.Image | None:
    """A picture, in memory; None where it is missing, torn or too large to be one of ours."""
    try:
        with Image.open(path) as picture:
            return picture.convert(picture.mode if picture.mode in ("L", "RGB", "RGBA") else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def embed(picture: Image.Image) -> str:
    """A picture as the address of an <img>."""
    buffer, picture = BytesIO(), fit(picture, SIDE)
    picture.save(buffer, "PNG", optimize=True)
    if buffer.tell() <= HEAVY:
        return data("png", buffer.getvalue())
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=85)
    return data("webp", buffer.getvalue())


def data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


# Okabe and Ito's palette, safe for the colour-blind; on dark ground its light half
STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #666; --line: #ddd; --ground: #fff; --box: #f4f5f7;
        --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --good: #007a5a; --ill: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --faint: #a0a0a0; --line: #33363c; --ground: #16181c; --box: #212429;
          --c0: #56b4e9; --c1: #e69f00; --c2: #2bc79c; --c3: #f0a6cf; --good: #2bc79c; --ill: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--ground); color: var(--ink);
       font: 1rem/1.55 system-ui, sans-serif; word-break: keep-all; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: .2rem 0 .6rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .8rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
p { margin: .5rem 0; max-width: 46rem; }
.lead { font-size: 1.15rem; }
.kind, figcaption, summary, th, small, .scale, .axis, .tag { color: var(--faint); }
.kind { margin: 0; }
.verdict { border-left: .3rem solid var(--good); padding: .1rem 0 .1rem .8rem; }
.verdict.ill { border-color: var(--ill); }
.row { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); }
figure { margin: 0; min-width: 0; }
.row figure:only-child { max-width: 30rem; }
img { display: block; width: 100%; height: auto; border-radius: 4px; }
figcaption { font-size: .9rem; margin-top: .4rem; }
details { margin-top: 1.2rem; }
details img { width: auto; max-width: 100%; }
summary { cursor: pointer; margin-bottom: .6rem; }
.wide { overflow-x: auto; }
.wide th { width: auto; padding-right: .5rem; }
.wide th:first-child { min-width: 4.6rem; }
.wide td { white-space: nowrap; overflow-wrap: normal; padding-right: .5rem; }
table { border-collapse: collapse; font-size: .95rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: normal; width: 8.5rem; }
pre { background: var(--box); padding: .7rem .9rem; border-radius: 4px; margin: .3rem 0 1rem; white-space: pre-wrap;
      overflow-x: auto; }
pre span { display: inline-block; max-width: 100%; }
.plot { margin: 1rem 0 1.6rem; }
.plot figcaption { margin: 0 0 .3rem; }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .9rem; margin: 0 0 .5rem 3.2rem; }
.key i { display: inline-block; width: 1.3rem; height: 0; border-top: .2rem solid var(--c); margin: 0 .35rem .2rem 0; }
.box { position: relative; height: 15rem; margin: .4rem 0 0 3.2rem; border-bottom: 1px solid var(--faint); }
.small .box { height: 6.5rem; }
.box svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
.box path { fill: none; stroke: var(--c); vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.box .grid { stroke: var(--line); stroke-width: 1; }
.box .thin { stroke-width: 1; opacity: .35; }
.box .line { stroke-width: 2.2; }
.box .level, .box .phase { stroke-width: 1.2; stroke-dasharray: 6 4; }
.box .dots { stroke-width: 8; stroke-linecap: round; }
.box .holes { stroke: var(--ground); stroke-width: 4.5; stroke-linecap: round; }
.scale, .tag, .axis { font-size: .8rem; line-height: 1; }
.scale { position: absolute; right: calc(100% + .4rem); transform: translateY(50%); white-space: nowrap; }
.tag { position: absolute; right: 0; padding: .12rem .2rem; margin-bottom: .12rem; white-space: nowrap;
       color: var(--c, var(--faint)); background: color-mix(in srgb, var(--ground) 75%, transparent); }
.tag.left { right: auto; }
.axis { display: flex; justify-content: space-between; gap: .5rem; margin: .35rem 0 0 3.2rem; }
.k0 { --c: var(--c0); } .k1 { --c: var(--c1); } .k2 { --c: var(--c2); } .k3 { --c: var(--c3); } .kf { --c: var(--faint); }
"""

# the policy lets a browser show what is in the page and nothing else: no script, no request
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<p class="kind">{kind}</p>
<h1>{title}</h1>
<p class="lead">{lead}</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""
