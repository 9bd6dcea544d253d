"""Our training step of picture-to-picture systems against PyTorch-GAN's own scripts, on the peer's own networks.

    python bench/translate_step.py pix2pix --peer PyTorch-GAN --torchvision DIR
    python bench/translate_step.py cyclegan --peer PyTorch-GAN --precision bf16 --window 40 --rounds 3
    python bench/translate_step.py srgan --peer PyTorch-GAN --torchvision DIR

256×256, one example a batch (srgan: 64×64 to 256×256, batches of four, VGG19 with random weights on both sides). Two
child processes take turns (turns.py); the answer is the median ratio over the rounds.

  ours    ganvas' Trainer and Paired or Unpaired game as `ganvas train` runs them, without jitter, which the peer's
          pix2pix has not; the picture pool, the identity loss (5) and all weights of losses are the peer's
  script  the peer's file, unchanged, with its defaults (eight loader workers, its sheet at step 0, of which later ones
          come after the windows); only its DataLoader is made to pass our gate

Both sides must give the same numbers for the same weights, or the run is refused. Each run appends a line to
bench/results/train_step.jsonl. The peer: git clone https://github.com/eriklindernoren/PyTorch-GAN; its scripts import
torchvision; beside a CPU-only torch: pip install --no-deps --target DIR torchvision.
"""

import argparse
import copy
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from turns import as_child, race, race_once

RESULTS = Path(__file__).with_name("results") / "train_step.jsonl"
SIDE = 256
PICTURES = 40  # of each part of the data


class Workload(NamedTuple):
    """`script` and `data` lie where PyTorch-GAN has them; `steps` of at least so many are a window's worth."""

    script: str
    data: str
    window: float


WORKLOADS = {
    "pix2pix": Workload("implementations/pix2pix/pix2pix.py", "facades", 15.0),
    "cyclegan": Workload("implementations/cyclegan/cyclegan.py", "monet2photo", 40.0),
    "srgan": Workload("implementations/srgan/srgan.py", "img_align_celeba", 30.0),
}


def lay_out(work: Path, workload: str) -> Path:
    """Drawn shapes as JPEG files where the peer looks for them: side by side, or a folder a domain."""
    from PIL import Image

    from ganvas.data.toys import Shapes

    root = work / "data" / WORKLOADS[workload].data
    images = Shapes((SIDE, SIDE)).batch(0, 0, 2 * PICTURES)["image"].transpose(0, 2, 3, 1)
    if workload == "srgan":
        root.mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(root / f"{i:04}.jpg", quality=95)
        return root
    a, b = images[:PICTURES], images[PICTURES:]
    for split in ("train", "test", "val"):
        if workload == "pix2pix":
            import numpy as np

            files = {f"{split}/{i:04}.jpg": np.concatenate(pair, 1) for i, pair in enumerate(zip(a, b, strict=True))}
        else:
            files = {
                f"{split}/{k}/{i:04}.jpg": x for k, side in zip("AB", (a, b), strict=True) for i, x in enumerate(side)
            }
        for name, image in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(root / name, quality=95)
    return root


def fingerprint(players: Sequence[tuple[Any, Callable]]) -> dict[str, Any]:
    """The shapes of all weights and, with the same numbers put in for them, some of what each network makes of noise."""
    import torch

    random, shapes, out = torch.Generator().manual_seed(0), [], []
    with torch.no_grad():
        for module, ask in players:
            module = copy.deepcopy(module).eval()
            for w in module.parameters():
                w.copy_(torch.randn(w.shape, generator=random) / w[0].numel() ** 0.5)
            shapes.append([list(w.shape) for w in module.parameters()])
            pictures = [torch.randn(1, 3, SIDE, SIDE, generator=random) for _ in range(2)]
            out.append(ask(module, *pictures)[:, :, ::5, ::5].flatten().tolist())
    return {"shapes": shapes, "outputs": out}


def same_networks(a: dict[str, Any], b: dict[str, Any]) -> str:
    """What differs between two fingerprints, or nothing."""
    if a["shapes"] != b["shapes"]:
        return "their weights have other shapes"
    worst = max(abs(x - y) for p, q in zip(a["outputs"], b["outputs"], strict=True) for x, y in zip(p, q, strict=True))
    return "" if worst <= 1e-3 else f"with the same weights their outputs differ by {worst:.2g}"


def about(players: Sequence[tuple[Any, Callable]]) -> dict[str, Any]:
    import torch

    return {"networks": fingerprint(players), "threads": torch.get_num_threads(), "torch": torch.__version__}


def train_ours(role: dict[str, Any], gate: Any) -> None:
    import peers
    import torch
    import translators

    from ganvas.data.album import open_photos
    from ganvas.data.open import open_examples
    from ganvas.training.trainer import Trainer

    torch.manual_seed(0)
    phase, players = translators.BUILD[role["workload"]]()
    if role["workload"] == "srgan":
        source = open_photos(role["data"], scale=4, size=SIDE)
    else:
        source = open_examples(role["data"], kind="pairs" if role["workload"] == "pix2pix" else "domains", size=SIDE)
    layout = True if role["channels_last"] else None
    trainer = Trainer([phase], peers.GatedSource(source, gate), precision=role["precision"], channels_last=layout)
    gate.open(about(players))
    for _ in trainer.ticks(every=10_000):
        pass


def train_script(role: dict[str, Any], gate: Any) -> None:
    import peers

    def first(names: dict[str, Any]) -> None:
        if role["workload"] == "pix2pix":
            players = [(names["generator"], lambda G, x, y: G(x)), (names["discriminator"], lambda D, x, y: D(y, x))]
        elif role["workload"] == "srgan":
            players = [(names["generator"], lambda G, x, y: G(x[:, :, :64, :64]))]
            players += [(names[k], lambda net, x, y: net(x)) for k in ("discriminator", "feature_extractor")]
        else:
            players = [(names[k], lambda net, x, y: net(x)) for k in ("G_AB", "G_BA", "D_A", "D_B")]
        gate.open(about(players))

    peers.find_torchvision(role["torchvision"])
    if role["workload"] == "srgan":  # its VGG19 would be downloaded; the cost of one with random weights is the same
        import torchvision.models as models

        plain = models.vgg19
        models.vgg19 = lambda pretrained: plain(weights=None)
    peers.run_script(role, gate, first)


def play(role: dict[str, Any], answers: TextIO) -> None:
    import peers

    gate = peers.Gate(sys.stdin, answers)
    {"ours": train_ours, "script": train_script}[role["who"]](role, gate)


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    workload = WORKLOADS[args.workload]
    script = args.peer.resolve() / workload.script
    if not script.is_file():
        raise SystemExit(f"{args.peer} does not hold {workload.script}: --peer wants a PyTorch-GAN checkout")
    data = lay_out(work, args.workload)
    cwd = work / "implementations" / args.workload
    cwd.mkdir(parents=True)
    role = {
        "workload": args.workload,
        "data": str(data),
        "precision": args.precision,
        "channels_last": args.channels_last,
    }
    torchvision = str(args.torchvision.resolve()) if args.torchvision else None
    theirs = {"script": str(script), "arguments": [], "cwd": str(cwd), "torchvision": torchvision}
    roles = [{**role, "who": "ours", "without": args.without}, {**role, **theirs, "who": "script"}]
    sha = hashlib.sha256(script.read_bytes()).hexdigest()
    said = {
        "first": {
            "who": "ours",
            "precision": args.precision,
            "without": args.without,
            "channels_last": args.channels_last,
        },
        "second": {"who": "script", "file": workload.script, "sha256": sha},
    }
    row = race(Path(__file__), roles, work, same_networks, args.rounds, args.window or workload.window, args.warm_up)
    return {"date": row["date"], "workload": args.workload, **said, **row}


def main(argv: Sequence[str]) -> None:
    if argv[:1] == ["--child"]:
        return as_child(play, json.loads(argv[1]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--peer", metavar="DIR", type=Path, required=True, help="a checkout of PyTorch-GAN")
    parser.add_argument("--torchvision", metavar="DIR", type=Path, help="the folder that holds torchvision's package")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours; the peer is fp32")
    parser.add_argument("--without", nargs="*", choices=("mallopt",), default=[], help="left out of ours")
    parser.add_argument(
        "--channels-last", action="store_true", help="ours in the layout that batches of one do not get"
    )
    parser.add_argument("--window", metavar="SECONDS", type=float, help="not given: 15, for cyclegan 40")
    parser.add_argument("--rounds", metavar="N", type=int, default=5)
    parser.add_argument("--warm-up", metavar="SECONDS", type=float, default=5.0, help="of each side, at first")
    parser.add_argument("--results", metavar="FILE", type=Path, default=RESULTS)
    race_once(measure, parser.parse_args(argv))


if __name__ == "__main__":
    main(sys.argv[1:])
