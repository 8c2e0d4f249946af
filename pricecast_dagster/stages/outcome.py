"""Outcomes: what became of one SKU in one stage, and the report of a whole refresh.

Belongs here: the shapes that stages hand to whoever asked (Dagster, the command line, the API). Not here: how they are shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage.state_records import Inputs


class Status(StrEnum):
    """What became of a SKU in a stage."""

    FRESH = "fresh"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """A check of one SKU in one stage.

    Attributes:
        blocking: whether the stage fails where the check does; otherwise it is a warning.
        news: whether it is worth an event: the first result of a SKU, a failure, or one that differs from the last.
        quiet: whether its first result is only news where it failed: an event costs 8-22 ms, and most of these never fail.
        description: what was found, which rows or columns, and the remedy.
    """

    name: str
    passed: bool
    description: str
    blocking: bool = True
    news: bool = True
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """One SKU in one stage.

    Attributes:
        reason: why it was computed ("data changed"), or why not ("nothing changed"), in words.
        data_version: of what the stage holds now; None where it never succeeded.
        inputs: what it was built from, or tried with; None where nothing was computed.
        seconds: its share of the computing time of its chunk.
        metadata: a few JSON-able facts for people.
        error: what went wrong and what to do next; None unless failed.
    """

    sku: str
    stage: Stage
    status: Status
    reason: str
    data_version: str | None = None
    inputs: Inputs | None = None
    seconds: float = 0.0
    metadata: Mapping[str, object] = field(default_factory=dict)
    error: str | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one read of the source brought, counted in SKUs and in lines.

    Attributes:
        read: whether the source was read at all; False where its fingerprint had not moved since the last full read.
        lines: `{"lines": n, "taken": n, "rejected: <reason>": n, ...}`; taken and rejected add up to lines.
        notes: what a person should know (files that were ignored, products that were kept though missing).
    """

    read: bool
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    unchanged: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """One committed chunk: its outcomes, and how far the refresh is.

    Attributes:
        done: SKUs finished so far; `total`: SKUs of the whole refresh.
    """

    outcomes: tuple[Outcome, ...]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Report:
    """A whole refresh: every SKU and stage that was looked at."""

    ingested: Ingested
    outcomes: tuple[Outcome, ...]

    def count(self, stage: Stage, status: Status) -> int:
        """How many SKUs ended so in that stage."""
        return sum(outcome.stage is stage and outcome.status is status for outcome in self.outcomes)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.status is Status.FAILED)

    @property
    def computed(self) -> int:
        """How many stages of SKUs were computed, with or without success."""
        return sum(outcome.status is not Status.UNCHANGED for outcome in self.outcomes)


def reasons(outcomes: Iterable[Outcome]) -> str:
    """The reasons of a batch in a line, most frequent first: `data changed (7), retrain request: age (2)`.

    One reason a SKU: that of its first computed stage, since the later ones follow from it.
    """
    first: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.status is not Status.UNCHANGED:
            first.setdefault(outcome.sku, outcome.reason)
    return ", ".join(f"{reason} ({count})" for reason, count in Counter(first.values()).most_common())
