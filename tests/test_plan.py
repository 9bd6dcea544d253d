"""What a run will be is said before it begins."""

from ganvas.plan import Plan


def test_a_full_recipe_without_data_first_says_how_long_and_which_is_small(monkeypatch, tmp_path):
    monkeypatch.setattr(Plan, "speed", lambda *_: (20.0, 10.0))

    def said(recipe, data, **arguments):
        options = {"size": None, "flip": False, "strict": False, "drop_unpaired": False}
        plan = Plan(recipe, data, tmp_path / "run", {"width": 4} | arguments, None, None, options, 0, {})
        plan.prepare()
        return [line for line in plan.said if "_small" in line]

    (line,) = said("cyclegan", "outlines")
    assert line.endswith("200,000 images will take about 6 hours here; for a first look in minutes: ganvas train "
                         "cyclegan_small --minutes 3")  # fmt: skip
    assert "80,000 images will take about 3 hours" in said("pix2pix", "edges")[0]
    assert not said("cyclegan", "forms") and not said("cyclegan", "outlines", images=40)
    assert not said("cyclegan_small", "outlines")
