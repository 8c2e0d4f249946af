"""The four assets, in one op: it asks `stages.refresh` for a batch and turns what comes back into events.

Belongs here: the op and its config. Not here: how the assets present themselves (`specs`), any `if` about pricing.

One op and not four: four assets without outputs in one run do not work (a step that yields nothing makes the next one be
skipped while the run says SUCCESS), and a chunk is to go through all stages before the next one starts.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from pricecast_dagster.orchestration.checks import check_specs
from pricecast_dagster.orchestration.events import EventWriter
from pricecast_dagster.orchestration.jobs import OP_NAME, REASON_TAG, UNFINISHED
from pricecast_dagster.orchestration.partitions import follow_products
from pricecast_dagster.orchestration.presentation import Presentation, batch_table
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.orchestration.specs import asset_specs
from pricecast_dagster.schemas import STAGES
from pricecast_dagster.stages import refresh
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Outcome, Status, reasons
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.storage.keys import decode_key
from pricecast_dagster.storage.products import active_skus

PARTITIONS_PER_RUN = 1000


class RefreshConfig(dg.Config):
    """What a run brings up to date, and how."""

    skus: list[str] = Field([], description="Products, by name. Empty: the chosen partitions, or all that is out of date.")
    only_stale: bool | None = Field(
        None, description="Leave alone what is up to date. Unset: yes, but for partitions chosen in the dialog."
    )
    source: Literal["auto", "always", "never"] = Field(
        "auto", description="Read the retailer's data: auto reads it when its files or tables have moved."
    )
    optimize: Literal["auto", "always", "never"] = Field(
        "auto", description="Tune: auto tunes new products and those a retrain request names."
    )
    n_trials: int | None = Field(None, ge=1, description="Tuning trials a product; unset: PRICECAST_TRIALS.")


@dg.multi_asset(
    name=OP_NAME,
    specs=asset_specs(),
    check_specs=check_specs(),
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.multi_run(PARTITIONS_PER_RUN),
)
def pricecast(context: dg.AssetExecutionContext, config: RefreshConfig, stores: PricecastResource) -> Iterator[Any]:
    """Bring a batch of products through the selected stages, chunk by chunk; fail at the end if any product did."""
    stage_context = stores.open(context.run.run_id)
    chosen = (
        tuple(decode_key(key) for key in context.partition_keys)
        if context.has_partition_key or context.has_partition_key_range
        else ()
    )
    events = EventWriter(context)
    work = refresh.begin(stage_context, _plan(context, config, chosen), limit=stage_context.settings.batch_size)
    _follow(context, stage_context, work)
    shown = Presentation(stage_context, work.total)
    untold = refresh.unannounced(stage_context, _others_under_way(context))
    _tell(stage_context, events, untold)
    computed: list[Outcome] = []
    for chunk in work.chunks():
        _tell(stage_context, events, chunk.outcomes, shown)
        computed += [outcome for outcome in chunk.outcomes if outcome.status is not Status.UNCHANGED]
        context.log.info(f"{chunk.done} of {chunk.total} products: {reasons(chunk.outcomes) or 'nothing to do'}")
    settled = {(outcome.sku, outcome.stage) for outcome in computed}
    computed += [item for item in untold if item.status is Status.FAILED and (item.sku, item.stage) not in settled]
    if computed:
        events.tell_run(f"Why and what: {reasons(computed)}", batch_table(computed))
    _finish(context, stage_context, events, computed, set(chosen))
    yield from ()


def _plan(context: dg.AssetExecutionContext, config: RefreshConfig, chosen: tuple[str, ...]) -> Plan:
    return Plan(
        skus=chosen or tuple(config.skus),
        stages=frozenset(stage for stage in STAGES if dg.AssetKey(stage.value) in context.selected_asset_keys),
        only_stale=config.only_stale if config.only_stale is not None else not chosen,
        source=config.source,
        optimize=config.optimize,
        trials=config.n_trials,
    )


def _follow(context: dg.AssetExecutionContext, stage_context: StageContext, work: refresh.Refresh) -> None:
    with stage_context.database.read() as connection:
        added, removed = follow_products(context.instance, active_skus(connection))
    ingested = work.ingested
    context.log.info(
        f"Source: {len(ingested.new)} new, {len(ingested.changed)} changed, {ingested.unchanged} unchanged, "
        f"{len(ingested.removed)} removed products; partitions: {added} added, {removed} removed."
        if ingested.read
        else "Source: not read, nothing in it has moved since the last full read."
    )
    if ingested.read:
        context.log.info("Lines of the source: " + ", ".join(f"{count:,} {what}" for what, count in ingested.lines.items()) + ".")
    for note in ingested.notes:
        context.log.warning(note)


def _others_under_way(context: dg.AssetExecutionContext) -> set[str]:
    records = context.instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    return {record.dagster_run.run_id for record in records} - {context.run.run_id}


def _tell(
    stage_context: StageContext, events: EventWriter, outcomes: Sequence[Outcome], shown: Presentation | None = None
) -> None:
    # State first, events last: a crash between the two is repaired by the next run from what is on record.
    if shown is None:
        events.write(outcomes)
    else:
        events.write(outcomes, shown.of(outcomes))
    refresh.announced(stage_context, outcomes)


def _finish(
    context: dg.AssetExecutionContext, stage_context: StageContext, events: EventWriter, computed: list[Outcome], chosen: set[str]
) -> None:
    context.instance.add_run_tags(context.run.run_id, {REASON_TAG: reasons(computed) or "nothing to do"})
    failed = [outcome for outcome in computed if outcome.status is Status.FAILED]
    if not failed:
        return
    selected = {key.to_user_string() for key in context.selected_asset_keys} if chosen else set()
    # The partitions of a dialog or a backfill were planned by Dagster itself.
    events.plan_failed(item for item in failed if item.sku not in chosen or item.stage.value not in selected)
    refresh.announced_failures(stage_context, failed)
    products = sorted({outcome.sku for outcome in failed})
    raise dg.Failure(
        description=f"{len(products)} of {len({outcome.sku for outcome in computed})} products failed, the others are done: "
        f"{', '.join(products[:10])}{', ...' if len(products) > 10 else ''}. "
        "A failed product is tried again when its data changes, or when you materialize it.",
        metadata={"failed": dg.MetadataValue.table(_table(failed), schema=_FAILED_SCHEMA)},
        allow_retries=False,
    )


_FAILED_SCHEMA = dg.TableSchema(
    columns=[dg.TableColumn(name, "string") for name in ("sku", "stage", "why it was computed", "error")]
)


def _table(failed: list[Outcome]) -> list[dg.TableRecord]:
    return [
        dg.TableRecord(
            {
                "sku": outcome.sku,
                "stage": outcome.stage.value,
                "why it was computed": outcome.reason,
                "error": outcome.error or "",
            }
        )
        for outcome in failed[:200]
    ]
