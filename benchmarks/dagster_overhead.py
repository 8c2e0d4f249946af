"""What events and states cost a product and stage on PostgreSQL; `python -m benchmarks.dagster_overhead [products]`.

2,000 products x 4 stages of results as a refresh makes them, without making them: each chunk's one transaction (states,
forecasts), its materializations and check results, and the note that Dagster was told, inside a real run of a real op. Beside it,
in the same run, the plain way: the same events logged one by one, as `context.log_event` does.

Wall time: PostgreSQL works in a process of its own. New products also have their check results told, one event each; later ones
only where they change.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from pricecast_dagster.orchestration.checks import CHECKS, check_specs
from pricecast_dagster.orchestration.events import EventWriter
from pricecast_dagster.orchestration.specs import asset_specs
from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages import refresh
from pricecast_dagster.stages.commit import Rows, commit
from pricecast_dagster.stages.context import StageContext, open_context
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.storage import products
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.state_records import Inputs
from pricecast_dagster.storage.states import read_states
from pricecast_dagster_tests.postgres import postgres_server

PRODUCTS = 2000
PLAIN = 200
HORIZON = 14
FACTS: dict[str, Any] = {
    "rows": 365,
    "first_day": "2025-01-01",
    "last_day": "2025-12-31",
    "last_price": 12.34,
    "rejected_rows": 0,
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure new products, the same ones changed, and the plain way."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PRODUCTS
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        new_database = stack.enter_context(postgres_server())
        storage = {"postgres": {"postgres_url": new_database()}}
        overrides = {"storage": storage, "telemetry": {"enabled": False}}
        instance = stack.enter_context(dg.instance_for_test(overrides=overrides, temp_dir=folder))
        context = open_context(load_settings(home=str(Path(folder) / "home"), database_url=new_database()))
        stack.callback(context.database.close)
        skus = [f"SKU-{number:06d}" for number in range(count)]
        with context.database.write() as connection:
            products.upsert(connection, [(sku, sku, "all") for sku in skus], NOW)
        print(f"{'':<26}{'products':>9}{'states':>9}{'events':>9}{'together':>9}   milliseconds a product and stage")
        for what, version in (("new products", "1"), ("the same, changed", "2")):
            _print(what, count, _run(instance, lambda op, v=version: _ours(op, context, skus, v)))
        plain = skus[:PLAIN]
        _print("plain: one event at a time", len(plain), _run(instance, lambda op: _plainly(op, plain)))


def _print(what: str, count: int, seconds: tuple[float, float]) -> None:
    states, events = (1000 * part / count / len(STAGES) for part in seconds)
    print(f"{what:<26}{count:>9,}{states:>9.2f}{events:>9.2f}{states + events:>9.2f}")


def _run(instance: dg.DagsterInstance, work: Any) -> tuple[float, float]:
    took: list[tuple[float, float]] = []

    @dg.multi_asset(specs=asset_specs(), check_specs=check_specs(), can_subset=True)
    def measured(context: dg.AssetExecutionContext) -> Iterator[Any]:
        took.append(work(context))
        yield from ()

    definitions = dg.Definitions(assets=[measured], jobs=[dg.define_asset_job("measured", selection="*")])
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    definitions.resolve_job_def("measured").execute_in_process(instance=instance, run_config=quiet)
    return took[0]


def _ours(op: dg.AssetExecutionContext, context: StageContext, skus: list[str], version: str) -> tuple[float, float]:
    writer, states, events = EventWriter(op), 0.0, 0.0
    for start in range(0, len(skus), context.settings.chunk_size):
        part = skus[start : start + context.settings.chunk_size]
        outcomes = [outcome for sku in part for outcome in _outcomes(sku, version)]
        rows = Rows(forecasts=tuple(_forecast(sku, version) for sku in part))
        began = time.perf_counter()
        with context.database.read() as connection:
            before = read_states(connection, part)
        told = commit(context, outcomes, before, rows, {}, None)
        middle = time.perf_counter()
        writer.write(told)
        end = time.perf_counter()
        refresh.announced(context, told)
        states += middle - began + time.perf_counter() - end
        events += end - middle
        assert all(outcome.status is Status.FRESH for outcome in told)
    return states, events


def _plainly(op: dg.AssetExecutionContext, skus: list[str]) -> tuple[float, float]:
    began = time.perf_counter()
    for stage in STAGES:
        for sku in skus:
            op.log_event(dg.AssetMaterialization(stage.value, partition=sku, metadata=FACTS, tags={"dagster/data_version": "3"}))
    return 0.0, time.perf_counter() - began


def _outcomes(sku: str, version: str) -> list[Outcome]:
    made_from = {
        Stage.RAW_HISTORY: f"h{version}",
        Stage.FEATURE_TABLE: f"h{version}",
        Stage.PRICE_MODEL: f"f{version}",
        Stage.FORECAST: f"h{version}/m{version}",
    }
    holds = {Stage.RAW_HISTORY: "h", Stage.FEATURE_TABLE: "f", Stage.PRICE_MODEL: "m", Stage.FORECAST: "c"}
    return [
        Outcome(
            sku,
            stage,
            Status.FRESH,
            "data changed",
            data_version=f"{holds[stage]}{version}",
            inputs=Inputs(made_from[stage], "1"),
            metadata=FACTS,
            checks=tuple(Check(name, True, "every row holds") for name in CHECKS[stage]),
        )
        for stage in STAGES
    ]


def _forecast(sku: str, version: str) -> StoredForecast:
    values = tuple(10.0 + day / 7 for day in range(HORIZON))
    return StoredForecast(
        sku=sku,
        version=f"c{version}",
        origin=date(2026, 1, int(version)),
        model_used="Ensemble",
        model_version=None,
        history_version=f"h{version}",
        code_version="1",
        made_at=NOW,
        facts={},
        price=values,
        lower_80=values,
        upper_80=values,
        lower_95=values,
        upper_95=values,
    )


if __name__ == "__main__":
    main()
