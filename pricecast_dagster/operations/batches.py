"""Batches: what a person asks for by name (ingest, train, forecast, refresh), as plans of `stages.refresh`.

Belongs here: which stages a request means, and what has to come before it. Not here: the stages, and how a report is shown.
"""

from collections.abc import Callable
from typing import Literal

from pricecast_dagster.errors import UnknownSkuError
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import refresh as refreshing
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import ChunkDone, Report
from pricecast_dagster.stages.refresh import Plan
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
    """Bring rows and features up to date where needed, then train the products, whether they need it or not.

    A product whose model was deleted is trained only where it is named: that is the asking it waits for.

    Raises:
        SourceError: nothing was ingested yet and the source cannot be read.
        UnknownSkuError: a named product is in neither store nor source.
    """
    before = _prepare(context, skus, {Stage.FEATURE_TABLE}, on_chunk)
    named = skus or _trainable(context)
    _lift_holds(context, skus)
    plan = Plan(named, stages=frozenset({Stage.PRICE_MODEL}), only_stale=False, optimize=optimize, trials=trials, source="never")
    return _joined(before, refreshing.run(context, plan, on_chunk)) if named else before


def forecast(context: StageContext, skus: tuple[str, ...], on_chunk: OnChunk) -> Report:
    """Bring stored forecasts up to date with the rows and models there are; nothing is trained.

    Raises:
        SourceError: nothing was ingested yet and the source cannot be read.
        UnknownSkuError: a named product is in neither store nor source.
    """
    return _prepare(context, skus, {Stage.FORECAST}, on_chunk)


def _prepare(context: StageContext, skus: tuple[str, ...], stages: set[Stage], on_chunk: OnChunk) -> Report:
    with context.database.read() as connection:
        empty = not products.active_skus(connection)
    wanted = stages | {Stage.RAW_HISTORY} if empty else stages
    report = refreshing.run(context, Plan((), frozenset(wanted)) if empty else Plan(skus, frozenset(wanted)), on_chunk)
    _refuse_unknown(context, skus)
    return report


def _trainable(context: StageContext) -> tuple[str, ...]:
    with context.database.read() as connection:
        return tuple(sorted(products.active_skus(connection) - set(products.held_skus(connection))))


def _lift_holds(context: StageContext, skus: tuple[str, ...]) -> None:
    with context.database.write() as connection:
        for sku in skus:
            products.lift_hold(connection, sku)


def _refuse_unknown(context: StageContext, skus: tuple[str, ...]) -> None:
    with context.database.read() as connection:
        unknown = sorted(set(skus) - products.active_skus(connection))
    if unknown:
        raise UnknownSkuError(f"No product {', '.join(map(repr, unknown[:10]))}{' and more' if len(unknown) > 10 else ''}.")


def _joined(first: Report, second: Report) -> Report:
    return Report(first.ingested, first.outcomes + second.outcomes)
