"""Ingest: one read of the source, and which products it brought, changed, lost and brought back.

Belongs here: whether to read at all, the product table, the record of the read. Not here: storing rows (`stages.history`).
"""

from dataclasses import dataclass, replace
from typing import Literal

from pricecast_dagster.errors import PricecastError
from pricecast_dagster.schemas import CATEGORY, NAME, SKU, Stage
from pricecast_dagster.sources.fingerprint import cheap_fingerprint
from pricecast_dagster.sources.reading import read_source
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.history import Arrival
from pricecast_dagster.stages.outcome import Ingested
from pricecast_dagster.storage import ingests, products
from pricecast_dagster.storage.states import read_states

# A half-copied folder looks like a retailer that dropped most of its range; that is told, not believed.
LARGEST_LOSS = 0.5
SMALL_RANGE = 10


@dataclass(frozen=True)
class Intake:
    """What an ingest gives to the refresh: the rows, if the source was read, and the summary."""

    arrival: Arrival | None
    ingested: Ingested


NOT_READ = Intake(None, Ingested(read=False))


def take_in(context: StageContext, skus: tuple[str, ...], source: Literal["auto", "always", "never"]) -> Intake:
    """Read the source if it has to be read.

    Args:
        skus: only these products; empty means all, and only then are products found to be gone.
        source: `auto` reads when the fingerprint has moved since the last full read, or that was too long ago.

    Raises:
        SourceError: it cannot be read; nothing was taken, and the attempt is on record.
    """
    if source == "never":
        return NOT_READ
    now = context.clock()
    fingerprint = cheap_fingerprint(context.settings)
    with context.database.read() as connection:
        last = ingests.last_finished(connection)
    if source == "auto" and last is not None and last.fingerprint == fingerprint:
        if (now - last.finished_at).total_seconds() < context.settings.scan_seconds:
            return NOT_READ
    with context.database.write() as connection:
        ingest_id = ingests.start(connection, fingerprint, now, context.run_id)
    try:
        data = read_source(context.settings, skus=skus or None, today=now.date())
    except PricecastError as error:
        with context.database.write() as connection:
            ingests.fail(connection, ingest_id, str(error), context.clock())
        raise
    arrival = Arrival(data, ingest_id)
    return Intake(arrival, _take_products(context, arrival, everything=not skus))


def finish(context: StageContext, intake: Intake, *, everything: bool) -> None:
    """Put on record that all that the read brought is stored; a read of some products answers for no fingerprint."""
    if intake.arrival is None:
        return
    with context.database.write() as connection:
        ingests.finish(connection, intake.arrival.ingest_id, dict(intake.ingested.lines), context.clock(), complete=everything)


def _take_products(context: StageContext, arrival: Arrival, *, everything: bool) -> Ingested:
    data = arrival.data
    now = context.clock()
    found = sorted(arrival.versions)
    with context.database.write() as connection:
        known = products.active_skus(connection)
        gone = products.removed_skus(connection)
        lost = sorted(known - set(found)) if everything else []
        notes = list(data.notes)
        if len(lost) > max(SMALL_RANGE, LARGEST_LOSS * len(known)):
            notes.append(
                f"{len(lost)} of {len(known)} products are not in the source any more. That many at once are not retired: "
                "check that the source is whole, or retire them by deleting their models."
            )
            lost = []
        names = data.products.set_index(SKU)[[NAME, CATEGORY]].to_dict("index")
        products.upsert(
            connection,
            [(sku, names.get(sku, {}).get(NAME) or sku, names.get(sku, {}).get(CATEGORY) or "") for sku in found],
            now,
        )
        products.remove(connection, lost, now)
        states = read_states(connection, found, [Stage.RAW_HISTORY])
    returned = tuple(sku for sku in found if sku in gone)
    new = tuple(sku for sku in found if sku not in known and sku not in gone)
    changed = tuple(
        sku
        for sku in found
        if (state := states.get((sku, Stage.RAW_HISTORY))) is not None
        and arrival.versions[sku] not in (state.data_version, _failed_on(state))
    )
    return Ingested(
        read=True,
        new=new,
        changed=tuple(sku for sku in changed if sku not in new),
        removed=tuple(lost),
        returned=returned,
        unchanged=len(found) - len(set(new) | set(changed)),
        lines=dict(data.counts),
        notes=tuple(notes),
    )
