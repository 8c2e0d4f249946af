"""The job `maintenance`: retention over our stores and Dagster's events, as `pricecast maintenance` does it.

Belongs here: the op and its config. Not here: the rules (`operations.maintenance`, `orchestration.retention`).
"""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from pricecast_dagster.operations import maintenance as stores_maintenance
from pricecast_dagster.operations.maintenance import Surplus
from pricecast_dagster.operations.pooling import pool_if_due
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.orchestration.retention import Superseded, examine_events, prune_events
from pricecast_dagster.stages.context import StageContext

MAINTENANCE_JOB = "maintenance"


class MaintenanceConfig(dg.Config):
    """Whether to look or to act."""

    apply: bool = Field(True, description="Give up what is past its retention. False: only count it.")


def event_surplus(context: StageContext, instance: dg.DagsterInstance, *, apply: bool) -> list[Surplus]:
    """Dagster's surplus under the settings, given up or only counted.

    Raises:
        StorageError: this Dagster is another release than the one whose tables were read.
    """
    settings = context.settings
    before = context.clock() - timedelta(days=settings.keep_event_days)
    found: Superseded = (prune_events if apply else examine_events)(instance, settings.keep_events, before)
    age = f"older than {settings.keep_event_days} days (PRICECAST_KEEP_EVENT_DAYS)"
    newest = f"{age}, beyond the {settings.keep_events} newest of an asset and product (PRICECAST_KEEP_EVENTS)"
    return [
        Surplus("materializations in Dagster", newest, found.materializations),
        Surplus("plans in Dagster", f"{age}, that something newer followed", found.plans),
        Surplus("check results in Dagster", f"{age}, that a newer one followed", found.checks),
        Surplus("runs in Dagster", f"{age}, that nothing in force hangs on", found.runs),
    ]


@dg.op(description="Gives up what is past its retention, in pricecast's stores and among Dagster's events.")
def give_up(context: dg.OpExecutionContext, config: MaintenanceConfig, stores: PricecastResource) -> None:
    """One pass; its table is the metadata of the op's output."""
    stage_context = stores.open(context.run_id)
    made = pool_if_due(stage_context) if config.apply else None
    if made is not None:
        context.log.info(f"pooled model {made.model.version}: {'made' if made.changed else 'stands as it is'}")
    carry_out = stores_maintenance.clear if config.apply else stores_maintenance.examine
    found = carry_out(stage_context) + event_surplus(stage_context, context.instance, apply=config.apply)
    for surplus in found:
        context.log.info(f"{surplus.count} {surplus.what} {surplus.rule}")
    table = [dg.TableRecord({"what": one.what, "which": one.rule, "count": one.count}) for one in found]
    schema = dg.TableSchema([dg.TableColumn("what"), dg.TableColumn("which"), dg.TableColumn("count", "int")])
    context.add_output_metadata({"given up" if config.apply else "past its retention": dg.MetadataValue.table(table, schema)})


@dg.job(
    name=MAINTENANCE_JOB,
    description="Gives up what is past its retention: old model versions, forecasts, rows, reads, Dagster events. "
    "With `apply: false` it only counts. Nothing that anything refers to goes.",
)
def maintenance_job() -> None:
    """One op."""
    give_up()
