"""Policy: which products' recipes are due to be looked for again, and why.

Belongs here: the rules, as limits on measured signals. Not here: measuring (`served`, `shift`, `drift`), budgets and requests
(`operations.retraining`). What is cheap happens without any of this: new data refits a champion at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Rule(StrEnum):
    """A reason to look for a new recipe; the value is its name in settings, in requests and in run tags."""

    AGE = "age"
    NEW_DAYS = "new_days"
    ACCURACY = "accuracy"
    NAIVE = "naive"
    DRIFT = "drift"
    SHIFT = "shift"
    CORRECTION = "correction"
    FEATURES = "features"


TELLS: Final[Mapping[Rule, str]] = {
    Rule.AGE: "days since a recipe was last looked for",
    Rule.NEW_DAYS: "days since then, as a share of those it was found on",
    Rule.ACCURACY: "error in service over the error on held-out days",
    Rule.NAIVE: "error in service over that of the last price",
    Rule.DRIFT: "share of features that have drifted",
    Rule.SHIFT: "sum of errors to one side over the largest usual one",
    Rule.CORRECTION: "share of the days learnt from whose price was corrected",
    Rule.FEATURES: "whether features or training code have changed since",
}

WITHOUT_PAUSE: Final = frozenset({Rule.CORRECTION})
"""Rules that ask again soon after an earlier request: the rows are others now."""

WITHOUT_CONTEST: Final = frozenset({Rule.CORRECTION})
"""Rules that ask for fit, weights and bands to be made again, and for no new recipe: the rows were wrong and not the recipe. They
go before all others, for what those say was measured on such rows: forecasts of before, against prices of now."""


@dataclass(frozen=True, slots=True)
class Due:
    """One product that is due.

    Attributes:
        rule: the one furthest over its limit, or one of WITHOUT_CONTEST; severity: how far, 1 is the limit.
        evidence: every rule at or over its limit: name -> value and limit.
    """

    rule: Rule
    severity: float
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def contest(self) -> bool:
        """Whether a new recipe is to be looked for."""
        return self.rule not in WITHOUT_CONTEST


def judge(signals: Mapping[Rule, Values], limits: Mapping[Rule, float]) -> list[Due | None]:
    """Which products are due.

    Args:
        signals: rule -> (n,) measured values, NaN where nothing is known; a rule may be missing.
        limits: rule -> its limit; 0 switches it off.

    Returns:
        (n,) None where a product is not due.
    """
    used = [rule for rule in Rule if rule in signals and limits.get(rule, 0.0) > 0]
    if not used:
        return [None] * max((len(values) for values in signals.values()), default=0)
    over = np.stack([np.nan_to_num(signals[rule] / limits[rule], nan=0.0, posinf=1e6) for rule in used])
    worst = over.argmax(axis=0)
    return [
        _due([(rule, float(signals[rule][position]), limits[rule]) for rule in used if over[used.index(rule), position] >= 1])
        if over[worst[position], position] >= 1
        else None
        for position in range(over.shape[1])
    ]


def within_budget(severities: Sequence[float], costs: Sequence[float], budget: float) -> list[int]:
    """Positions of those that the budget pays for, worst first; of equally bad ones the first.

    What does not fit is passed over: something cheaper behind it may fit.
    """
    chosen: list[int] = []
    left = budget
    for position in sorted(range(len(severities)), key=lambda position: -severities[position]):
        if costs[position] <= left:
            chosen.append(position)
            left -= costs[position]
    return chosen


def _due(over: Sequence[tuple[Rule, float, float]]) -> Due:
    rule, value, limit = max(over, key=lambda one: (one[0] in WITHOUT_CONTEST, one[1] / one[2]))
    return Due(rule, value / limit, {name.value: {"value": round(value, 4), "limit": limit} for name, value, limit in over})
