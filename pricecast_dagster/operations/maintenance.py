"""Maintenance: giving up what is past its retention, and nothing that anything still refers to.

Belongs here: the rules of retention over our own stores, looked at (`examine`) or carried out (`clear`). Not here: the stores,
and Dagster's events (`orchestration.retention`).

The order matters: what a rule gives up may be all that kept something of the next one. Database rows go in a transaction, files
after it; a kill between the two leaves files that nothing refers to, which the next pass finds. Files younger than a day are left
alone: a run under way may have written them and not committed yet.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import (
    alerts,
    forecasts,
    ingests,
    letters,
    monitor_passes,
    monitor_results,
    pooled_models,
    products,
    retention,
    states,
    trials,
)
from pricecast_dagster.storage.files import Files
from pricecast_dagster.storage.registry import ModelVersion

_Answer = TypeVar("_Answer")

GRACE: Final = timedelta(days=1)
"""A chunk takes minutes from its first file to its commit."""

SKUS_AT_ONCE: Final = 500
"""SKUs of one transaction: it makes whoever trains them wait."""


@dataclass(frozen=True, slots=True)
class Surplus:
    """What one rule of retention finds.

    Attributes:
        what: in the plural; rule: which of them, and the setting that says so.
        count: how many are, or were, given up.
    """

    what: str
    rule: str
    count: int


def examine(context: StageContext) -> list[Surplus]:
    """What `clear` would give up now; changes nothing."""
    return [Surplus(rule.what, rule.told, rule.look()) for rule in _rules(context)]


def clear(context: StageContext) -> list[Surplus]:
    """Give up what is past its retention; safe while runs are under way, and to repeat after a kill."""
    return [Surplus(rule.what, rule.told, rule.carry_out()) for rule in _rules(context)]


@dataclass(frozen=True, slots=True)
class _Rule:
    what: str
    told: str
    look: Callable[[], int]
    carry_out: Callable[[], int]


class _GivenUpError(Exception):
    """A transaction was carried out to see what it would do."""


def _rules(context: StageContext) -> Iterator[_Rule]:
    settings, kept = context.settings, _Retention(context, context.clock())
    forecasts_from, reads_from, results_from = (
        kept.before(days) for days in (settings.keep_forecast_days, settings.keep_ingest_days, settings.keep_monitor_days)
    )
    put_away_before = kept.before(settings.keep_history_days)
    yield _Rule(
        "products that are gone",
        f"for more than {settings.keep_removed_days} days (PRICECAST_KEEP_REMOVED_DAYS): models, forecasts and rows",
        lambda: len(kept.gone),
        kept.forget_gone,
    )
    yield _Rule(
        "model versions",
        f"beyond champion, forecast in force and the {settings.keep_versions} newest others (PRICECAST_KEEP_VERSIONS)",
        lambda: len(kept.ask(lambda connection: retention.superseded(connection, kept.others, settings.keep_versions))),
        kept.give_up_versions,
    )
    yield _Rule(
        "model folders",
        "that no version in the registry refers to",
        lambda: len(context.artifacts.stray(kept.folders(), kept.settled)),
        lambda: context.artifacts.prune_stray(kept.folders(), kept.settled),
    )
    yield _Rule(
        "pooled models",
        "not in force, and that no model version was weighed with",
        lambda: len(kept.old_pooled()),
        kept.give_up_pooled,
    )
    yield _Rule(
        "past forecasts",
        f"older than {settings.keep_forecast_days} days (PRICECAST_KEEP_FORECAST_DAYS)",
        lambda: kept.ask(lambda connection: forecasts.expired(connection, forecasts_from)),
        lambda: kept.change(lambda connection: forecasts.prune(connection, forecasts_from)),
    )
    yield from (_stray_frames(context, kept, stage) for stage in (Stage.RAW_HISTORY, Stage.FEATURE_TABLE))
    yield _Rule(
        "superseded rows",
        f"put aside more than {settings.keep_history_days} days ago (PRICECAST_KEEP_HISTORY_DAYS), of no forecast or model",
        lambda: len(context.frames.superseded(kept.histories(), put_away_before)),
        lambda: context.frames.prune_superseded(kept.histories(), put_away_before),
    )
    yield _Rule(
        "reads of the source",
        f"older than {settings.keep_ingest_days} days (PRICECAST_KEEP_INGEST_DAYS)",
        lambda: kept.ask(lambda connection: ingests.expired(connection, reads_from)),
        lambda: kept.change(lambda connection: ingests.prune(connection, reads_from)),
    )
    yield _Rule(
        "files of rejected rows",
        "of reads that are not on record any more",
        lambda: len(context.frames.rejected(kept.ask(ingests.known), reads_from)),
        lambda: context.frames.prune_rejected(kept.ask(ingests.known), reads_from),
    )
    yield _Rule(
        "monitor results",
        f"older than {settings.keep_monitor_days} days (PRICECAST_KEEP_MONITOR_DAYS)",
        lambda: kept.ask(lambda connection: monitor_results.expired(connection, results_from)),
        lambda: kept.change(lambda connection: monitor_results.prune(connection, results_from)),
    )
    told = f"older than {settings.keep_monitor_days} days (PRICECAST_KEEP_MONITOR_DAYS)"
    forgetting: dict[str, Callable[[Any], int]] = {
        "passes of the monitor": lambda connection: monitor_passes.prune(connection, results_from.date()),
        "trials that ended": lambda connection: trials.prune(connection, results_from),
        "alerts that were resolved": lambda connection: alerts.prune(connection, results_from),
        "digests of alerts": lambda connection: letters.prune(connection, results_from),
    }
    for what, forget in forgetting.items():
        yield _Rule(what, told, partial(kept.would_change, forget), partial(kept.change, forget))


def _stray_frames(context: StageContext, kept: "_Retention", stage: Stage) -> _Rule:
    return _Rule(
        f"files of {stage}",
        f"left behind by a killed run; {'put aside' if stage is Stage.RAW_HISTORY else 'deleted'}",
        lambda: len(context.frames.stray(stage, kept.in_force(stage), kept.settled)),
        lambda: context.frames.tidy(stage, kept.in_force(stage), kept.settled),
    )


@dataclass(frozen=True)
class _Retention:
    """What is kept, and giving up the rest; `now` is the same for all rules of a pass."""

    context: StageContext
    now: datetime

    def ask(self, question: Callable[[Any], _Answer]) -> _Answer:
        """One question to the database."""
        with self.context.database.read() as connection:
            return question(connection)

    def change(self, statement: Callable[[Any], int]) -> int:
        """One transaction; returns what it counts."""
        with self.context.database.write() as connection:
            return statement(connection)

    def would_change(self, statement: Callable[[Any], int]) -> int:
        """What `change` would count; the transaction is given up."""
        count = 0
        with suppress(_GivenUpError), self.context.database.write() as connection:
            count = statement(connection)
            raise _GivenUpError
        return count

    def before(self, days: int) -> datetime:
        """The time so many days ago."""
        return self.now - timedelta(days=days)

    @property
    def settled(self) -> datetime:
        """What was written before is not of a run under way."""
        return self.now - GRACE

    @cached_property
    def gone(self) -> tuple[str, ...]:
        """SKUs that left the source so long ago that nothing of them is kept, and of which something is."""
        with self.context.database.read() as connection:
            removed = products.removed_before(connection, self.before(self.context.settings.keep_removed_days))
            left = {version.sku for version in retention.kept(connection, removed)}
            left |= forecasts.currents(connection, removed).keys()
            left |= {sku for sku, _ in states.read_states(connection, removed)}
        return tuple(sorted(left))

    @cached_property
    def others(self) -> tuple[str, ...]:
        """All other SKUs."""
        with self.context.database.read() as connection:
            skus = products.active_skus(connection) | products.removed_skus(connection)
        return tuple(sorted(skus.difference(self.gone)))

    def forget_gone(self) -> int:
        """Give up models, forecasts and states of the SKUs that are gone; their files are then nobody's."""
        for skus in _parts(self.gone):
            with self.context.database.write() as connection:
                states.lock(connection, skus)
                back = products.known_skus(connection, skus)
                lost = [sku for sku in skus if sku not in back]
                doomed = retention.kept(connection, lost)
                retention.give_up(connection, doomed, self.now)
                forecasts.forget(connection, lost)
                states.forget(connection, lost)
            self._delete_files(doomed)
        return len(self.gone)

    def give_up_versions(self) -> int:
        """Give up model versions past the keep count."""
        count = 0
        for skus in _parts(self.others):
            with self.context.database.write() as connection:
                states.lock(connection, skus)
                doomed = retention.prune(connection, skus, self.context.settings.keep_versions, self.now)
            self._delete_files(doomed)
            count += len(doomed)
        return count

    def _delete_files(self, doomed: Sequence[ModelVersion]) -> None:
        for version in doomed:
            self.context.artifacts.delete(version.sku, version.version)

    def old_pooled(self) -> list[str]:
        """Pooled models that nothing refers to."""
        needed = {str(version.facts[POOLED]) for version in self.ask(retention.kept) if POOLED in version.facts}
        return self.ask(lambda connection: pooled_models.superseded(connection, needed))

    def give_up_pooled(self) -> int:
        """Give them up, record first: without it nobody asks for the file."""
        doomed = self.old_pooled()
        if doomed:
            self.change(lambda connection: pooled_models.give_up(connection, doomed))
            pooled_models.delete_files(Files(self.context.settings.home), doomed)
        return len(doomed)

    def folders(self) -> set[str]:
        """The folders of all model versions that are kept."""
        return {version.artifact for version in self.ask(retention.kept)}

    def in_force(self, stage: Stage) -> dict[str, str]:
        """SKU -> the version that a stage holds, of the SKUs that are kept."""
        gone = set(self.gone)
        held = self.ask(lambda connection: states.in_force(connection, stage))
        return {sku: version for sku, version in held.items() if sku not in gone}

    def histories(self) -> set[tuple[str, str]]:
        """SKU and version of the rows that a forecast or a model version refers to."""
        gone = set(self.gone)
        expired = self.before(self.context.settings.keep_forecast_days)
        needed = self.ask(lambda connection: forecasts.histories(connection, expired))
        needed |= {(version.sku, version.history_version) for version in self.ask(retention.kept)}
        return {(sku, version) for sku, version in needed if sku not in gone}


def _parts(skus: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(skus), SKUS_AT_ONCE):
        yield skus[start : start + SKUS_AT_ONCE]
