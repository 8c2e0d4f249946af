"""Launching: a training asked for over HTTP becomes a Dagster run, once.

Belongs here: asking, finding what is under way, and reading off how it ended. Not here: GraphQL (`orchestration.client`), the
addresses (`routes.training`).

A training is a retrain request in the database (one open a product) and a run of the job `refresh` for that product, which
trains what is out of date: the request makes it so, and its answer ends it. So however often a launch is repeated, or a sensor
is quicker, one version comes of it. The run carries the request's number as a tag, by which a launch that answered 500 is found
again: Dagster may have made the run all the same. A young open request without a run is another API server's, which is about to
launch: its run is waited for.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Final

from pricecast_dagster.errors import LaunchError, PricecastError
from pricecast_dagster.orchestration.client import SKU_TAG, UNFINISHED, DagsterClient, Run
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.versions import NO_MODEL
from pricecast_dagster.storage import products, registry, requests, states
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.requests import RequestStatus, RetrainRequest
from pricecast_dagster.storage.state_records import StageState

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST_TAG: Final = "pricecast/request"
HTTP_TAG: Final = "pricecast/http_request"
REASON: Final = "by hand"
BY_API: Final = {"by": "api"}

# Before the runs of batches: a person is waiting.
PRIORITY: Final = {"dagster/priority": "10"}
MOST_LAUNCHES: Final = 8
"""Launches at the same time; each waits 0.2-2 s for Dagster."""

MOST_UNDER_WAY: Final = 100
"""Unfinished trainings that were asked for over HTTP; a portfolio is brought up to date by `refresh`, in one run."""

LAUNCH_SECONDS: Final = 30.0
"""A launch takes 0.2-2 s. An older request without a run was left by a server that died over it."""

LOOK_SECONDS: Final = 0.5


class BusyError(PricecastError):
    """More is asked for at once than is good."""

    http_status = 429
    default_remedy = "Try again later; many products at once are trained by `pricecast train` or the job `refresh`."


@dataclass(frozen=True, slots=True)
class Ending:
    """How a training ended.

    Attributes:
        model: the champion now; None where there is none.
        message: in words.
    """

    success: bool
    model: ModelVersion | None
    message: str


class Launcher:
    """Asks Dagster to train products; safe to use from several threads."""

    def __init__(self, context: StageContext, dagster: DagsterClient, count: Callable[[str], None]) -> None:
        self._context = context
        self._dagster = dagster
        self._count = count
        self._slots = BoundedSemaphore(MOST_LAUNCHES)
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._waiting: defaultdict[str, int] = defaultdict(int)
        self._lock = Lock()

    def train(self, sku: str, *, optimize: bool, trials: int, http_request: str) -> Run:
        """The run that trains a product: the one under way, or a new one.

        Raises:
            UnknownSkuError: there is no such product in the source.
            LaunchError: Dagster cannot be reached, or refuses; nothing is left behind.
            BusyError: too much is asked for at once.
        """
        with self._context.database.read() as connection:
            if not products.known_skus(connection, [sku]):
                raise products.absent(connection, sku)
        with self._alone(sku):
            while True:
                under_way = self._dagster.runs(tags={SKU_TAG: sku}, statuses=UNFINISHED, limit=1)
                if under_way:
                    self._count("in_flight")
                    return under_way[0]
                run = self._start(sku, optimize=optimize, trials=trials, http_request=http_request)
                if run is not None:
                    return run
                time.sleep(LOOK_SECONDS)

    def wait(self, run: Run, seconds: float) -> Run:
        """The run when it has ended, or as it is after so many seconds."""
        deadline = time.monotonic() + seconds
        while not run.finished and time.monotonic() < deadline:
            time.sleep(min(LOOK_SECONDS, max(deadline - time.monotonic(), 0.0)))
            run = self._dagster.run(run.run_id)
        return run

    def _start(self, sku: str, *, optimize: bool, trials: int, http_request: str) -> Run | None:
        """A new run; None where another server is launching one for this product."""
        if not self._slots.acquire(blocking=False):
            self._count("refused")
            raise BusyError(f"{MOST_LAUNCHES} trainings are being started at this moment.")
        try:
            if len(self._dagster.runs(tags=PRIORITY, statuses=UNFINISHED, limit=MOST_UNDER_WAY)) >= MOST_UNDER_WAY:
                self._count("refused")
                raise BusyError(f"{MOST_UNDER_WAY} trainings that were asked for over HTTP are under way.")
            request = self._ask(sku, optimize, trials, self._over(sku))
            if request is None:
                return None
            try:
                run = self._launched(sku, request, http_request)
            except LaunchError:
                # Otherwise a sensor would train later what was answered with "not possible".
                with self._context.database.write() as connection:
                    requests.cancel(connection, request.id)
                raise
        except LaunchError:
            self._count("failed")
            raise
        finally:
            self._slots.release()
        self._count("started")
        return run

    def _over(self, sku: str) -> set[int]:
        """Open requests whose run has ended: it failed or was killed."""
        with self._context.database.read() as connection:
            left = requests.listed(connection, sku=sku, status=RequestStatus.OPEN)
        runs = {request.id: self._dagster.runs(tags={REQUEST_TAG: str(request.id)}, limit=1) for request in left}
        return {number for number, made in runs.items() if made and made[0].finished}

    def _ask(self, sku: str, optimize: bool, trials: int, over: set[int]) -> RetrainRequest | None:
        """A new request; one that was left open is closed: it would not be tried again. None while it may be another server's."""
        with self._context.database.write() as connection:
            states.lock(connection, [sku])
            now = self._context.clock()
            for left in requests.listed(connection, sku=sku, status=RequestStatus.OPEN):
                if left.reason != REASON:
                    continue
                young = (now - left.created_at).total_seconds() < LAUNCH_SECONDS
                if young and left.evidence == BY_API and left.id not in over:
                    return None
                requests.cancel(connection, left.id)
            return requests.create(connection, sku, REASON, now, evidence=BY_API, optimize=optimize, trials=trials)

    def _launched(self, sku: str, request: RetrainRequest, http_request: str) -> Run:
        mark = {REQUEST_TAG: str(request.id)}
        tags = {**mark, **PRIORITY, SKU_TAG: sku, HTTP_TAG: http_request}
        config = {"only_stale": True, "source": "never", "optimize": "auto"}
        try:
            return self._dagster.launch_refresh([sku], tags=tags, **config)
        except LaunchError:
            # After a restart of PostgreSQL the first launch answers 500 although it made the run.
            made = self._dagster.runs(tags=mark, limit=1)
            return made[0] if made else self._dagster.launch_refresh([sku], tags=tags, **config)

    @contextmanager
    def _alone(self, sku: str) -> "Iterator[None]":
        """One at a time for a product; the locks of those nobody waits for are forgotten."""
        with self._lock:
            lock = self._locks[sku]
            self._waiting[sku] += 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._waiting[sku] -= 1
                if not self._waiting[sku]:
                    del self._waiting[sku], self._locks[sku]


def ending(context: StageContext, sku: str, run: Run) -> Ending:
    """How a run that has ended left a product: what it trained, or why it did not."""
    with context.database.read() as connection:
        champion = registry.champions(connection, [sku]).get(sku)
        product = products.get(connection, sku)
        state = states.read_states(connection, [sku], [Stage.PRICE_MODEL]).get((sku, Stage.PRICE_MODEL))
    if run.status == "CANCELED":
        return Ending(False, champion, "The run was canceled.")
    if state is not None and state.error is not None:
        return Ending(False, champion, state.error)
    if product.model_hold is not None:
        return Ending(
            False, None, f"The model was deleted meanwhile ({product.model_hold}); nothing retrains it until it is asked for."
        )
    if run.status != "SUCCESS":
        return Ending(False, champion, "The run failed before it came to this product; its log in Dagster says of what.")
    if champion is None or state is None or state.data_version == NO_MODEL:
        return Ending(False, champion, _decision(state) or "A simple method answers.")
    return Ending(True, champion, champion.decision)


def _decision(state: StageState | None) -> str:
    return str(state.metadata.get("decision", "")) if state else ""
