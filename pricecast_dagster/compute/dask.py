"""Computing on a Dask cluster: a batch's inner work on the workers of a scheduler, wherever they run.

Belongs here: the connection, what the workers must have in common with us, and what happens when one of them dies. Not here: the
function that is applied.

Every item is a task of its own (`Client.submit`): joblib's Dask backend scatters arguments over 1 kB, and a worker that dies
takes them with it (8 of 8 batches were cancelled, 0 of 3 with `submit`; measurements of the design).
"""

from collections.abc import Callable, Sequence
from importlib import metadata
from threading import Lock
from typing import Any, Final

from pricecast_dagster.compute.local import LocalCompute
from pricecast_dagster.compute.protocol import Failure, Item, Success, Value, attempt, failed
from pricecast_dagster.errors import ComputeUnavailableError

CONNECT_SECONDS: Final = 10
"""How long a batch waits for a scheduler."""

_KILLED: Final = "KilledWorker"

WORTH_SENDING_SECONDS: Final = 0.5
"""A task costs 5-25 ms on the way: one refit is done before it would have arrived."""

SAME_ON_BOTH_SIDES: Final = ("pricecast-dagster", "lightgbm", "numpy", "scipy", "scikit-learn", "optuna", "holidays")
"""What decides the bytes of a model. A worker with another version would make results that nobody can make again."""


class DaskCompute:
    """Applies functions on the workers of a Dask scheduler; little work stays in this process, as in `LocalCompute`.

    The connection is made with the first batch and kept; a scheduler that was away is looked for again by the next batch.
    """

    def __init__(self, address: str) -> None:
        """Take the scheduler's address, such as `tcp://scheduler:8786`. Nothing is connected yet."""
        self.address = address
        self._here = LocalCompute(jobs=1)
        self._client: Any = None
        self._lock = Lock()

    def map(
        self, function: Callable[[Item], Value], items: Sequence[Item], *, seconds_each: float
    ) -> list[Success[Value] | Failure]:
        """See `Compute.map`. An item that kills its worker is tried on others, as often as Dask's `allowed-failures` says; of
        several that died so, each is tried once more by itself.

        Raises:
            ComputeUnavailableError: the scheduler does not answer, has no worker, or one of them has other versions.
        """
        if len(items) * seconds_each < WORTH_SENDING_SECONDS:
            return self._here.map(function, items, seconds_each=seconds_each)
        client = self._connected()
        results = self._results(client, function, items)
        killed = [position for position, result in enumerate(results) if isinstance(result, Failure) and result.kind == _KILLED]
        if len(killed) > 1:
            # Dask blames whatever lay on a worker that died. Alone, only the one that kills it dies again.
            for position in killed:
                (results[position],) = self._results(client, function, [items[position]])
        return results

    @property
    def jobs(self) -> int:
        """See `Compute.jobs`; workers have one thread each."""
        return max(1, len(self._connected().scheduler_info(n_workers=-1)["workers"]))

    def told(self) -> str:
        """See `Compute.told`."""
        return f"The Dask cluster at {self.address}, with {self.jobs} workers of the same versions as here."

    def _results(self, client: Any, function: Callable[[Item], Value], items: Sequence[Item]) -> list[Success[Value] | Failure]:
        # Not pure: Dask would hand out an earlier result of the same arguments, also a failure that is to be tried again.
        futures = [client.submit(_alone_on_a_thread, function, item, pure=False) for item in items]
        try:
            return [self._result(future) for future in futures]
        finally:
            client.cancel(futures)

    def _result(self, future: Any) -> Any:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return future.result()
        except KilledWorker:
            return Failure(
                kind=_KILLED,
                message="Every worker that computed this died.",
                remedy="Usually they ran out of memory: look at the workers' logs, and give them more.",
                traceback="",
                seconds=0.0,
            )
        except (CancelledError, CommClosedError, TimeoutError) as error:
            raise ComputeUnavailableError(f"The Dask scheduler at {self.address} went away during a batch: {error}.") from error
        except Exception as error:  # noqa: BLE001 - an item or result that cannot travel fails alone
            return failed(error, 0.0)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None or self._client.status != "running":
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        try:
            from distributed import Client
        except ImportError as error:
            raise ComputeUnavailableError(
                "PRICECAST_COMPUTE names a Dask scheduler, and Dask is not installed.", remedy="Install pricecast-dagster[dask]."
            ) from error
        try:
            client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ComputeUnavailableError(f"No Dask scheduler answers at {self.address}: {error}.") from error
        try:
            refuse_strangers(self.address, client.run(versions))
        except ComputeUnavailableError:
            client.close()
            raise
        return client


def versions(names: tuple[str, ...] = SAME_ON_BOTH_SIDES) -> dict[str, str]:
    """The installed version of each distribution; empty where it is missing."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def refuse_strangers(address: str, workers: dict[str, dict[str, str]]) -> None:
    """Refuse a cluster that cannot give the bytes that this process would give.

    Args:
        address: of the scheduler.
        workers: a worker's address -> what `versions` says there.

    Raises:
        ComputeUnavailableError: there is no worker, or one has other versions; names it and them.
    """
    if not workers:
        raise ComputeUnavailableError(f"The Dask scheduler at {address} has no worker.", remedy="Start `dask worker` there.")
    ours = versions()
    for worker, theirs in workers.items():
        other = [f"{name} {theirs.get(name) or 'missing'}, here {ours[name]}" for name in ours if theirs.get(name) != ours[name]]
        if other:
            raise ComputeUnavailableError(
                f"The Dask worker {worker} computes with other versions: {'; '.join(other)}.",
                remedy="Install the same requirements there: other versions make other models.",
            )


def _alone_on_a_thread(function: Callable[[Item], Value], item: Item) -> Success[Value] | Failure:
    from threadpoolctl import threadpool_limits

    # As in a local worker: more threads are other sums, and slower ones.
    with threadpool_limits(1):
        return attempt(function, item)
