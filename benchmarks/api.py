"""The HTTP API under load: predict at 16 connections beside a bare FastAPI route that returns the same bytes, and an export.

    python -m benchmarks.api [--seconds 60] [--products 10000]

Server and load generator share the machine. Both servers run the same uvicorn in a process of their own; the floor's route takes
the same path and returns a constant. Export: growth of the server's peak memory over what it had before.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages.versions import code_versions
from pricecast_dagster.storage import forecasts, products, states
from pricecast_dagster.storage.database import open_database
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.states import Inputs, StageState
from pricecast_dagster_tests.databases import KINDS, new_database_url

CONNECTIONS = 16
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PART = 500


@dataclass(frozen=True)
class Load:
    """What a load brought: answers a second, milliseconds, answers that were not 200."""

    rate: float
    p50: float
    p99: float
    errors: int


def fill(url: str, count: int) -> list[str]:
    """A store of so many products, all up to date, each with a forecast of 14 days."""
    settings = load_settings(database_url=url)
    codes = code_versions(settings, HolidayCalendar(settings.country))
    skus = [f"SKU{number:06d}" for number in range(count)]
    upstream = {
        Stage.RAW_HISTORY: "rows",
        Stage.FEATURE_TABLE: Stage.RAW_HISTORY.value,
        Stage.PRICE_MODEL: Stage.FEATURE_TABLE.value,
        Stage.FORECAST: f"{Stage.RAW_HISTORY}/{Stage.PRICE_MODEL}",
    }
    generator = np.random.default_rng(1)
    database = open_database(url)
    for start in range(0, count, PART):
        part = skus[start : start + PART]
        with database.write() as connection:
            products.upsert(connection, [(sku, sku, "all") for sku in part], NOW)
            rows = [
                StageState(sku, stage, stage.value, Inputs(upstream[stage], codes[stage]), reason="new", updated_at=NOW)
                for sku in part
                for stage in STAGES
            ]
            assert not states.record_success(connection, rows)
            forecasts.store(connection, [_forecast(sku, generator) for sku in part])
    database.close()
    return skus


def _forecast(sku: str, generator: np.random.Generator) -> StoredForecast:
    price = generator.uniform(5, 50, 14)
    series = [tuple((price * factor).tolist()) for factor in (1.0, 0.95, 1.05, 0.9, 1.1)]
    return StoredForecast(
        sku=sku,
        version=f"version-of-{sku}",
        origin=date(2026, 5, 31),
        price=series[0],
        lower_80=series[1],
        upper_80=series[2],
        lower_95=series[3],
        upper_95=series[4],
        model_used="LightGBM_v20260601T000000Z",
        model_version="20260601T000000Z",
        history_version="rows",
        code_version="1",
        made_at=NOW,
        facts={"metrics": {"rmse": 0.5, "mae": 0.4}, "coverage": {"80": 0.8, "95": 0.95}},
    )


def serve(url: str, home: str, port: int) -> None:
    """The product's server, or the floor where there is no store."""
    import uvicorn
    from fastapi import FastAPI, Response

    if url:
        from pricecast_dagster.api.access_log import AccessLog
        from pricecast_dagster.api.application import create_app
        from pricecast_dagster.api.observability import log_as_json
        from pricecast_dagster.api.services import open_services

        services = open_services(load_settings(database_url=url, home=home))
        app = create_app(services, access=AccessLog(log_as_json()))
    else:
        app = FastAPI()
        content = Path(home).read_bytes()

        @app.get("/ml/predict/{sku}")
        async def bare(sku: str) -> Response:
            return Response(content, media_type="application/json")

    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


@contextmanager
def server(url: str, home: str) -> "Iterator[tuple[int, subprocess.Popen[bytes]]]":
    """A server in a process of its own; gives its port. The log goes to a file, as in production."""
    from pricecast_dagster.orchestration.processes import free_port, is_free

    port = free_port()
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "benchmarks.api", "--serve", url or "floor", "--home", home, "--port", str(port)]
        child = subprocess.Popen(command, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
        try:
            while is_free(port):
                assert child.poll() is None, "the server has ended"
                time.sleep(0.05)
            yield port, child
        finally:
            child.terminate()
            child.wait()


async def load(port: int, skus: Sequence[str], seconds: float) -> Load:
    """Ask for random products on so many connections, each one question after the other."""
    times: list[float] = []
    errors = 0
    deadline = time.perf_counter() + seconds

    async def one(number: int) -> None:
        nonlocal errors
        generator = np.random.default_rng(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < deadline:
            sku = skus[int(generator.integers(len(skus)))]
            started = time.perf_counter()
            writer.write(f"GET /ml/predict/{sku} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - started)
            errors += not head.startswith(b"HTTP/1.1 200")
        writer.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    milliseconds = np.array(times) * 1000
    return Load(len(times) / seconds, float(np.percentile(milliseconds, 50)), float(np.percentile(milliseconds, 99)), errors)


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has had; Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def fetch(port: int, path: str) -> int:
    """Bytes of an answer, which is thrown away as it comes."""
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    size = 0
    while chunk := answer.read(1 << 16):
        size += len(chunk)
    connection.close()
    return size


def measure(kind: str, count: int, seconds: float) -> None:
    """One kind of database: the floor, predict, the floor again, the exports."""
    folder = Path(tempfile.mkdtemp(prefix="bench-api-"))
    url = new_database_url(kind, folder)
    skus = fill(url, count)
    with server(url, str(folder)) as (port, child):
        body = folder / "body.json"
        from urllib.request import urlopen

        body.write_bytes(urlopen(f"http://127.0.0.1:{port}/ml/predict/{skus[0]}").read())
        with server("", str(body)) as (floor_port, _):
            asyncio.run(load(floor_port, skus, 2))
            asyncio.run(load(port, skus, 2))
            floors = [asyncio.run(load(floor_port, skus, seconds / 2))]
            ours = asyncio.run(load(port, skus, seconds))
            floors.append(asyncio.run(load(floor_port, skus, seconds / 2)))
        floor = Load(
            rate=float(np.mean([one.rate for one in floors])),
            p50=float(np.mean([one.p50 for one in floors])),
            p99=float(np.mean([one.p99 for one in floors])),
            errors=sum(one.errors for one in floors),
        )
        print(f"{kind}, {count:,} products, {CONNECTIONS} connections, {seconds:.0f} s")
        for name, one in (("bare route", floor), ("predict", ours)):
            print(f"  {name:10} {one.rate:8,.0f} /s   p50 {one.p50:6.2f} ms   p99 {one.p99:6.2f} ms   {one.errors} errors")
        print(f"  the floor is {floor.rate / ours.rate:.2f} times as fast")
    with server(url, str(folder)) as (port, child):
        fetch(port, f"/ml/predict/{skus[0]}")
        # Twice: what the first Parquet takes is pyarrow itself, which stays.
        for path in ("/ml/forecasts.csv", "/ml/forecasts.parquet") * 2:
            before, started = peak_megabytes(child.pid), time.perf_counter()
            size = fetch(port, path)
            grown = peak_megabytes(child.pid) - before
            print(f"  {path:22} {size / 1e6:6.1f} MB in {time.perf_counter() - started:5.1f} s   peak memory +{grown:.1f} MB")


def main() -> None:
    """Both kinds of database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--serve", default=None)
    parser.add_argument("--home", default="")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    if options.serve is not None:
        serve("" if options.serve == "floor" else options.serve, options.home, options.port)
        return
    for kind in KINDS:
        measure(kind, options.products, options.seconds)


if __name__ == "__main__":
    main()
