"""Does a run draw what sentences say? On combinations of shapes that it was never trained on, looked at by program.

    ganvas train stackgan_small --minutes 45 --run runs/drawn
    python bench/captions.py runs/drawn [-n 1000] [--each 1] [--stage 1]

The sentences are the first n held-out captions of captioned_shapes, at the run's size; of each the picture of one latent
is drawn (`--each`: of several) and judged by measure/shapes.py. A rate is the share of sentences in which all that is said
of colour (shape, size, place) is right, beside "colour each": of the things that are said. Its interval is Wilson's, of
95 %, over sentences, however many pictures there are of each. Three rows stand beside it: real pictures with their
captions, which the program should find right; with wrong ones, of which many differ in a single fact; and with captions of
other pictures, which says what is right by chance. A last one asks what is in φ, all that G ever knows of a sentence: which
colour and which shape is the upper or left thing's and which the other's, by a linear map fitted on 4,000 training
sentences of two things, the share of things on the same held-out sentences. Rows are appended to bench/results/captions.jsonl.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from intervals import wilson

import ganvas
from ganvas.data.captioned_shapes import CaptionedShapes, Example
from ganvas.data.sentences import COLOURS, PLACES, SHAPES, Scene
from ganvas.errors import BadInput, GanvasError
from ganvas.files import progress
from ganvas.measure.shapes import judged

RESULTS = Path(__file__).with_name("results") / "captions.jsonl"
_AT_ONCE = 50
SHOWN = "colour", "shape", "size", "place", "count", "all", "colour each", "shape each"


def rates(found: dict[str, np.ndarray], each: int = 1) -> dict[str, Any]:
    """Rates, with their intervals, over the sentences that say anything of it; `each` pictures of one follow each other."""
    row: dict[str, Any] = {}
    for key, values in found.items():
        said = values[~np.isnan(values)]
        rate, n = float((said == 1).mean()) if len(said) else None, len(said) // each
        row |= {
            key: rate,
            f"{key} interval": [round(end, 4) for end in wilson(rate * n, n)] if n else None,
            f"{key} of": n,
        }
        if key in ("colour", "shape", "size") and len(said):
            row[f"{key} each"] = float(said.mean())
    return row


def real_rows(images: np.ndarray, examples: Sequence[Example], against: Sequence[Scene]) -> list[dict]:
    """What the program says of real pictures: with what is true of them, and with what is true of others."""
    true, false = ([getattr(e, name) for e in examples] for name in ("said", "wrong_said"))
    return [
        {"what": what, **rates(judged(images, said, COLOURS))}
        for what, said in (("real, right", true), ("real, wrong", false), ("real, of another", against))
    ]


def read_row(G, source: CaptionedShapes, examples: Sequence[Example]) -> dict:
    """What a linear map finds in φ of sentences of two things, whichever of them is named first."""
    known = {"colour": tuple(COLOURS), "shape": SHAPES}

    def seen(some: Sequence[Example]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        two = [e for e in some if e.said.place]
        scenes = [e.said if e.said.place in PLACES[:2] else e.said.turned() for e in two]
        phi = G.read([e.text for e in two]).double().numpy()
        facts = {
            key: np.array([[values.index(getattr(thing, key)) for thing in scene.things] for scene in scenes])
            for key, values in known.items()
        }
        return np.c_[phi, np.ones(len(phi))], facts

    (x, facts), (unseen, truth) = seen(source.examples(4000, seed=0)), seen(examples)
    row: dict[str, Any] = {"what": "read from φ"}
    for key, values in known.items():
        right = []
        for k in range(2):
            ways = np.linalg.lstsq(x, np.eye(len(values))[facts[key][:, k]], rcond=None)[0]
            right.append((unseen @ ways).argmax(1) == truth[key][:, k])
        row |= {f"{key} each": float(np.mean(right)), f"{key} of": len(unseen)}
    return row


def drawn_row(G, examples: Sequence[Example], each: int, stage: int | None, seed: int) -> dict:
    """The same of pictures that are drawn from the sentences."""
    found, took = [], time.perf_counter()
    with progress("drawing", len(examples)) as advance:
        for start in range(0, len(examples), _AT_ONCE):
            part = examples[start : start + _AT_ONCE]
            images = np.asarray(G([e.text for e in part], n=each, seed=seed, stage=stage), np.float32) / 255
            found.append(judged(images, [e.said for e in part for _ in range(each)], COLOURS))
            advance(len(part))
    joined = {key: np.concatenate([part[key] for part in found]) for key in found[0]}
    return {"what": "drawn", "stage": stage, "each": each, **rates(joined, each), "seconds": time.perf_counter() - took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("-n", type=int, default=CaptionedShapes.HELD_OUT, help="sentences, at most 1,000")
    parser.add_argument("--each", type=int, default=1, help="pictures of each sentence")
    parser.add_argument("--stage", type=int, choices=(1, 2), default=None)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    G = ganvas.load(args.run)
    if G.spec.name != "captioned_shapes":
        raise BadInput(f"{args.run} was trained on {G.spec.name}; sentences whose truth is known are captioned_shapes'")
    source = CaptionedShapes(G.spec.shape[1:])
    if source.spec.text != G.spec.text:
        raise BadInput(f"{args.run} was trained on sentences in other words; train it anew with this ganvas")
    images, examples = source.held_out(args.n)["image"] / np.float32(255), source.examples(args.n)
    others = [e.said for e in (*examples[1:], examples[0])]
    card = {
        "run": args.run.name, "recipe": G.label.get("recipe"), "images": G.images, "pixels": G.spec.shape[1],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    drawn = drawn_row(G, examples, args.each, args.stage, args.seed)
    for row in [drawn, *real_rows(images, examples, others), read_row(G, source, examples)]:
        row = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
        print("  ".join(f"{key} {row[key]:.3f}" for key in SHOWN if key in row), row["what"])
        with RESULTS.open("a") as file:
            file.write(json.dumps(card | row) + "\n")


if __name__ == "__main__":
    try:
        main()
    except GanvasError as error:
        raise SystemExit(f"bench/captions.py: {error}") from None
