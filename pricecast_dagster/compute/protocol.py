"""Compute: what every place where a batch's inner work can run offers, and the shape of what comes back.

Belongs here: the protocol, and what one item gives. Not here: running anything (`compute.local`, `compute.dask`).
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from pricecast_dagster.errors import PricecastError

Item = TypeVar("Item")
Value = TypeVar("Value")
Given = TypeVar("Given", covariant=True)

TRACEBACK_CHARACTERS = 2000
"""The end of a traceback is kept: it names the line that raised."""


@dataclass(frozen=True, slots=True)
class Success(Generic[Given]):
    """What the function gave for one item, and how long that took."""

    value: Given
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with one item; the others are not touched by it.

    Attributes:
        kind: name of the error's class.
        message: what went wrong and where, without the remedy.
        remedy: what to do next; empty where nobody knows.
        traceback: its last characters; empty where the worker process died.
    """

    kind: str
    message: str
    remedy: str
    traceback: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


Result: TypeAlias = Success[Value] | Failure


class Compute(Protocol):
    """A place where the inner work of a batch runs."""

    def map(
        self, function: Callable[[Item], Value], items: Sequence[Item], *, seconds_each: float
    ) -> list[Success[Value] | Failure]:
        """Apply a function to every item.

        Args:
            function: importable by name, without side effects: after the death of a worker an item may be computed twice.
            items: picklable.
            seconds_each: about how long one item takes on one core; decides whether workers are worth their start.

        Returns:
            One result an item, in the order of the items. An item that raises, or that kills its worker, is a `Failure`.
        """
        ...

    @property
    def jobs(self) -> int:
        """How many items are computed at the same time.

        Raises:
            ComputeUnavailableError: a cluster that cannot be used.
        """
        ...

    def told(self) -> str:
        """Where it is and how many processes compute there, as a sentence.

        Raises:
            ComputeUnavailableError: a cluster that cannot be used.
        """
        ...


def attempt(function: Callable[[Item], Value], item: Item) -> Success[Value] | Failure:
    """Apply the function to one item; the one edge where any error of an item becomes its failure."""
    began = time.perf_counter()
    try:
        value = function(item)
    except Exception as error:  # noqa: BLE001 - a batch must survive whatever one product does to it
        return failed(error, time.perf_counter() - began)
    return Success(value, time.perf_counter() - began)


def failed(error: BaseException, seconds: float) -> Failure:
    """The failure that an error stands for."""
    lines = "".join(traceback.format_exception(error))
    return Failure(
        kind=type(error).__name__,
        message=Exception.__str__(error) or type(error).__name__,
        remedy=error.remedy if isinstance(error, PricecastError) else "",
        traceback=lines[-TRACEBACK_CHARACTERS:],
        seconds=seconds,
    )
