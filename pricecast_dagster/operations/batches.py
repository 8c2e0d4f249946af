"""Batches: what a person asks for by name (ingest, train, forecast, refresh), as plans of `stages.refresh`.

Belongs here: which stages a request means, and what has to come before it. Not here: the stages, and how a report is shown.
"""

from collections.abc import Callable
from typing import Literal

from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import refresh as refreshing
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import ChunkDone, Report
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.storage import products

OnChunk = Callable[[ChunkDone], None]
Optimize = Literal["auto", "always", "never"]


def ingest(context: StageContext, skus: tuple[str, ...], on_chunk: OnChunk) -> Report:
    """Read the source now, whatever its fingerprint, and take up the rows that differ.

    Raises:
        SourceError: it cannot be read; nothing was taken.
    """
    plan = Plan(skus, stages=frozenset({Stage.RAW_HISTORY}), source="always")
    return refreshing.run(context, plan, on_chunk)


def refresh(
    context: StageContext, skus: tuple[str, ...], on_chunk: OnChunk, *, optimize: Optimize = "auto", trials: int | None = None
) -> Report:
    """Bring everything up to date that is not, in order: what the daemon would do, once.

    Raises:
        SourceError: the source cannot be read; nothing was changed.
    """
    return refreshing.run(context, Plan(skus, optimize=optimize, trials=trials), on_chunk)


def train(context: StageContext, skus: tuple[str, ...], on_chunk: OnChunk, *, optimize: Optimize, trials: int | None) -> Report:
    """Bring features up to date where needed, then train the products, whether they need it or not.

    A product whose model was deleted is trained only where it is named: that is the asking it waits for.

    Raises:
        SourceError: nothing was ingested yet and the source cannot be read.
    """
    before = _after_first_ingest(context, skus, Stage.FEATURE_TABLE, on_chunk)
    with context.database.read() as connection:
        known = products.active_skus(connection)
        held = products.held(connection, sorted(known))
    chosen = tuple(sku for sku in skus if sku in known) if skus else tuple(sorted(known - set(held)))
    if not chosen:
        return before
    plan = Plan(chosen, stages=frozenset({Stage.PRICE_MODEL}), only_stale=False, optimize=optimize, trials=trials, source="never")
    after = refreshing.run(context, plan, on_chunk)
    return Report(before.ingested, before.outcomes + after.outcomes)


def forecast(context: StageContext, skus: tuple[str, ...], on_chunk: OnChunk) -> Report:
    """Bring stored forecasts up to date with the rows and models there are; nothing is trained.

    Raises:
        SourceError: nothing was ingested yet and the source cannot be read.
    """
    return _after_first_ingest(context, skus, Stage.FORECAST, on_chunk)


def _after_first_ingest(context: StageContext, skus: tuple[str, ...], stage: Stage, on_chunk: OnChunk) -> Report:
    """One stage where it is out of date; on empty stores the whole source is taken up first."""
    with context.database.read() as connection:
        empty = not products.active_skus(connection)
    if empty:
        first = refreshing.run(context, Plan(stages=frozenset({Stage.RAW_HISTORY})), on_chunk)
        then = refreshing.run(context, Plan(skus, frozenset({stage})), on_chunk)
        return Report(first.ingested, first.outcomes + then.outcomes)
    return refreshing.run(context, Plan(skus, frozenset({stage})), on_chunk)
