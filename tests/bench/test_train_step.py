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
from ganvas.data.open import open_source
from ganvas.data.packed import read_idx
from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from ganvas.play.schedules import Clock

sys.path.append(str(Path(__file__).parents[2] / "bench"))

import machine
import networks
import peers
import train_step
import turns
import usual

BENCH = Path(train_step.__file__).parent


def digits(workload: networks.Workload, n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *workload.shape), np.uint8)


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
    return torch.rand(16, *workload.shape) * 2 - 1


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
    said = D(x) if workload.penalty else D(x).sigmoid()
    assert (theirs.D(x) - said).abs().max() <= 1e-5
    assert theirs.D(x).std() > 0, "a D that always says the same would prove nothing"


@pytest.mark.parametrize("name", [name for name in networks.WORKLOADS if name != "dcgan64"])
def test_our_parts_are_ours(name):
    """Else the test above compares a thing with itself."""
    kinds = [
        {type(m) for net in networks.WORKLOADS[name].build(p) for m in net.modules()}
        for p in (networks.OURS, networks.USUAL)
    ]
    assert all(kind.__module__.startswith("torch") for kind in kinds[1])
    assert any(kind.__module__ == "ganvas.nets.layers" for kind in kinds[0])
    assert nn.Linear not in kinds[0]


def test_the_dcgan_at_64_is_the_recipes_at_width_64():
    """No layer of it has a form of ours, so another test must hold it: the recipe's networks have its very weights."""
    G, D = networks.dcgan64(networks.OURS)
    shape = networks.WORKLOADS["dcgan64"].shape
    recipes = DCGANGenerator(100, shape, 64), DCGANDiscriminator(shape, 64)
    for net, other in zip((G, D), recipes, strict=True):
        other.load_state_dict(dict(zip(other.state_dict(), net.state_dict().values(), strict=True)))
    z = torch.randn(4, 100)
    torch.testing.assert_close(G(z), recipes[0](z))
    torch.testing.assert_close(D(G(z)), recipes[1](G(z)))
    assert not torch.allclose(G(z), G(z.flip(0)))


@pytest.mark.parametrize("name", networks.WORKLOADS)
def test_both_steps_have_one_loss(name):
    """Ours is the sum of D's two halves, theirs the mean: a factor that Adam divides out again. A critic's are equal."""
    workload, theirs, (G, D) = pair(name)
    without_dropout(theirs.D, D)
    trainer = peers.our_trainer(workload, ArraySource(digits(workload), name="x"))
    game = trainer.game
    game.G, game.D = G, D
    real, z, clock = real_images(workload), torch.randn(16, workload.latent), Clock(0, 0, 1)
    theirs_fake, our_fake = theirs.G(z), G(z)
    torch.manual_seed(1)  # a penalty draws the points it looks at
    of_D = theirs.discriminator_loss(real, theirs_fake.detach()) * (1 if workload.penalty else 2)
    torch.manual_seed(1)
    sides = [
        (of_D, game.judge({"image": real}, our_fake.detach(), clock)),
        (theirs.generator_loss(theirs_fake), game.fool({"image": real}, our_fake)),
    ]
    assert ("penalty" in sides[0][1].seen) == (name == "wgan_gp")
    for a, move in sides:
        torch.testing.assert_close(a, move.loss, rtol=1e-5, atol=1e-5)
        a.backward()
        move.loss.backward()
    for p, q in zip([*theirs.D.parameters(), *theirs.G.parameters()], [*D.parameters(), *G.parameters()], strict=True):
        assert q.grad.abs().max() > 0
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", networks.WORKLOADS)
def test_both_steps_update_each_player_as_often(name):
    workload = networks.WORKLOADS[name]
    trainer = peers.our_trainer(workload, ArraySource(digits(workload), name="x"))
    theirs = usual.Usual(workload)
    images = torch.rand(workload.batch, *workload.shape)
    stepped: list[tuple] = []
    hook = register_optimizer_step_post_hook(
        lambda optimizer, args, kwargs: stepped.append(
            tuple(p.shape for g in optimizer.param_groups for p in g["params"])
        )
    )
    try:
        trainer.play()
        ours, stepped = stepped, []
        for _ in range(workload.n_critic):
            theirs.step(images)
    finally:
        hook.remove()
    of_D = tuple(p.shape for p in theirs.D.parameters())
    assert sorted(ours) == sorted(stepped) and len(set(ours)) == 2
    assert ours.count(of_D) == workload.n_critic == (5 if name == "wgan_gp" else 1) == len(ours) - 1
    assert trainer.images == workload.batch * workload.n_critic, "a step is one of D"


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
    assert not trainer.players["G"].optim.param_groups[0]["fused"] and trainer.channels_last is False
    assert peers.our_trainer(workload, source).channels_last is None


def test_the_usual_digits_are_what_our_feed_gives():
    workload = networks.WORKLOADS["dcgan"]
    images = np.random.default_rng(1).integers(0, 256, (30, 28, 28), np.uint8)
    theirs = usual.Digits(images, np.zeros(30), workload.side)
    ours = torch.from_numpy(peers.resized(images, workload.side)).float() / 127.5 - 1
    assert max((theirs[i][0][0] - ours[i]).abs().max() for i in range(30)) <= 1e-6


def test_the_usual_pictures_are_what_our_feed_gives(tmp_path):
    peers.lay_out_pictures(tmp_path / "a", 64, 24)
    theirs = usual.Pictures(tmp_path / "a")
    source = open_source(tmp_path / "a")
    ours = np.concatenate([source.batch(0, 0, source.spec.n)["image"], source.held_out()["image"]])
    assert len(theirs) == len(ours) == 24 and len({image.tobytes() for image in ours}) == 24

    def written(images) -> set[bytes]:
        return {torch.as_tensor(image).mul(127.5).add(127.5).round().byte().numpy().tobytes() for image in images}

    assert written(theirs[i][0] for i in range(24)) == {image.tobytes() for image in ours}
    assert theirs[0][0].shape == networks.WORKLOADS["dcgan64"].shape and theirs[0][0].min() >= -1


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


def test_fingerprints_of_pytorchs_example():
    """Its z is N×100×1×1, its D gives N numbers."""
    workload = networks.WORKLOADS["dcgan64"]
    G, D = networks.dcgan64(networks.USUAL)
    names = {"netG": G[1:], "netD": nn.Sequential(D, nn.Sigmoid(), nn.Flatten(0))}
    ours = networks.fingerprint(*networks.dcgan64(networks.OURS), 100, logits=True)
    theirs = networks.fingerprint(*peers.players(names, workload), 100, logits=False)
    assert not networks.same_networks(ours, theirs)
    names["netD"][0][3].eps = 0.8
    theirs = networks.fingerprint(*peers.players(names, workload), 100, logits=False)
    assert "chances" in networks.same_networks(ours, theirs)
    names["netG"][1].eps = 0.8
    theirs = networks.fingerprint(*peers.players(names, workload), 100, logits=False)
    assert "pixels" in networks.same_networks(ours, theirs)


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
    assert machine.busy(stat) == 12
    assert machine.used(f"42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 {5 * tick} {2 * tick} {tick} {tick} 20 0") == 9
    others, _ = machine.meter([os.getpid()])
    assert 0 < others < machine.meter([])[0], "negative control: a process not named counts as foreign"


def test_the_family_of_a_process_counts_as_its_own():
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    parent = subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        parent.stdout.readline()  # the grandchild is there
        family = set(machine.family(os.getpid()))
        assert parent.pid in family and len(set(machine.family(parent.pid))) == 2
        assert os.getpid() in family and os.getppid() not in family
    finally:
        parent.communicate(b"\n")
    assert set(machine.family(parent.pid)) == {parent.pid}


def test_summary():
    Window = turns.Window
    pairs = [
        (Window(200.0, 10, 1.0, 0.02), Window(100.0, 5, 1.0, 0.0)),
        (Window(330.0, 10, 2.0, 0.1), Window(110.0, 5, 1.0, 0.05)),
        (Window(100.0, 10, 1.0, 0.0), Window(100.0, 5, 1.0, 0.9)),
    ]
    s = turns.summary(pairs)
    assert s["ratio"] == {"median": 2, "min": 1, "max": 3, "n": 3}
    assert s["clean_ratio"] == {"median": 2.5, "min": 2, "max": 3, "n": 2} and s["clean"] == [3, 2]
    assert s["images_per_second"][1]["median"] == 100 and s["ms_per_step"] == [100, 200]
    assert turns.summary(pairs[2:])["clean_ratio"] is None


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


SLOW = ("book", "dcgan", "wgan_gp", "dcgan64")


@pytest.mark.parametrize("name", ["gan", *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_from_end_to_end(name, tmp_path):
    out, left_out = tmp_path / "results.jsonl", [train_step.PARTS[name][0], "mallopt"]
    row = check(bench(name, *TINY, "--precision", "bf16", "--without", ",".join(left_out), "--results", out), out)
    assert row["first"] == {"who": "ours", "precision": "bf16", "without": left_out}
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
        (["book", "--peer", "x"], "gan, wgan_gp, dcgan, dcgan64 only"),
        (["dcgan64", "--mnist", "x"], "leave --mnist out"),
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
