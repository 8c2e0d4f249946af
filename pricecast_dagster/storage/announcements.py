"""Announcements: which results and failures Dagster was told.

Belongs here: what is still to be told, and noting what was. Not here: recording results (`storage.states`), and telling
(`orchestration.events`). A run that is killed between its commit and its events leaves something to tell; the next run tells it.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select, update

from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage import staleness
from pricecast_dagster.storage.state_records import StageState, state_of
from pricecast_dagster.storage.tables import product, stage_state


def announce(connection: Connection, told: Sequence[tuple[str, Stage, str | None]]) -> None:
    """Note which results Dagster was told: SKU, stage and data version; what has moved on meanwhile is still to be told."""
    _note_told(connection, told, stage_state.c.data_version == bindparam("version"))


def announce_failures(connection: Connection, told: Sequence[tuple[str, Stage]]) -> None:
    """Note which failures Dagster was told; what was repaired meanwhile is still to be told."""
    _note_told(connection, [(sku, stage, None) for sku, stage in told], stage_state.c.error.is_not(None))


def _note_told(
    connection: Connection, told: Sequence[tuple[str, Stage, str | None]], as_it_was_told: ColumnElement[bool]
) -> None:
    if not told:
        return
    statement = (
        update(stage_state)
        .where(stage_state.c.sku == bindparam("of_sku"), stage_state.c.stage == bindparam("of_stage"), as_it_was_told)
        .values(announced_version=stage_state.c.data_version)
    )
    connection.execute(
        statement, [{"of_sku": sku, "of_stage": stage.value, "version": version} for sku, stage, version in sorted(told, key=str)]
    )


def unannounced(connection: Connection, limit: int | None = None) -> list[StageState]:
    """States of active products whose last result or failure Dagster was not told of, upstream stages of a SKU first."""
    query = (
        select(stage_state)
        .join(product)
        .where(
            stage_state.c.data_version.is_distinct_from(stage_state.c.announced_version),
            or_(stage_state.c.data_version.is_not(None), stage_state.c.error.is_not(None)),
            product.c.active,
        )
        .order_by(stage_state.c.sku, staleness.position(stage_state.c.stage))
        .limit(limit)
    )
    return [state_of(row) for row in connection.execute(query)]
