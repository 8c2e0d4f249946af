"""Ingest: one read of the source, and which products it brought, changed, lost and brought back.

Belongs here: whether to read at all, the product table, the record of the read. Not here: storing rows (`stages.history`).
"""

from dataclasses import dataclass
from typing import Literal

from pricecast_dagster.errors import PricecastError
from pricecast_dagster.schemas import CATEGORY, NAME, SKU, Stage
from pricecast_dagster.sources.fingerprint import cheap_fingerprint
from pricecast_dagster.sources.reading import read_source
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.history import Arrival
from pricecast_dagster.stages.outcome import Ingested
from pricecast_dagster.stages.staleness import why_stale
from pricecast_dagster.storage import ingests, products
from pricecast_dagster.storage.state_records import Inputs
from pricecast_dagster.storage.states import confirm_histories, read_states

# A half-copied folder looks like a retailer that dropped most of its range; that is told, not believed.
LARGEST_LOSS = 0.5
SMALL_RANGE = 10


@dataclass(frozen=True)
class Intake:
    """What an ingest gives to the refresh: the rows, if the source was read, and the summary."""

    arrival: Arrival | None
    ingested: Ingested


NOT_READ = Intake(None, Ingested(read=False))


def take_in(
    context: StageContext, skus: tuple[str, ...], source: Literal["auto", "always", "never"], code_version: str
) -> Intake:
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
        age = (now - last.finished_at).total_seconds()
        if age < context.settings.scan_seconds:
            return NOT_READ
    with context.database.write() as connection:
        ingest_id = ingests.start(connection, fingerprint, now, context.run_id)
    try:
        data = read_source(context.settings, skus=skus or None, today=now.date())
    except PricecastError as error:
        with context.database.write() as connection:
            ingests.fail(connection, ingest_id, str(error), context.clock())
        raise
    if len(data.rejected):
        context.frames.write_rejected(ingest_id, data.rejected)
    arrival = Arrival(data, ingest_id)
    return _take_products(context, arrival, code_version, everything=not skus)


def finish(context: StageContext, intake: Intake, *, everything: bool) -> None:
    """Put on record that all that the read brought is stored; a read of some products answers for no fingerprint."""
    if intake.arrival is None:
        return
    with context.database.write() as connection:
        ingests.finish(connection, intake.arrival.ingest_id, dict(intake.ingested.lines), context.clock(), complete=everything)


def _take_products(context: StageContext, arrival: Arrival, code_version: str, *, everything: bool) -> Intake:
    data = arrival.data
    now = context.clock()
    found = sorted(arrival.versions)
    names = data.products.set_index(SKU)[[NAME, CATEGORY]].to_dict("index")
    seen = [(sku, str(names.get(sku, {}).get(NAME) or sku), str(names.get(sku, {}).get(CATEGORY) or "")) for sku in found]
    with context.database.write() as connection:
        known = products.active_skus(connection)
        lost, notes = _lost(known, found, everything=everything)
        returned = products.upsert(connection, seen, now)
        products.remove(connection, lost, now)
        states = read_states(connection, found, [Stage.RAW_HISTORY])
        moved = {
            sku: reason
            for sku in found
            if (reason := why_stale(states.get((sku, Stage.RAW_HISTORY)), Inputs(arrival.versions[sku], code_version)))
        }
        confirm_histories(connection, {sku: arrival.versions[sku] for sku in found if sku not in moved}, arrival.ingest_id)
    new = tuple(sku for sku in found if sku not in known and sku not in returned)
    ingested = Ingested(
        read=True,
        new=new,
        changed=tuple(sku for sku in moved if sku in known),
        removed=tuple(lost),
        returned=tuple(returned),
        unchanged=len(found) - len(moved),
        lines=dict(data.counts),
        notes=(*data.notes, *notes),
    )
    return Intake(arrival, ingested)


def _lost(known: set[str], found: list[str], *, everything: bool) -> tuple[list[str], list[str]]:
    """The products that are gone, and what a person is told; a source that lost most of its range is not believed."""
    lost = sorted(known.difference(found)) if everything else []
    if len(lost) <= max(SMALL_RANGE, LARGEST_LOSS * len(known)):
        return lost, []
    return [], [
        f"{len(lost)} of {len(known)} products are not in the source any more. That many at once are not retired: "
        "check that the source is whole."
    ]
