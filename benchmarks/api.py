"""The HTTP API under load: predict at 16 connections beside a bare FastAPI route that returns the same bytes, and the exports.

    python -m benchmarks.api [--seconds 60] [--products 10000] [--kind sqlite]

Every request asks for a product by chance. Server and load generator share the machine; both servers run the same uvicorn in a
process of their own, and the floor's route takes the same path and returns a constant. The two take turns of five seconds, so
that whatever else the machine does meets both. `cold` is the first request for each product, `written to` is predict while
another process commits ten times a second. Processor time is the server's own. Export: growth of the server's peak memory.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import numpy as np

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages.versions import code_versions
from pricecast_dagster.storage import forecasts, products, states
from pricecast_dagster.storage.database import open_database
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.state_records import Inputs, StageState
from pricecast_dagster_tests.databases import KINDS, new_database_url

CONNECTIONS = 16
TURN_SECONDS = 5.0
WRITES_A_SECOND = 10
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PART = 500


@dataclass
class Load:
    """What a load brought; several turns add up.

    Attributes:
        times: seconds of each answer.
        errors: answers that were not 200.
        seconds: how long it lasted.
        processor: seconds of the server's processor time.
    """

    times: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0
    processor: float = 0.0

    def line(self, name: str) -> str:
        """As a row of the table."""
        p50, p99 = np.percentile(np.array(self.times) * 1000, (50, 99))
        count = len(self.times)
        return (
            f"  {name:12} {count / self.seconds:8,.0f} /s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   {self.errors} errors   "
            f"{1e6 * self.processor / count:5.0f} us of processor each"
        )

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds


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


@dataclass(frozen=True)
class Server:
    """A server in a process of its own; Linux only."""

    port: int
    pid: int

    def peak_megabytes(self) -> float:
        """The most memory that it has had."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def processor_seconds(self) -> float:
        """Its processor time until now."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server(url: str, home: str) -> Iterator[Server]:
    """Run a server. The log goes to a file, as in production."""
    from pricecast_dagster.orchestration.processes import free_port, is_free

    port = free_port()
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "benchmarks.api", "--serve", url or "floor", "--home", home, "--port", str(port)]
        child = subprocess.Popen(command, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
        try:
            while is_free(port):
                assert child.poll() is None, "the server has ended"
                time.sleep(0.05)
            yield Server(port, child.pid)
        finally:
            child.terminate()
            child.wait()


class Client(asyncio.Protocol):
    """One connection that asks one question after the other until there are no more."""

    def __init__(self, load: Load, port: int, skus: Iterator[str]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._load, self._port, self._skus = load, port, skus
        self._got, self._needed, self._started = b"", 0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first question."""
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """A part of an answer; with the last one comes the next question."""
        self._got += data
        if not self._needed:
            head, end, _ = self._got.partition(b"\r\n\r\n")
            if not end:
                return
            self._needed = len(head) + 4 + int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self._got) >= self._needed:
            self._load.times.append(time.perf_counter() - self._started)
            self._load.errors += not self._got.startswith(b"HTTP/1.1 200")
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        """The end, which is an error unless there was nothing more to ask."""
        if not self.done.done():
            self._load.errors += 1
            self.done.set_result(None)

    def _ask(self) -> None:
        sku = next(self._skus, None)
        if sku is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._got, self._needed, self._started = b"", 0, time.perf_counter()
        self._transport.write(f"GET /ml/predict/{sku} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode())


def ask(running: "Server", skus: Iterator[str], into: Load) -> None:
    """Ask on so many connections until there is nothing more to ask."""
    import uvloop

    async def all_of_them() -> None:
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: Client(into, running.port, skus), "127.0.0.1", running.port)
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(*(client.done for _, client in made))

    processor, started = running.processor_seconds(), time.perf_counter()
    uvloop.run(all_of_them())
    into.seconds += time.perf_counter() - started
    into.processor += running.processor_seconds() - processor


def by_chance(skus: Sequence[str], seconds: float) -> Iterator[str]:
    """Products by chance, for so long."""
    generator, deadline = random.Random(time.perf_counter_ns()), time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        yield generator.choice(skus)


@contextmanager
def writing(url: str, sku: str) -> Iterator[None]:
    """Another process writes to the store the while; nothing that is asked for changes."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.api", "--write", url, "--home", sku]) as child:
        try:
            yield
        finally:
            child.terminate()


def write(url: str, sku: str) -> None:
    """Commit for ever."""
    database = open_database(url)
    while True:
        with database.write() as connection:
            products.upsert(connection, [(sku, sku, "all")], NOW)
        time.sleep(1 / WRITES_A_SECOND)


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
    """One kind of database: the floor and predict in turns, then the exports."""
    folder = Path(tempfile.mkdtemp(prefix="bench-api-"))
    url = new_database_url(kind, folder)
    skus = fill(url, count)
    body = folder / "body.json"
    loads = {name: Load() for name in ("bare route", "predict", "cold", "written to")}
    with server(url, str(folder)) as ours:
        from urllib.request import urlopen

        body.write_bytes(urlopen(f"http://127.0.0.1:{ours.port}/ml/predict/{skus[0]}").read())
        ask(ours, iter(skus), loads["cold"])
        with server("", str(body)) as floor:
            ask(floor, by_chance(skus, 1), Load())
            for _ in range(max(round(seconds / TURN_SECONDS), 1)):
                ask(floor, by_chance(skus, TURN_SECONDS), loads["bare route"])
                ask(ours, by_chance(skus, TURN_SECONDS), loads["predict"])
        with writing(url, skus[0]):
            ask(ours, by_chance(skus, TURN_SECONDS), loads["written to"])
    print(f"{kind}, {count:,} products, {CONNECTIONS} connections, {loads['predict'].seconds:.0f} s each")
    for name, load in loads.items():
        print(load.line(name))
    print(f"  the floor is {loads['bare route'].rate / loads['predict'].rate:.2f} times as fast as predict", flush=True)
    export(url, folder, skus[0])


def export(url: str, folder: Path, sku: str) -> None:
    """The exports of a server that has answered one request."""
    with server(url, str(folder)) as ours:
        fetch(ours.port, f"/ml/predict/{sku}")
        for path in ("/ml/forecasts.csv", "/ml/forecasts.parquet") * 2:
            before, started = ours.peak_megabytes(), time.perf_counter()
            size = fetch(ours.port, path)
            grown = ours.peak_megabytes() - before
            print(f"  {path:22} {size / 1e6:6.1f} MB in {time.perf_counter() - started:5.1f} s   peak memory +{grown:.1f} MB")


def main() -> None:
    """Both kinds of database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--kind", choices=KINDS, default=None, help="of database; both unless given")
    parser.add_argument("--serve", default=None)
    parser.add_argument("--write", default=None)
    parser.add_argument("--home", default="")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    if options.serve is not None:
        serve("" if options.serve == "floor" else options.serve, options.home, options.port)
        return
    if options.write is not None:
        write(options.write, options.home)
    for kind in [options.kind] if options.kind else KINDS:
        measure(kind, options.products, options.seconds)


if __name__ == "__main__":
    main()
