"""A generator's last layer, nets/layers.py's FewConv2d, against torch's own convolution with the same weights.

    python bench/last_layer.py

Both take turns in one process, on one thread; the times are processor time. Forward alone, and forward with backward:
milliseconds of each, and the median ratio over the rounds with its range. Each run appends to bench/results/last_layer.jsonl.
"""

import json
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import torch
from machine import machine
from torch import Tensor, nn

from ganvas.nets.layers import FewConv2d

RESULTS = Path(__file__).with_name("results") / "last_layer.jsonl"
ROUNDS = 9
LAYERS = {  # what comes in, the window, its padding
    "srgan_small, enlarging a tile": ((1, 32, 688, 688), 9, 4),
    "srgan, a batch of four crops": ((4, 64, 96, 96), 9, 4),
    "cyclegan, 256×256 and its mirrored border": ((1, 64, 262, 262), 7, 0),
}


def seconds(layer: nn.Module, x: Tensor, backward: bool) -> float:
    began = time.process_time()
    with torch.set_grad_enabled(backward):
        y = layer(x)
        if backward:
            y.sum().backward()
    return time.process_time() - began


def race(shape: tuple[int, ...], kernel: int, padding: int, backward: bool) -> dict:
    torch.manual_seed(0)
    ours, torchs = FewConv2d(shape[1], 3, kernel, padding), nn.Conv2d(shape[1], 3, kernel, padding=padding)
    torchs.load_state_dict(ours.state_dict())
    x = torch.randn(shape, requires_grad=backward)
    assert torch.allclose(ours(x), torchs(x), atol=1e-4)
    took = [[seconds(layer, x, backward) for layer in (ours, torchs)] for _ in range(ROUNDS + 1)][1:]
    ratios = [theirs / mine for mine, theirs in took]
    return {
        "ms": [round(1e3 * statistics.median(side), 1) for side in zip(*took, strict=True)],
        "ratio": [round(f(ratios), 2) for f in (statistics.median, min, max)],
        "n": ROUNDS,
    }


def main() -> None:
    torch.set_num_threads(1)
    where = machine() | {"capability": torch.backends.cpu.get_cpu_capability(), "torch": torch.__version__}
    for name, (shape, kernel, padding) in LAYERS.items():
        for backward in (False, True):
            row = race(shape, kernel, padding, backward)
            what = "forward and backward" if backward else "forward"
            print(f"{name}, {what}: {row['ms'][0]} against {row['ms'][1]} ms, {row['ratio'][0]}× {row['ratio'][1:]}")
            date = datetime.now(UTC).isoformat(timespec="seconds")
            with RESULTS.open("a") as file:
                file.write(json.dumps({"date": date, "layer": name, "what": what, **row, **where}) + "\n")


if __name__ == "__main__":
    main()
