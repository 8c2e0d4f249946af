"""The pooled model: what all products together have taught, as it is handed to each of them.

Belongs here: its boosters by day, its JSON form. Not here: fitting it (`pooled_fit`), its place among a product's members
(`members.pooled`), where it is kept (`storage.pooled_models`).

A product's weights are estimated at origins of the past, and there the pooled model may know only what came before. So a pooled
model is several boosters, one for each day of a fixed calendar: whoever stands at a day takes the newest that was fitted before.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """A pooled model.

    Attributes:
        version: names its content.
        cuts: days at the end of which a booster was fitted, ascending; it has seen nothing later.
        texts: the boosters, LightGBM's text form, one a cut.
        facts: JSON: how many `skus` were learned from, of how many (`of_skus`), and `rows` by cut.
    """

    version: str
    cuts: tuple[np.datetime64, ...]
    texts: tuple[str, ...]
    facts: dict[str, Any]

    def at(self, day: np.datetime64) -> str:
        """The newest booster that knows nothing after a day; empty where there is none."""
        known = [text for cut, text in zip(self.cuts, self.texts, strict=True) if cut <= day]
        return known[-1] if known else ""

    def to_json(self) -> dict[str, Any]:
        """The model as JSON types; `from_json` gives it back."""
        return {"version": self.version, "cuts": list(map(str, self.cuts)), "texts": list(self.texts), "facts": self.facts}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A model from what `to_json` gave."""
        cuts = tuple(np.datetime64(day, "D") for day in document["cuts"])
        return cls(document["version"], cuts, tuple(document["texts"]), dict(document["facts"]))
