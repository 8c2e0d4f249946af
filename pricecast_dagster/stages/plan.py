"""A plan: what is wanted of a refresh.

Belongs here: the shape. Not here: finding out whom it concerns (`stages.refresh`).
"""

from dataclasses import dataclass
from typing import Literal

from pricecast_dagster.schemas import STAGES, Stage


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted.

    Attributes:
        skus: only these products; empty means all.
        only_stale: leave alone what is up to date; otherwise every stage of `stages` is computed for every product asked for.
        optimize: `auto` tunes new products and those a retrain request names, `always` all that are trained, `never` none.
        trials: tuning trials a SKU; None means as set.
        source: `auto` reads the source when its fingerprint has moved, `never` works with what is stored.
    """

    skus: tuple[str, ...] = ()
    stages: frozenset[Stage] = frozenset(STAGES)
    only_stale: bool = True
    optimize: Literal["auto", "always", "never"] = "auto"
    trials: int | None = None
    source: Literal["auto", "always", "never"] = "auto"
