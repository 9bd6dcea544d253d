"""Our training step against the same networks written the usual way, or against a peer's own script.

    python bench/train_step.py gan                                     fp32, against the usual way
    python bench/train_step.py dcgan --precision bf16
    python bench/train_step.py gan --peer PyTorch-GAN --torchvision DIR --mnist DIR
    python bench/train_step.py book --against ours --without dropout   what one part of ours gives

Two child processes, each training for ever, take turns: while one trains for a window the other waits. A round is a
window of each, one after the other, in alternating order; its ratio is images/s by images/s. The answer is the median
ratio over the rounds. A window is clean if the rest of the machine used at most 0.1 of a processor during it: one busy
neighbour slows two-thread training up to tenfold, so results of unclean windows mean little.

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
import contextlib
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from machine import machine, meter, peak

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
CLEAN = 0.1  # processors that others may use in a clean window


class Window(NamedTuple):
    """What one child did in one window. `foreign`: processors used by all but this benchmark."""

    rate: float  # images/s
    steps: int
    seconds: float
    foreign: float


class Child:
    """One side, in a process of its own, waiting."""

    def __init__(self, role: dict[str, Any], errors: Path):
        self.who, self.errors = role["who"], errors
        command = [sys.executable, __file__, "--child", json.dumps(role)]
        with errors.open("w") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
            )

    def answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.who} ended early; its last words:\n{self.errors.read_text()[-2000:]}")
        return json.loads(line)

    def train(self, seconds: float) -> dict[str, Any]:
        """Let it train for so long, and to the end of the step it is in by then."""
        with contextlib.suppress(BrokenPipeError):  # `answer` says why
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def window(child: Child, seconds: float, pids: Sequence[int]) -> Window:
    others, start = meter(pids)
    done = child.train(seconds)
    others_after, stop = meter(pids)
    foreign = max(0.0, (others_after - others) / (stop - start))
    return Window(done["images"] / done["seconds"], done["steps"], done["seconds"], foreign)


def rounds(first: Child, second: Child, n: int, seconds: float) -> Iterator[tuple[Window, Window]]:
    """Pairs of adjacent windows; who begins alternates."""
    pids = [first.process.pid, second.process.pid, os.getpid()]
    for i in range(n):
        if i % 2:
            b = window(second, seconds, pids)
            yield window(first, seconds, pids), b
        else:
            a = window(first, seconds, pids)
            yield a, window(second, seconds, pids)


def spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    middle = statistics.median(values)
    return {"median": round(middle, 4), "min": round(min(values), 4), "max": round(max(values), 4), "n": len(values)}


def is_clean(w: Window) -> bool:
    return w.foreign <= CLEAN


def summary(pairs: Sequence[tuple[Window, Window]]) -> dict[str, Any]:
    sides = list(zip(*pairs, strict=True))
    return {
        "ratio": spread([a.rate / b.rate for a, b in pairs]),
        "clean_ratio": spread([a.rate / b.rate for a, b in pairs if is_clean(a) and is_clean(b)]),
        "images_per_second": [spread([w.rate for w in side]) for side in sides],
        "ms_per_step": [round(statistics.median(1000 * w.seconds / w.steps for w in side), 3) for side in sides],
        "foreign": [[round(w.foreign, 3) for w in side] for side in sides],
        "clean": [sum(map(is_clean, side)) for side in sides],
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
    children: list[Child] = []
    try:
        children = [Child(role, work / f"errors{i}.txt") for i, role in enumerate(roles)]
        ready = [child.answer() for child in children]
        if wrong := same_networks(*(about["networks"] for about in ready)):
            raise SystemExit(f"not the same networks: {wrong}")
        for child in children:
            child.train(args.warm_up)
        pairs = []
        for a, b in rounds(*children, args.rounds, args.window):
            pairs.append((a, b))
            print(
                f"round {len(pairs)}: {a.rate:,.1f} against {b.rate:,.1f} images/s, {a.rate / b.rate:.3f}x; "
                f"others used {a.foreign:.2f} and {b.foreign:.2f} of a processor",
                file=sys.stderr,
                flush=True,
            )
        peaks = [round(peak(child.process.pid), 1) for child in children]
    finally:
        for child in children:
            child.close()
    method = {"window": args.window, "warm_up": args.warm_up, "real_digits": args.mnist is not None}
    about = {"threads": ready[0]["threads"], "torch": ready[0]["torch"], **machine()}
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "date": date, "workload": args.workload, **said, **summary(pairs), "peak_mib": peaks, **method, **about,
    }  # fmt: skip


def table(row: dict[str, Any]) -> str:
    left_out = ", ".join(row["first"]["without"])
    first = f"ours, {row['first']['precision']}" + (f" without {left_out}" if left_out else "")
    second = row["second"].get("file", row["second"]["who"])
    n = row["ratio"]["n"]
    lines = [f"{'':36} {'images/s':>10} {'min':>10} {'max':>10} {'ms/step':>9} {'peak MiB':>9} {'clean':>6}"]
    for i, name in enumerate((first, second)):
        s = row["images_per_second"][i]
        lines.append(
            f"{name:36} {s['median']:10,.1f} {s['min']:10,.1f} {s['max']:10,.1f} {row['ms_per_step'][i]:9.2f} "
            f"{row['peak_mib'][i]:9,.0f} {row['clean'][i]:3}/{n}"
        )
    for name, ratio in [("ratio", row["ratio"]), ("ratio, clean rounds only", row["clean_ratio"])]:
        if ratio is None:
            lines.append(f"{name}: no round was clean")
        else:
            lines.append(f"{name}: {ratio['median']:.2f}x ({ratio['min']:.2f}–{ratio['max']:.2f}), n = {ratio['n']}")
    on = f"{row['threads']} threads, torch {row['torch']}, {row['cpu']}, {row['cores']} cores"
    return "\n".join([*lines, f"{row['workload']}, {on}"])


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
    if role["who"] == "ours" and "mallopt" not in role["without"]:
        from ganvas.cli.train import _own_the_process  # the command line's own call, so that we measure what it does

        _own_the_process()
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # prints of the steps go nowhere
    import peers

    peers.main(role, answers)


def main(argv: Sequence[str]) -> None:
    if argv[:1] == ["--child"]:
        return be_child(json.loads(argv[1]))
    args = arguments(argv)
    if not Path("/proc/stat").exists():
        raise SystemExit("this benchmark reads /proc, which only Linux has")
    with tempfile.TemporaryDirectory() as work:
        row = measure(args, Path(work))
    print(table(row))
    args.results.parent.mkdir(exist_ok=True)
    with args.results.open("a") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
