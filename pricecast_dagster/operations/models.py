"""Models: what a person does with the registry: look, delete, go back to an earlier version.

Belongs here: the transaction in which registry, hold and state move together, and the forecast that has to follow. Not here: the
registry itself (`storage.registry`), showing it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pricecast_dagster.errors import ForecastError
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import refresh as refreshing
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Status
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.storage import products, registry, requests, retention, states, trials
from pricecast_dagster.storage.registry import ModelVersion


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything there is about a product's model.

    Attributes:
        versions: newest first, the deleted ones too.
        held: why nothing retrains it; None where nothing holds it.
        error: what its last training failed on; None where it did not.
        no_rows: why it has no rows or features that a model could be trained on; None where it has.
    """

    sku: str
    versions: Sequence[ModelVersion]
    held: str | None
    error: str | None
    no_rows: str | None = None


def champions(context: StageContext, *, limit: int, offset: int = 0, prefix: str = "") -> tuple[list[ModelVersion], int]:
    """A page of champions by SKU, and how many there are on all pages."""
    with context.database.read() as connection:
        found = registry.listed(connection, limit=limit, offset=offset, prefix=prefix)
        return found, registry.count(connection, prefix)


def dossier(context: StageContext, sku: str) -> Dossier:
    """All versions of a product's model.

    Raises:
        UnknownSkuError: there is no such product.
    """
    with context.database.read() as connection:
        product = products.get(connection, sku)
        versions = registry.versions(connection, sku)
        found = states.read_states(connection, [sku])
    state = found.get((sku, Stage.PRICE_MODEL))
    before = (found.get((sku, stage)) for stage in (Stage.RAW_HISTORY, Stage.FEATURE_TABLE))
    broken = next((one for one in before if one is not None and one.error is not None), None)
    no_rows = broken.error if broken is not None and broken.data_version is None else None
    return Dossier(sku, versions, product.model_hold, state.error if state else None, no_rows)


def delete(context: StageContext, sku: str, reason: str) -> tuple[int, str]:
    """Delete all versions of a product's model; nothing retrains it until it is asked for, and a simple method answers at once.

    Returns:
        How many versions were deleted, and who answers now.

    Raises:
        UnknownSkuError: there is no such product.
        UnknownVersionError: it has no model.
    """
    now = context.clock()
    with context.database.write() as connection:
        products.get(connection, sku)
        states.lock(connection, [sku])
        gone = retention.delete(connection, sku, now)
        products.hold(connection, sku, reason)
        # A request from before the deletion is no asking after it: it would train the product again.
        requests.cancel_all(connection, sku)
        trials.cancel_all(connection, sku, "its models were deleted", now)
        states.set_version(connection, sku, Stage.PRICE_MODEL, None, reason, now)
    # After the transaction: files without a row are found and cleared away, a row without files would be a broken model.
    for version in gone:
        context.artifacts.delete(sku, version.version)
    return len(gone), _forecast_again(context, sku)


def rollback(context: StageContext, sku: str, to: str | None) -> tuple[str | None, str, str]:
    """Make an earlier version the champion again and forecast with it.

    Args:
        to: the version; None means the one that was champion before the present one.

    Returns:
        The champion before, the champion now, and who answers.

    Raises:
        UnknownSkuError: there is no such product.
        UnknownVersionError: there is no such version, or none to go back to.
    """
    now = context.clock()
    with context.database.write() as connection:
        products.get(connection, sku)
        states.lock(connection, [sku])
        before = registry.champions(connection, [sku]).get(sku)
        trials.cancel_all(connection, sku, "rolled back by hand", now)
        after = registry.rollback(connection, sku, now, to)
        states.set_version(connection, sku, Stage.PRICE_MODEL, after.version, f"rolled back to {after.version} by hand", now)
    return before.version if before else None, after.version, _forecast_again(context, sku)


def _forecast_again(context: StageContext, sku: str) -> str:
    plan = Plan((sku,), stages=frozenset({Stage.FORECAST}), source="never")
    report = refreshing.run(context, plan)
    outcome = next((outcome for outcome in report.outcomes if outcome.stage is Stage.FORECAST), None)
    if outcome is not None and outcome.status is Status.FAILED:
        raise ForecastError(f"It is done, but {sku!r} has no new forecast: {outcome.error}", remedy="")
    return "the forecast of before" if outcome is None else str(outcome.metadata.get("model_used", "the forecast of before"))
