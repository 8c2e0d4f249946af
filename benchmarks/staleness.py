"""How long it takes to find out what is out of date among 50,000 products; `python -m benchmarks.staleness [products]`.

The rule in SQL against two others over the same rows: the bare join of a product and its four states, asking nothing (the floor),
and the same rule in Python over states that were read. On SQLite, and on PostgreSQL where its binaries are installed. PostgreSQL
works in a process of its own, so wall time is shown there; on SQLite processor time.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, FromClause, func, literal, select

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.storage import products, states
from pricecast_dagster.storage.database import Database, open_database
from pricecast_dagster.storage.state_records import Inputs, StageState
from pricecast_dagster.storage.tables import product, stage_state
from pricecast_dagster_tests.databases import new_database_url
from pricecast_dagster_tests.oracles.staleness import first_out_of_date
from pricecast_dagster_tests.postgres import PostgresMissingError, binaries

PRODUCTS = 50_000
REPEATS = 5
CODES = dict.fromkeys(STAGES, "1")


def main() -> None:
    """Fill a database of each kind and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PRODUCTS
    print(f"{count:,} products, {len(STAGES)} stages each, median of {REPEATS}, milliseconds")
    print(f"{'database':<12}{'changed':>9}{'SQL rule':>10}{'floor':>8}{'ratio':>7}{'in Python':>11}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for kind in ("sqlite", "postgresql"):
            try:
                if kind == "postgresql":
                    binaries()
            except PostgresMissingError as error:
                print(f"{kind:<12}{error}")
                continue
            database = open_database(new_database_url(kind, folder))
            stack.callback(database.close)
            skus = _fill(database, count)
            for changed in (0, count // 100, count):
                _change(database, skus[:changed])
                _measure(database, changed)


def _fill(database: Database, count: int) -> list[str]:
    now = datetime.now(UTC)
    skus = [f"SKU-{number:06d}" for number in range(count)]
    metadata = {"rows": 365, "first_day": "2024-01-01", "checks": {"history_schema": True}, "last_price": 12.34}
    with database.write() as connection:
        products.upsert(connection, [(sku, f"Product {sku}", "all") for sku in skus], now)
    for start in range(0, count, 5000):
        rows = [
            StageState(sku, stage, version, Inputs(upstream, "1"), reason="new", updated_at=now, ingest_id=1, metadata=metadata)
            for sku in skus[start : start + 5000]
            for stage, version, upstream in zip(STAGES, "hfmc", ("h", "h", "f", "h/m"), strict=True)
        ]
        with database.write() as connection:
            states.record_success(connection, rows)
    if database.kind == "postgresql":
        with database.write() as connection:
            connection.exec_driver_sql("ANALYZE")
    return skus


def _change(database: Database, skus: list[str]) -> None:
    now = datetime.now(UTC)
    rows = [StageState(sku, Stage.RAW_HISTORY, "h2", Inputs("h2", "1"), updated_at=now, ingest_id=2) for sku in skus]
    with database.write() as connection:
        states.record_success(connection, rows)


def _measure(database: Database, changed: int) -> None:
    clock = time.process_time if database.kind == "sqlite" else time.perf_counter
    rule = _median(database, clock, lambda connection: states.out_of_date(connection, CODES, None))
    floor = _median(database, clock, _bare_join)
    in_python = _median(database, clock, _in_python, repeats=1)
    print(f"{database.kind:<12}{changed:>9,}{rule:>10.0f}{floor:>8.0f}{rule / floor:>7.2f}{in_python:>11.0f}")


def _bare_join(connection: Connection) -> object:
    versions: ColumnElement[str] = literal("")
    joins: FromClause = product
    for stage in STAGES:
        state = stage_state.alias(stage.value)
        joins = joins.outerjoin(state, (state.c.sku == product.c.sku) & (state.c.stage == stage.value))
        versions = versions + func.coalesce(state.c.data_version, "")
    return connection.scalar(select(func.count()).select_from(joins).where(versions == "no such versions"))


def _in_python(connection: Connection) -> object:
    read = states.read_states(connection)
    skus = sorted({sku for sku, _ in read})
    return [first_out_of_date(sku, read, CODES, request=None, hold=None) for sku in skus]


def _median(
    database: Database, clock: Callable[[], float], work: Callable[[Connection], object], repeats: int = REPEATS
) -> float:
    took = []
    for _ in range(repeats):
        with database.read() as connection:
            began = clock()
            work(connection)
            took.append(1000 * (clock() - began))
    return statistics.median(took)


if __name__ == "__main__":
    main()
