"""One diagnosis, in SCIENCE's order; one action that can be typed; a sentence for everything that can be said."""

import json
import math
import shlex
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import ganvas
from ganvas.cli.main import main
from ganvas.cli.parse import options_of, parse
from ganvas.errors import BadInput
from ganvas.health.limits import LIMITS, TRIAGE, YOUNG
from ganvas.health.page import course, doctors_words, draw, lines
from ganvas.health.remedies import CURES, remedy
from ganvas.health.signals import reading
from ganvas.health.triage import diagnose, judge, readings
from ganvas.loop import train
from ganvas.recipes.common import defaults
from ganvas.recipes.table import RECIPES, wanted
from ganvas.study.commands import onward
from ganvas.study.diagnosis import DIAGNOSES, ILLS, Evidence
from tests.conftest import TOY
from tests.health.test_signals import HEALTHY, log, run

LOOK = {
    "real": 0.4, "fake": -0.4, "held_out": 0.39, "answers": 1.0, "lead": 1.5, "unseen": 0.5, "gap": 0.02, "push": 0.5,
    "pull": 0.7, "diversity": 0.9, "spread": 0.9, "copying": 3.0, "average": 1.0, "norm_gap": 0.02, "moved": 0.01,
    "restless": 0.2, "progress": 0.9, "classes": [10] * 10,
}  # fmt: skip
LINT = {
    "n": 4500, "outside": 0.0, "used": 1.0, "flat": 0.0, "duplicates": 0.0, "labels": 0.99, "eps": 1e-5,
    "shares": [0.1] * 10, "names": list("0123456789"), "eye": "fd-digits/v1",
}  # fmt: skip


def looks(n=20, lint=(), **changed):
    """Looks of a healthy run that comes nearer; a keyword is a value, or a function of the share of the run."""
    rows = []
    for k in range(n):
        share = k / (n - 1)
        row = LOOK | {"images": round(64_000 * share), "phase": 0, "round": k, "distance": 100 * math.exp(-3 * share)}
        rows.append(row | {key: value(share) if callable(value) else value for key, value in changed.items()})
    rows[0]["lint"] = LINT | dict(lint)
    return rows


def told(loss="non_saturating", lint=(), **changed):
    return judge(log(**HEALTHY), looks(lint=lint, **changed), run(loss))


SICK = {
    "discriminator_dead": {"moved": 0.0},
    "vanishing_gradient": {"push": 1e-9},
    "collapsing": {"diversity": 0.2, "distance": lambda s: 100 - 40 * min(4 * s, 1)},
    "overfitting": {"held_out": -0.3, "unseen": 9.0},
    "oscillating": {"restless": 1.0, "progress": 0.05},
    "evaluation_artefact": {"average": 8.0},
    "memorising": {"copying": -6.0},
}


def test_looks_of_a_healthy_run_are_healthy():
    said = told()
    assert said.id == "learning" and not said.ill and "--resume" in said.action.command
    assert told(distance=lambda s: 100 if s < 0.1 else 30 + s % 0.02).id == "converged"


@pytest.mark.parametrize("seen, said", [(64, "early"), (64_000 * YOUNG, "healthy"), (64_000, "healthy")])
def test_nothing_ill_is_no_health_yet_in_a_run_that_has_only_begun(seen, said):
    rows = [row | {"images": row["images"] * seen / 64_000} for row in log(**HEALTHY)]
    assert judge(rows, [], run("non_saturating") | {"length": 64_000}).id == said


@pytest.mark.parametrize("name", SICK)
def test_each_illness_of_the_looks_is_told(name):
    said = told(**SICK[name])
    assert said.id == name and said.evidence[0].speaks


@pytest.mark.parametrize("key", ["outside", "used", "flat", "duplicates", "labels"])
def test_data_come_before_symptoms(key):
    bad = {"outside": 0.8, "used": 0.01, "flat": 0.3, "duplicates": 0.2, "labels": 0.1}[key]
    said = told(lint={key: bad}, **SICK["collapsing"])
    assert said.id == "data_problem" and said.evidence[0].id == key and said.action.id == f"data.{key}"


def test_a_slip_of_epsilon_and_a_run_that_was_sent_back():
    assert told(lint={"eps": 0.8}).id == "misbuilt"
    rows = [*looks(**SICK["collapsing"]), {"images": 60_000, "phase": 0, "event": "sick", "text": "G: loss"}]
    said = judge(log(**HEALTHY), rows, run())
    assert said.id == "numerically_sick" and said.facts["first_broken"] == "G: loss"


def test_missing_classes_are_named_and_variety_that_grows_is_no_collapse():
    few = [30, 30, 30, 0, 0, 0, 0, 0, 0, 10]
    stuck = {"distance": lambda s: 100 - 40 * min(4 * s, 1)}
    said = told(classes=few, **stuck)
    assert said.id == "collapsing" and said.facts["classes"] == "3, 4, 5, 6, 7, 8"
    assert not told(diversity=lambda s: 0.5 * s).ill, "it is young: variety is on its way"
    assert told(diversity=lambda s: 0.9 - 0.7 * s, **stuck).id == "collapsing"
    assert told(spread=0.001, diversity=0.0).id == "collapsing", "z does nothing"


def test_one_class_of_ten_is_enough_once_nothing_improves():
    stuck = {"distance": lambda s: 100 - 40 * min(4 * s, 1)}
    said = told(classes=[0] + [11] * 9, **stuck)
    assert said.id == "collapsing" and said.facts["classes"] == "0" and said.evidence[0].id == "lost"
    assert not told(classes=[0] + [11] * 9).ill, "while pictures come nearer, it may yet come"
    assert not told(classes=[4] + [11] * 9, **stuck).ill, "12 of 309, with a fifth of 31 in mind: rare, not missing"


def test_a_distance_that_never_moved_says_nothing():
    """Pictures that are all alike to the classifier: its distance stands still, and so it is no word against D."""
    wins = HEALTHY | {"D_loss": (1.8, 0.02), "D_accuracy": (0.4, 0.02)}
    still = judge(log(**wins), looks(distance=294.0, diversity=0.0), run())
    assert not still.ill and "nearing" not in readings(log(**wins), looks(distance=294.0), run())
    moving = judge(log(**wins), looks(distance=lambda s: 290 + 4 * s, diversity=0.0), run())
    assert moving.id == "discriminator_dead", "negative control"


def test_a_discriminator_that_wins_while_pictures_improve_is_no_illness():
    wins = HEALTHY | {"D_loss": (0.02, 0.002), "D_accuracy": (0.996, 0.0005)}
    assert judge(log(**wins), looks(), run()).id == "learning"
    assert judge(log(**wins), looks(distance=100.0), run()).id == "discriminator_winning"
    assert judge(log(**wins), [], run()).id == "discriminator_winning", "without looks the log alone speaks"


def test_copies_that_the_scores_have_seen():
    def watched(*c_t):
        return [{"images": 8000 * (k + 1), "average": {"c_t": z}} for k, z in enumerate(c_t)]

    said = judge(log(**HEALTHY), looks(), run(), None, watched(5.0, 0.0, -4.0, -6.0))
    assert said.id == "memorising" and said.evidence[0].value == -4.0
    assert not judge(log(**HEALTHY), looks(), run(), None, watched(5.0, 0.0, 1.0, -6.0)).ill, "one look may be bad luck"


def test_the_order_of_the_table():
    told_last = {
        name: k for k, (name, _) in enumerate(TRIAGE)
    }  # a G that hears nothing of z is told before a D that wins
    assert sorted(told_last, key=told_last.get) == list(ILLS)
    everything = {k: v for sick in SICK.values() for k, v in sick.items()}
    for k, name in enumerate(SICK):
        left = {key: v for n in list(SICK)[k:] for key, v in SICK[n].items()}
        assert told(**left).id == name
    assert told(**everything).id == next(iter(SICK))
    assert {id.rstrip("?") for _, ways in TRIAGE for way in ways for id in way} <= set(LIMITS)


def test_the_thresholds_in_the_docs_are_those_of_the_table():
    text = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    for id, limit in LIMITS.items():
        assert f"| `{id}` | {'>' if limit.above else '<'} {limit.at:g} |" in text, "python bench/doctor.py --docs"
    assert all(f"`{name}`" in text for name in DIAGNOSES if name != "unknown")


def test_what_every_run_shows_at_its_start_is_not_told():
    rows, seen = log(**HEALTHY)[:20], looks()[:2]
    young = [row | SICK["oscillating"] for row in seen]
    assert rows[-1]["images"] < YOUNG * 64_000
    assert not judge(rows, young, run()).ill
    assert judge(rows, [row | {"moved": 0.0} for row in looks()[:3]], run()).id == "discriminator_dead", (
        "a fact is a fact"
    )


def test_nothing_logged_and_very_little():
    assert judge([], [], run()).id == "unknown"
    assert judge(log(**HEALTHY)[:3], [], run()).id == "unknown", "three rows are no evidence of health"


def test_a_diagnosis_is_json_and_ids_are_known():
    said = told(**SICK["collapsing"])
    record = json.loads(said.to_json())
    assert record["id"] == "collapsing" and record["ill"] and record["evidence"][0]["value"] == 0.2
    assert record["evidence"][0]["series"][0] == [0.0, 0.2]
    assert set(SICK) < set(DIAGNOSES)


def test_every_id_has_a_sentence_that_takes_its_fields():
    say = doctors_words()
    for name in DIAGNOSES:
        assert say(f"diagnosis.{name}") and say(f"says.{name}", n=90, first_broken="") is not None
        assert f"refuted.{name}" in say
    for id in LIMITS:
        text = say(f"evidence.{id}", **(reading(id, 0.25, [0, 1], [0.1, 0.25])._asdict() | {"classes": "3"}))
        assert "25" in text or "0.2" in text or "0" in text
    for name in (*CURES, "learning", "converged", "healthy", "fp32", "misbuilt", "data", "unknown"):
        assert say(f"action.{name}")


@pytest.mark.parametrize("recipe", [name for name in RECIPES if wanted(RECIPES[name]).kind == "images"])
@pytest.mark.parametrize("name", [n for n in DIAGNOSES if n not in ("data_problem", "misbuilt", "unknown")])
def test_the_command_can_be_typed(recipe, name):
    about = run() | {
        "recipe": recipe,
        "arguments": defaults(RECIPES[recipe]) | {"images": 64_000},
        "length": 64_000,
        "seed": 1,
    }
    action = remedy(name, about, None)
    if not action.command or "train" not in action.command:
        return
    words = shlex.split(action.command)[2:]
    words = words if words[0].startswith("-") else words[1:]
    groups = {
        "run": options_of(train, ("recipe", "arguments")),
        "recipe": options_of(RECIPES[recipe], ("data", "images")),
    }
    _, chosen = parse("ganvas train X", "", groups, words)
    for key, value in action.changes.items():
        assert chosen[key] == value or list(chosen[key]) == list(value)


def test_what_was_set_far_off_is_the_first_suspect():
    about = run() | {"recipe": "dcgan", "arguments": defaults(RECIPES["dcgan"]) | {"lr": 0.01}}
    assert remedy("collapsing", about, None).changes == {"lr": 2e-4}
    assert remedy("vanishing_gradient", run("minimax") | {"recipe": "gan_leaky"}, None).changes == {
        "loss": "non_saturating"
    }
    assert "--fork" in remedy("discriminator_winning", run(), None).command
    assert remedy("misbuilt", run(), None).command == ""


def test_numbers_that_are_wild_begin_anew_and_a_fork_keeps_its_length():
    """Every checkpoint of a wild run is wild; one that the guard gave up on is finite in its last."""
    about = run(images=64_000) | {"recipe": "dcgan", "arguments": defaults(RECIPES["dcgan"])}
    wild = remedy("numerically_sick", about, None, (reading("wild", 6e3),))
    assert wild.id == "slower" and "--resume" not in wild.command and wild.command.endswith("--images 64000 --lr 4e-05")
    gave_up = remedy("numerically_sick", about, None, (reading("gave_up", 1.0),))
    assert gave_up.id == "numerically_sick" and "--resume RUN --fork RUN-2 --images 64000 --lr 4e-05" in gave_up.command
    falls = about | {"arguments": about["arguments"] | {"schedule": "linear"}}
    assert onward(about, "a", True) == "ganvas train --resume a --images 128000"
    assert onward(falls, "'a b'", True) == "ganvas train --resume 'a b' --fork 'a b-longer' --images 128000"
    assert onward(falls, "a", False) == "ganvas train --resume a"


def test_what_is_read_by_its_log_alone_has_no_confidence_of_the_suite():
    assert math.isnan(judge(log(**HEALTHY), [], run()).confidence) and told().confidence > 0.5


def test_overfitting_within_chance_is_not_shown():
    shown = {one.id for one in told(held_out=-0.3, unseen=1.0).evidence}
    assert "gap" not in shown and "diversity" in shown
    assert "gap" in {one.id for one in told(held_out=-0.3, unseen=9.0).evidence}, "negative control"


def test_the_page(tmp_path):
    said = told(**SICK["collapsing"])
    text = lines(said, "runs/x", doctors_words())
    assert "mode collapse" in text[0] and any("▁" in line or "▄" in line for line in text)
    assert any(line.startswith("do:") for line in text) and any(line.startswith("wrong if") for line in text)
    assert draw(said, picture := BytesIO(), doctors_words()) and picture.getvalue().startswith(b"\x89PNG")
    assert not draw(judge([], [], run()), tmp_path / "none.png", doctors_words()) and not list(tmp_path.iterdir())
    rising = Evidence("jump", 3.0, series=tuple((float(k), float(k)) for k in range(8)))
    assert course(rising) == "▁▂▃▄▅▆▇█" and course(rising._replace(series=())) == ""
    critic = judge(log(**HEALTHY), [], run("wasserstein"))
    assert any("no illness" in line for line in lines(critic, "x", doctors_words()))


def test_a_folder_at_any_time(tmp_path, capsys):
    with pytest.raises(BadInput, match="does not exist"):
        diagnose(tmp_path / "nothing")
    about = run(seed=0, length=64_000, circumstances={}) | {"recipe": "dcgan"}
    (tmp_path / "run.json").write_text(json.dumps(about))
    assert diagnose(tmp_path).id == "unknown"
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log(**HEALTHY)) + '{"images": 7')
    assert diagnose(tmp_path).id == "healthy", "an old run, without looks, its last row torn"
    rows = looks(**SICK["evaluation_artefact"])
    (tmp_path / "health.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"im')
    assert diagnose(tmp_path).id == "evaluation_artefact"
    assert main(["doctor", str(tmp_path)]) == 0
    assert "not the generator" in capsys.readouterr().out and (tmp_path / "doctor.png").exists()
    assert main(["doctor", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "evaluation_artefact"
    assert main(["doctor"]) == 2 and "which run" in capsys.readouterr().err


def test_a_collapsed_run_shows_what_is_missing(tmp_path, capsys):
    folder = tmp_path / "a"
    ganvas.train("gan_leaky", data="digits", run=folder, images=64, batch=32, quiet=True, threads=1, **TOY["gan_leaky"])
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log(**HEALTHY)))
    rows = looks(**SICK["collapsing"])
    (folder / "health.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["doctor", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "mode collapse" in said and "Missing from 1,000 generated pictures" in said
    assert (folder / "missing.png").exists() and "missing.png" in said
    (folder / "snapshots" / "last.safetensors").unlink()
    assert main(["doctor", str(folder)]) == 0
    assert "which kinds are missing cannot be shown" in capsys.readouterr().out


def test_looks_that_were_made_twice_count_once():
    assert np.isclose(readings([], looks(), run())["diversity"].value, 0.9)
