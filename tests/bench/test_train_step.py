"""The speed benchmark: both sides compute the same thing, a window counts what it says, a wrong peer is refused."""

import gzip
import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader, TensorDataset

from ganvas.data.arrays import ArraySource
from ganvas.data.packed import read_idx
from ganvas.play.schedules import Clock

sys.path.append(str(Path(__file__).parents[2] / "bench"))

import networks
import peers
import train_step
import usual

BENCH = Path(train_step.__file__).parent


def digits(workload: networks.Workload, n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 1, workload.side, workload.side), np.uint8)


def without_dropout(*nets: nn.Module) -> None:
    for layer in (layer for net in nets for layer in net.modules()):
        if "Dropout" in type(layer).__name__:
            layer.eval()


def pair(name: str, left_out=()) -> tuple[networks.Workload, usual.Usual, tuple[nn.Module, nn.Module]]:
    """The usual way, and our networks with its weights; every buffer and weight moved off its initial value."""
    workload = networks.WORKLOADS[name]
    theirs, ours = usual.Usual(workload), workload.build(networks.ours_without(left_out))
    for a, b in zip((theirs.G, theirs.D), ours, strict=True):
        for value in a.state_dict().values():
            if value.is_floating_point():
                value.add_(torch.randn_like(value) * 0.005)
        assert sum(p.numel() for p in a.parameters()) == sum(p.numel() for p in b.parameters())
        values = list(a.state_dict().values())
        b.load_state_dict(dict(zip(b.state_dict(), values, strict=True)))
    return workload, theirs, ours


def real_images(workload: networks.Workload) -> torch.Tensor:
    return torch.rand(16, 1, workload.side, workload.side) * 2 - 1


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(
    ("name", "part"), [(name, part) for name in train_step.PARTS for part in ("nothing", *train_step.PARTS[name])]
)
def test_both_builds_are_one_function(name, part, training):
    workload, theirs, (G, D) = pair(name, (part,))
    players = theirs.G, theirs.D, G, D
    for net in players:
        net.train(training)
    without_dropout(*players)
    z, x = torch.randn(16, workload.latent), real_images(workload)
    assert (theirs.G(z) - G(z)).abs().max() <= 1e-5
    assert (theirs.D(x) - D(x).sigmoid()).abs().max() <= 1e-5
    assert theirs.D(x).std() > 0, "a D that always says the same would prove nothing"


@pytest.mark.parametrize("name", networks.WORKLOADS)
def test_our_parts_are_ours(name):
    """Else the test above compares a thing with itself."""
    kinds = [
        {type(m) for net in networks.WORKLOADS[name].build(p) for m in net.modules()}
        for p in (networks.OURS, networks.USUAL)
    ]
    assert all(kind.__module__.startswith("torch") for kind in kinds[1])
    assert any(kind.__module__ == "ganvas.nets.layers" for kind in kinds[0])
    assert nn.Linear not in kinds[0]


@pytest.mark.parametrize("name", networks.WORKLOADS)
def test_both_steps_have_one_loss(name):
    """Ours is the sum of D's two halves, theirs the mean: a factor that Adam divides out again."""
    workload, theirs, (G, D) = pair(name)
    without_dropout(theirs.D, D)
    trainer = peers.our_trainer(workload, ArraySource(digits(workload), name="x"))
    game = trainer.game
    game.G, game.D = G, D
    real, z, clock = real_images(workload), torch.randn(16, workload.latent), Clock(0, 0, 1)
    theirs_fake, our_fake = theirs.G(z), G(z)
    sides = [
        (
            2 * theirs.discriminator_loss(real, theirs_fake.detach()),
            game.judge({"image": real}, our_fake.detach(), clock),
        ),
        (theirs.generator_loss(theirs_fake), game.fool({"image": real}, our_fake)),
    ]
    for a, move in sides:
        torch.testing.assert_close(a, move.loss, rtol=1e-5, atol=1e-5)
        a.backward()
        move.loss.backward()
    for p, q in zip([*theirs.D.parameters(), *theirs.G.parameters()], [*D.parameters(), *G.parameters()], strict=True):
        assert q.grad.abs().max() > 0
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", networks.WORKLOADS)
def test_both_steps_update_each_player_once(name):
    workload = networks.WORKLOADS[name]
    trainer = peers.our_trainer(workload, ArraySource(digits(workload), name="x"))
    theirs = usual.Usual(workload)
    images = torch.rand(workload.batch, 1, workload.side, workload.side)
    stepped: list[tuple] = []
    hook = register_optimizer_step_post_hook(
        lambda optimizer, args, kwargs: stepped.append(
            tuple(p.shape for g in optimizer.param_groups for p in g["params"])
        )
    )
    try:
        trainer.play()
        ours, stepped = stepped, []
        theirs.step(images)
    finally:
        hook.remove()
    assert sorted(ours) == sorted(stepped) and len(set(ours)) == 2
    assert trainer.images == workload.batch


@pytest.mark.parametrize("name", networks.WORKLOADS)
def test_both_sides_learn_at_the_same_rate(name):
    workload = networks.WORKLOADS[name]
    trainer = peers.our_trainer(workload, ArraySource(digits(workload), name="x"))
    theirs = usual.Usual(workload)
    trainer.play()
    for ours, optim in [(trainer.players["G"].optim, theirs.optim_G), (trainer.players["D"].optim, theirs.optim_D)]:
        for key in ("lr", "betas", "eps", "weight_decay", "amsgrad"):
            assert ours.param_groups[0][key] == optim.param_groups[0][key], key
        assert ours.param_groups[0]["fused"] and not optim.param_groups[0]["fused"]


def test_what_is_left_out_is_left_out():
    workload = networks.WORKLOADS["dcgan"]
    source = ArraySource(digits(workload), name="x")
    trainer = peers.our_trainer(workload, source, without=("fused", "channels_last"))
    assert not trainer.players["G"].optim.param_groups[0]["fused"] and not trainer.channels_last
    assert peers.our_trainer(workload, source).channels_last


def test_the_usual_digits_are_what_our_feed_gives():
    workload = networks.WORKLOADS["dcgan"]
    images = np.random.default_rng(1).integers(0, 256, (30, 28, 28), np.uint8)
    theirs = usual.Digits(images, np.zeros(30), workload.side)
    ours = torch.from_numpy(peers.resized(images, workload.side)).float() / 127.5 - 1
    assert max((theirs[i][0][0] - ours[i]).abs().max() for i in range(30)) <= 1e-6


def test_fingerprints():
    def said(build, logits, parts=networks.USUAL, sigmoid=False):
        G, D = build(parts)
        return networks.fingerprint(G, nn.Sequential(D, nn.Sigmoid()) if sigmoid else D, 100, logits)

    def other_eps(parts):
        G, D = networks.gan(parts)
        G[3].eps = 1e-5
        return G, D

    theirs = said(networks.gan, logits=False, sigmoid=True)
    assert not networks.same_networks(theirs, said(networks.gan, logits=True, parts=networks.OURS))
    assert "pixels" in networks.same_networks(theirs, said(other_eps, logits=True))
    assert "chances" in networks.same_networks(theirs, said(networks.gan, logits=False))
    assert "shapes" in networks.same_networks(theirs, said(networks.dcgan, logits=True))


def records(answers: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_the_gate_counts_whole_steps():
    time, answers = iter([0.0, 10.0, 11.0, 12.5, 20.0, 23.0]), io.StringIO()
    gate = peers.Gate(io.StringIO("2.0\n1.0\n"), answers, lambda: next(time))
    gate.open({})
    gate(0)  # asked at 0, let go at 10
    gate(64)  # at 11: goes on
    gate(32)  # at 12.5: the window is over; the next opens at 20
    with pytest.raises(SystemExit):  # at 23 the second is over and no order is left
        gate(64)
    first, second = records(answers)[1:]
    assert first == {"images": 96, "steps": 2, "seconds": 2.5}
    assert second == {"images": 64, "steps": 1, "seconds": 3.0}


def test_a_gated_loader_gives_the_same_batches_and_counts_them_all(monkeypatch):
    monkeypatch.setattr(DataLoader, "__iter__", DataLoader.__iter__)  # put back afterwards
    loader = DataLoader(TensorDataset(torch.arange(10)), batch_size=4)
    plain = [batch[0].tolist() for batch in loader]
    answers, seen = io.StringIO(), []
    gate = peers.Gate(io.StringIO("0\n" * 7), answers)
    first = []
    peers.gate_loaders(gate, lambda names: (first.append(names["__name__"]), gate.open({})))
    with pytest.raises(SystemExit):
        while True:
            for batch in loader:
                seen.append(batch[0].tolist())
    assert seen == plain * 2 and first == [__name__]
    # windows of 0 seconds: each pass of the gate answers, with 0 where an epoch begins
    assert [r["images"] for r in records(answers)[1:]] == [4, 4, 2, 0, 4, 4, 2]


def test_the_meter_reads_proc():
    tick = os.sysconf("SC_CLK_TCK")
    stat = f"cpu  {3 * tick} {tick} {2 * tick} 999999 888888 {tick} {tick} {4 * tick} 7 7\ncpu0 1 1"
    assert train_step.busy(stat) == 12
    assert train_step.used(f"42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 {5 * tick} {2 * tick} 0 0") == 7
    others, _ = train_step.meter([os.getpid()])
    assert 0 < others < train_step.meter([])[0], "negative control: a process not named counts as foreign"


def test_summary():
    Window = train_step.Window
    pairs = [
        (Window(200.0, 10, 1.0, 0.02), Window(100.0, 5, 1.0, 0.0)),
        (Window(330.0, 10, 2.0, 0.1), Window(110.0, 5, 1.0, 0.05)),
        (Window(100.0, 10, 1.0, 0.0), Window(100.0, 5, 1.0, 0.9)),
    ]
    s = train_step.summary(pairs)
    assert s["ratio"] == {"median": 2, "min": 1, "max": 3, "n": 3}
    assert s["clean_ratio"] == {"median": 2.5, "min": 2, "max": 3, "n": 2} and s["clean"] == [3, 2]
    assert s["images_per_second"][1]["median"] == 100 and s["ms_per_step"] == [100, 200]
    assert train_step.summary(pairs[2:])["clean_ratio"] is None


def test_mnist_is_laid_out(tmp_path):
    noise = peers.lay_out_mnist(None, tmp_path / "noise")
    images, labels = peers.load(noise)
    assert images.shape == (60_000, 28, 28) and labels.max() == 9
    (packed := tmp_path / "packed").mkdir()
    for name in peers.MNIST:
        (packed / f"{name}.gz").write_bytes(gzip.compress((noise / name).read_bytes(), 1))
    again = peers.lay_out_mnist(packed, tmp_path / "again")
    assert np.array_equal(peers.load(again)[0], images) and len(read_idx(again / "t10k-labels-idx1-ubyte")) == 10_000
    with pytest.raises(SystemExit, match="four files"):
        peers.lay_out_mnist(tmp_path, tmp_path / "nothing")


def bench(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, str(BENCH / "train_step.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


TINY = ("--window", 0.05, "--warm-up", 0.05, "--rounds", 2)


def check(done: subprocess.CompletedProcess, results: Path) -> dict:
    assert done.returncode == 0, done.stderr
    assert "ratio" in done.stdout and done.stderr.count("round ") == 2
    text = results.read_text()
    row = json.loads(text.splitlines()[-1])
    assert row["ratio"]["n"] == 2 and row["ratio"]["median"] > 0 and all(mib > 50 for mib in row["peak_mib"])
    assert str(Path.home()) not in text and str(BENCH) not in text and socket.gethostname() not in text
    return row


@pytest.mark.parametrize("name", ["gan", *(pytest.param(n, marks=pytest.mark.slow) for n in ("book", "dcgan"))])
def test_from_end_to_end(name, tmp_path):
    out = tmp_path / "results.jsonl"
    row = check(bench(name, *TINY, "--precision", "bf16", "--without", "onednn,mallopt", "--results", out), out)
    assert row["first"] == {"who": "ours", "precision": "bf16", "without": ["onednn", "mallopt"]}
    assert row["second"] == {"who": "usual"} and row["torch"] == torch.__version__


PEER = """
from pathlib import Path
import torch
from networks import USUAL, WORKLOADS
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader, TensorDataset

assert Path("../../data/mnist/MNIST/raw/train-images-idx3-ubyte").is_file()
generator, D = WORKLOADS["gan"].build(USUAL)
discriminator = nn.Sequential(D, nn.Sigmoid())
{change}
loader = DataLoader(TensorDataset(torch.rand(100, 1, 28, 28), torch.zeros(100)), batch_size=64)
while True:
    for images, _ in loader:
        print("a line that must not reach the parent")
        generator(torch.randn(len(images), 100))
"""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("", ""),
        ("generator[3].eps = 1e-5", "not the same networks: with the same weights their pixels differ"),
        ("raise RuntimeError('spam is missing')", "spam is missing"),
    ],
    ids=["right", "another eps", "broken"],
)
def test_a_peers_script(change, complaint, tmp_path):
    script = tmp_path / "checkout" / train_step.SCRIPTS["gan"]
    script.parent.mkdir(parents=True)
    script.write_text(PEER.format(change=change))
    out = tmp_path / "results.jsonl"
    done = bench("gan", *TINY, "--peer", tmp_path / "checkout", "--results", out)
    if complaint:
        assert done.returncode and complaint in done.stderr and not out.exists()
    else:
        assert set(check(done, out)["second"]) == {"who", "file", "sha256"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["gan", "--without", "dropout"], "gan has no part dropout"),
        (["book", "--peer", "x"], "gan and dcgan only"),
        (["gan", "--against", "script"], "needs --peer"),
        (["gan", "--rounds", "0"], "positive"),
    ],
)
def test_mistakes_are_said(arguments, complaint, capsys):
    with pytest.raises(SystemExit):
        train_step.arguments(arguments)
    assert complaint in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = f"import sys; sys.path.append({str(BENCH)!r}); import train_step; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    assert set(train_step.PARTS) == set(networks.WORKLOADS)
