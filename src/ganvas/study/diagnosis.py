"""What the doctor says of a run: one diagnosis, its evidence, one action, what would prove it wrong.

Ids and numbers only. A sentence for each id stands in one catalogue a language (study/lang), whose templates
have the fields of these tuples, and of `facts`, by name.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

# what a run can be told, in the order in which it is asked (SCIENCE 2.4): the first that its evidence bears out
ILLS = (
    "numerically_sick",
    "data_problem",
    "misbuilt",
    "discriminator_dead",
    "vanishing_gradient",
    "discriminator_winning",
    "posterior_collapse",
    "collapsing",
    "overfitting",
    "oscillating",
    "evaluation_artefact",
    "memorising",
)
WELL = (
    "learning",
    "converged",
    "early",
    "healthy",
)  # no illness was found: still getting better, no longer, little variety and too few looks, or nothing to say
DIAGNOSES = (*ILLS, *WELL, "unknown")  # unknown: nothing is logged yet


class Evidence(NamedTuple):
    """One measured number. `threshold` is where it begins to speak for an illness: above it, or, not `above`, below.

    floor: what a perfect generator would show; error: the standard error of `value`; all three nan where there is none.
    series: (images seen, value), oldest first, where the number is followed over the run.
    """

    id: str
    value: float
    threshold: float = math.nan
    above: bool = True
    floor: float = math.nan
    error: float = math.nan
    series: tuple[tuple[float, float], ...] = ()

    @property
    def speaks(self) -> bool:
        """Is it beyond its threshold?"""
        return self.value > self.threshold if self.above else self.value < self.threshold


class Action(NamedTuple):
    """One thing to do. `command` is the line to type; `changes` the recipe's arguments in it that differ, new values.

    Both are empty where there is nothing to type. `--heal` applies `changes` where the networks stay as they are.
    """

    id: str
    command: str = ""
    changes: Mapping[str, Any] = {}


class Diagnosis(NamedTuple):
    """`id` is one of `DIAGNOSES`; `evidence` what bears it out, the most telling first.

    confidence: of the runs of the calibration suite that were so diagnosed, the share that had it (the lower end of a 95 %
    Wilson interval); nan where the suite had none. refuted_by: id of what would prove it wrong. images: seen when it was
    made. facts: further fields of the templates (`classes`, `recipe`, `loss` …).
    """

    id: str
    confidence: float
    evidence: tuple[Evidence, ...]
    action: Action
    refuted_by: str
    images: int
    facts: Mapping[str, Any] = {}

    @property
    def ill(self) -> bool:
        return self.id in ILLS

    def to_json(self) -> str:
        """One JSON object; what is not a finite number is null."""
        record = self._asdict() | {
            "evidence": [one._asdict() for one in self.evidence],
            "action": self.action._asdict(),
            "ill": self.ill,
        }
        return json.dumps(_plain(record), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
