"""Our training step against the same networks written the usual way, or against a peer's own script.

    python bench/train_step.py gan                                     fp32, against the usual way
    python bench/train_step.py dcgan --precision bf16
    python bench/train_step.py gan --peer PyTorch-GAN --torchvision DIR --mnist DIR
    python bench/train_step.py book --against ours --without dropout   what one part of ours gives

Two child processes take turns (turns.py); the answer is the median ratio over the rounds.

Workloads, each on the peer's own networks (both sides must give the same numbers for the same weights, or the run is
refused): gan, wgan_gp and dcgan are PyTorch-GAN's gan.py, wgan_gp.py (28×28, batch 64; a step is one of the critic, G
moves in each fifth) and dcgan.py (32×32, batch 64); book is the textbooks' fully connected GAN with dropout (28×28,
batch 512); dcgan64 is the DCGAN of pytorch/examples (64×64 colour, batch 64), on a folder of JPEG files.
  ours    ganvas' Trainer and Latent game as `ganvas train` runs them, without the moving average
  usual   DataLoader of Pillow images, torch's own layers, sigmoid and BCELoss, torch.optim.Adam, two numbers printed
          for each move of G
  script  the peer's file, unchanged, with its defaults; only its DataLoader is made to pass our gate
Fakes are drawn once for both players where the peer does so. Peak memory is without that of a DataLoader's workers.

The peers: git clone https://github.com/eriklindernoren/PyTorch-GAN or, for dcgan64, https://github.com/pytorch/examples.
Their scripts import torchvision; beside a CPU-only torch: pip install --no-deps --target DIR torchvision.
Each run appends a line to bench/results/train_step.jsonl.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turns import as_child, race, race_once

RESULTS = Path(__file__).with_name("results") / "train_step.jsonl"
SCRIPTS = {
    "gan": "implementations/gan/gan.py",
    "wgan_gp": "implementations/wgan_gp/wgan_gp.py",
    "dcgan": "implementations/dcgan/dcgan.py",
    "dcgan64": "dcgan/main.py",
}
PARTS = {  # what can be left out of our step
    "gan": ("onednn", "fused", "mallopt"),
    "wgan_gp": ("onednn", "fused", "mallopt"),
    "book": ("onednn", "dropout", "fused", "mallopt"),
    "dcgan": ("onednn", "upconv", "channels_last", "fused", "mallopt"),
    "dcgan64": ("channels_last", "fused", "mallopt"),
}


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    from networks import WORKLOADS, same_networks  # imports torch, which `--help` must not wait for
    from peers import lay_out_mnist, lay_out_pictures

    workload = WORKLOADS[args.workload]
    if workload.folder:
        data = lay_out_pictures(work / "data" / "pictures", workload.side)
    else:
        data = lay_out_mnist(args.mnist, work / "data" / "mnist")
    cwd = work / "implementations" / args.workload  # the scripts look for ../../data/mnist
    cwd.mkdir(parents=True)
    role = {"workload": args.workload, "data": str(data), "precision": args.precision, "without": []}
    roles = [{**role, "who": "ours", "without": args.without}, {**role, "who": args.against}]
    said: dict[str, Any] = {
        "first": {"who": "ours", "precision": args.precision, "without": args.without},
        "second": {"who": args.against},
    }
    if args.against == "ours":
        said["second"] |= {"precision": args.precision, "without": []}
    if args.against == "script":
        script = args.peer.resolve() / SCRIPTS[args.workload]
        if not script.is_file():
            wanted = "pytorch/examples" if workload.folder else "PyTorch-GAN"
            raise SystemExit(f"{args.peer} does not hold {SCRIPTS[args.workload]}: --peer wants a {wanted} checkout")
        torchvision = str(args.torchvision.resolve()) if args.torchvision else None
        needed = ["--dataset", "folder", "--dataroot", str(data)] if workload.folder else []
        roles[1] |= {"script": str(script), "arguments": needed, "cwd": str(cwd), "torchvision": torchvision}
        said["second"] |= {"file": SCRIPTS[args.workload], "sha256": hashlib.sha256(script.read_bytes()).hexdigest()}
    row = race(Path(__file__), roles, work, same_networks, args.rounds, args.window, args.warm_up)
    return {"date": row["date"], "workload": args.workload, **said, **row, "real_digits": args.mnist is not None}


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=PARTS)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours; the others are fp32")
    parser.add_argument(
        "--without", metavar="PARTS", type=lambda text: text.split(","), default=[],
        help="leave these out of our step, by commas: " + "; ".join(f"{k}: {', '.join(v)}" for k, v in PARTS.items()),
    )  # fmt: skip
    parser.add_argument(
        "--against", choices=("usual", "script", "ours"),
        help="usual; script, the default with --peer; ours, with nothing left out",
    )  # fmt: skip
    parser.add_argument("--peer", metavar="DIR", type=Path, help="a checkout of PyTorch-GAN, or of pytorch/examples")
    parser.add_argument("--torchvision", metavar="DIR", type=Path, help="the folder that holds torchvision's package")
    parser.add_argument("--mnist", metavar="DIR", type=Path, help="MNIST's four IDX files; not given: noise")
    parser.add_argument("--window", metavar="SECONDS", type=float, default=4.0)
    parser.add_argument("--rounds", metavar="N", type=int, default=7)
    parser.add_argument("--warm-up", metavar="SECONDS", type=float, default=4.0, help="of each side, at first")
    parser.add_argument("--results", metavar="FILE", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    args.against = args.against or ("script" if args.peer else "usual")
    if unknown := [part for part in args.without if part not in PARTS[args.workload]]:
        parser.error(f"{args.workload} has no part {', '.join(unknown)} to leave out")
    if args.against == "script" and (args.peer is None or args.workload not in SCRIPTS):
        parser.error(f"a script needs --peer, and there is one for {', '.join(SCRIPTS)} only")
    if args.mnist and args.workload == "dcgan64":
        parser.error("dcgan64 trains on pictures of its own; leave --mnist out")
    if args.rounds < 1 or args.window <= 0 or args.warm_up <= 0:
        parser.error("--rounds, --window and --warm-up must be positive")
    return args


def be_child(role: dict[str, Any]) -> None:
    import peers

    as_child(peers.main, role)


def main(argv: Sequence[str]) -> None:
    if argv[:1] == ["--child"]:
        return be_child(json.loads(argv[1]))
    race_once(measure, arguments(argv))


if __name__ == "__main__":
    main(sys.argv[1:])
