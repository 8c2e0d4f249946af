"""Pooling: one model from all products' rows, as they are stored at this moment.

Belongs here: gathering the rows, fitting, keeping, and when maintenance does it by itself. Not here: fitting
(`forecasting.pooled`), the files and their record (`storage.pooled_models`).

Making one is a decision: it puts every model that has the member out of date. The same rows give the same model, and then
nothing changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pricecast_dagster.errors import NoUsableHistoryError, StorageError
from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.versions import digest, seed_of
from pricecast_dagster.storage import pooled_models, products, states
from pricecast_dagster.storage.files import Files
from pricecast_dagster.storage.pooled_models import PooledModel

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.panel import Panel

CODE: Final = "1"
"""Raised when the same rows give another pooled model."""


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it.

    Attributes:
        model: in force now.
        changed: whether it is another one than before.
        used: whether models learn from it: PRICECAST_MEMBERS names the member.
    """

    model: PooledModel
    changed: bool
    used: bool


def pool(context: StageContext) -> Made:
    """Make a pooled model of all active products and put it in force.

    Raises:
        NoUsableHistoryError: no product has stored rows.
        TrainingError: there are too few rows.
    """
    from pricecast_dagster.forecasting.pooled_fit import fit_pooled, sample_of

    with context.database.read() as connection:
        before = pooled_models.in_force(connection)
        active = products.active_skus(connection)
        held = states.in_force(connection, Stage.RAW_HISTORY)
    known = {sku: version for sku, version in held.items() if sku in active}
    chosen = {sku: known[sku] for sku in sample_of(known)}
    used = POOLED in context.settings.members
    if not chosen:
        raise NoUsableHistoryError("No product has stored rows to learn from.", remedy="Run `pricecast ingest` first.")
    fingerprint = digest("pooled", CODE, chosen, len(known), context.calendar.version)
    if before is not None and before.fingerprint == fingerprint and _is_there(context, before):
        return Made(before, changed=False, used=used)
    histories = list(_histories(context, chosen))
    until = max(history.days[-1] for history in histories)
    pooled = fit_pooled(histories, context.calendar, until, seed_of(fingerprint), of_skus=len(known))
    model = PooledModel(
        version=pooled.version,
        fingerprint=fingerprint,
        until=until.item(),
        made_at=context.clock(),
        run_id=context.run_id,
        facts=pooled.facts,
        sha256=pooled_models.save(Files(context.settings.home), pooled),
    )
    with context.database.write() as connection:
        pooled_models.record(connection, model)
    return Made(model, changed=before is None or before.version != model.version, used=used)


def pool_if_due(context: StageContext) -> Made | None:
    """Make one where PRICECAST_POOL_DAYS asks for it and the one in force is that old; None where nothing was due."""
    days = context.settings.pool_days
    if days == 0 or POOLED not in context.settings.members:
        return None
    with context.database.read() as connection:
        before = pooled_models.in_force(connection)
        if not states.in_force(connection, Stage.RAW_HISTORY):
            return None
    if before is not None and context.clock() - before.made_at < timedelta(days=days):
        return None
    return pool(context)


def _is_there(context: StageContext, model: PooledModel) -> bool:
    try:
        pooled_models.load(Files(context.settings.home), model.version, model.sha256)
    except StorageError:
        return False
    return True


def _histories(context: StageContext, versions: dict[str, str]) -> "Iterator[Panel]":
    from pricecast_dagster.forecasting.panel import build_panel

    for sku, version in versions.items():
        yield build_panel(context.frames.read(Stage.RAW_HISTORY, sku, version))
