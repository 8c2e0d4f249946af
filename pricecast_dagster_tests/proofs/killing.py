"""Killing a run at a chosen point: an exception that nothing in pricecast catches, raised where a kill would hurt.

Belongs here: the points. Not here: what should be left behind (`machine`). A transaction that is cut off is rolled back by the
exception as it is by the death of the process; processes that really die are in the e2e tests.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pricecast_dagster.orchestration.events import EventWriter
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import chunk, commit, refresh
from pricecast_dagster.stages.outcome import Outcome

POINTS = ("before the commit", "inside the commit", "before telling", "half told", "told, not noted", "at the end")


class KilledError(BaseException):
    """The process is gone."""


@contextmanager
def killed(point: str, at_chunk: int, *, tells_before: int) -> Iterator[list[bool]]:
    """Runs of the block die at that point of that chunk, counted from 0; gives a list that is not empty once one has.

    Args:
        tells_before: how often the run tells Dagster of something before it tells of the first chunk.
    """
    happened: list[bool] = []

    def die(*_: object, **__: object) -> None:
        happened.append(True)
        raise KilledError

    def at(call: int, function: Callable[..., Any], instead: Callable[..., Any] = die) -> Callable[..., Any]:
        calls = iter(range(1_000_000))
        return lambda *args, **named: (instead if next(calls) == call else function)(*args, **named)

    def half(writer: EventWriter, outcomes: Sequence[Outcome], *_: object) -> None:
        write(writer, [outcome for outcome in outcomes if outcome.stage is Stage.RAW_HISTORY])
        die()

    write = EventWriter.write
    patches = {
        "before the commit": lambda: patch.object(chunk.commit, "commit", at(at_chunk, commit.commit)),
        "inside the commit": lambda: patch.object(commit.requests, "answer", at(at_chunk, commit.requests.answer)),
        "before telling": lambda: patch.object(EventWriter, "write", at(at_chunk + tells_before, write)),
        "half told": lambda: patch.object(EventWriter, "write", at(at_chunk + tells_before, write, half)),
        "told, not noted": lambda: patch.object(refresh, "announced", at(at_chunk + tells_before, refresh.announced)),
        "at the end": lambda: patch.object(refresh.ingest, "finish", die),
    }
    with patches[point]():
        yield happened
