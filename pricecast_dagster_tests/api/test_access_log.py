"""The access log: every request one line, in order, none lost, also when the server is told to end in the middle of it."""

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

import pytest

from pricecast_dagster.api import access_log
from pricecast_dagster.api.access_log import MOST_WAITING, AccessLog, Told, line
from pricecast_dagster.orchestration.processes import free_port, is_free
from pricecast_dagster_tests.api.conftest import Api, client_of

CALLS = 300


def told(number: int, path: str = "/ml/predict/A") -> Told:
    return Told(1_780_000_000.5, str(number), "GET", path, "/ml/predict/{sku}", 200, 0.0123, "127.0.0.1")


def test_a_line_is_json_whatever_the_path_and_ends_where_it_ends() -> None:
    for path in ("/a", '/"\\', "/\n\r\x00", "/é🍎\u2028", "/\ud800"):
        text = line(told(1, path))
        assert (text.count("\n"), text[-1]) == (1, "\n")
        found = json.loads(text)
        assert found["path"] == path
        assert (found["time"], found["milliseconds"]) == ("2026-05-28T20:26:40.500+00:00", 12.3)


def test_lines_told_from_many_threads_are_all_written_in_the_order_of_each() -> None:
    written = io.StringIO()
    log = AccessLog(written.write)
    log.start()

    def tell(thread: int) -> None:
        for number in range(CALLS):
            log.tell(told(thread * CALLS + number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    log.close()
    ids = [int(json.loads(text)["request_id"]) for text in written.getvalue().splitlines()]
    assert sorted(ids) == list(range(8 * CALLS))
    for thread in range(8):
        own = [one for one in ids if one // CALLS == thread]
        assert own == sorted(own)


def test_before_it_is_started_and_after_it_is_closed_a_line_is_written_at_once() -> None:
    written = io.StringIO()
    log = AccessLog(written.write)
    log.tell(told(1))
    assert written.getvalue().count("\n") == 1
    log.start()
    log.close()
    log.tell(told(2))
    assert written.getvalue().count("\n") == 2


def test_lines_that_wait_too_long_are_written_by_the_request_and_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "SECONDS", 3600.0)
    written = io.StringIO()
    log = AccessLog(written.write)
    log.start()
    for number in range(MOST_WAITING + 1):
        log.tell(told(number))
    assert written.getvalue().count("\n") == MOST_WAITING + 1
    log.close()


def test_a_log_that_cannot_be_written_does_not_break_an_answer(api: Api) -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    with client_of(api.services, access=AccessLog(broken)) as client:
        assert client.get("/ml/predict/SKU0001").status_code == 200


def test_the_application_writes_its_last_lines_when_it_ends(api: Api) -> None:
    written = io.StringIO()
    with client_of(api.services, access=AccessLog(written.write)) as client:
        for _ in range(5):
            client.get("/ml/predict/SKU0001")
    assert written.getvalue().count("\n") == 5


def test_a_server_that_is_told_to_end_under_load_has_a_line_for_every_answer(tmp_path: Path) -> None:
    """SIGTERM, as every process manager sends it: nothing at the end of the process runs but what the server waits for."""
    port = free_port()
    command = [sys.executable, "-c", "from pricecast_dagster.cli.main import main; main()", "serve", "--port", str(port)]
    environment = {**os.environ, "PRICECAST_HOME": str(tmp_path / "home")}
    answered: list[str] = []
    threads = [Thread(target=ask_until_it_ends, args=(port, answered)) for _ in range(4)]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        try:
            while is_free(port):
                assert server.poll() is None
                Event().wait(0.02)
            for thread in threads:
                thread.start()
            while len(answered) < CALLS:
                threads[0].join(0.01)
                assert server.poll() is None
        finally:
            server.terminate()
            server.wait(30)
    for thread in threads:
        thread.join(30)
    lines = [json.loads(text) for text in (tmp_path / "log").read_text().splitlines()]
    logged = {one["request_id"] for one in lines if one["logger"] == "pricecast.api.access"}
    assert len(answered) >= CALLS
    assert set(answered) <= logged


def ask_until_it_ends(port: int, answered: list[str]) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        while True:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            answered.append(answer.headers["X-Request-ID"])
    except OSError:
        return
    finally:
        connection.close()
