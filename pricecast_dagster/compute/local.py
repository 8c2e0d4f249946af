"""Local computing: a batch's inner work on the cores of this machine.

Belongs here: when worker processes are worth their start, and what happens when one of them dies. Not here: the function that
is applied.

joblib's loky and not dask or ray on one machine: 0.2-2 ms an item against 5-25 (benchmarks of the design). Its weakness is that
one killed worker breaks the whole pool and with it every unfinished item; that is cured here.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pricecast_dagster.compute.protocol import Failure, Item, Success, Value, attempt

WORKERS_START_SECONDS = 4.0
"""Worker processes cost 2-5 s until they have imported what a training needs."""

WORKERS_IDLE_SECONDS = 240.0
"""joblib ends its workers after 300 s without work; somewhat earlier they count as gone."""

_NO_MEMMAP = None
"""joblib would hand arrays over a megabyte to a worker as files it cannot write to; in this process they can be written to."""


class LocalCompute:
    """Applies functions in this process, or in worker processes of one thread each.

    Workers are started once the work asked for so far would have paid for their start: a single product never waits for them,
    and a long run of small chunks gets them all the same.
    """

    def __init__(self, jobs: int = 0) -> None:
        """Take up to `jobs` processes; 0 means one a core, 1 means this process alone."""
        import joblib

        self.jobs = jobs or int(joblib.cpu_count())
        self._worked = 0.0
        self._last_use = float("-inf")

    def map(
        self, function: Callable[[Item], Value], items: Sequence[Item], *, seconds_each: float
    ) -> list[Success[Value] | Failure]:
        """See `Compute.map`."""
        compute = _Pool(self.jobs).map if self._workers_pay(len(items), seconds_each) else _here
        results = compute(function, items)
        self._last_use = time.monotonic()
        return results

    def told(self) -> str:
        """See `Compute.told`."""
        return f"This machine, in up to {self.jobs} processes." if self.jobs > 1 else "This machine, in one process."

    def _workers_pay(self, count: int, seconds_each: float) -> bool:
        if time.monotonic() - self._last_use > WORKERS_IDLE_SECONDS:
            self._worked = 0.0
        self._worked += count * seconds_each
        return self.jobs > 1 and count > 1 and self._worked >= WORKERS_START_SECONDS


def _here(function: Callable[[Item], Value], items: Sequence[Item]) -> list[Success[Value] | Failure]:
    from threadpoolctl import threadpool_limits

    # The same one thread as in a worker: sums in another order are other bytes, and too many threads cost ten times.
    with threadpool_limits(1):
        return [attempt(function, item) for item in items]


class _Pool:
    """One batch in worker processes, through the death of some of them."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def map(self, function: Callable[[Item], Value], items: Sequence[Item]) -> list[Success[Value] | Failure]:
        results: dict[int, Success[Value] | Failure] = {}
        # A worker that the system killed for memory often survives when its neighbours are done; so once more together.
        for _ in range(2):
            self._together(function, items, results)
        for index in range(len(items)):
            if index not in results:
                results[index] = self._alone(function, items[index])
        return [results[index] for index in range(len(items))]

    def _together(
        self, function: Callable[[Item], Value], items: Sequence[Item], results: dict[int, Success[Value] | Failure]
    ) -> None:
        """Add the results of what is missing; stops where a worker dies, keeping what has arrived."""
        from joblib import Parallel, delayed
        from joblib.externals.loky.process_executor import BrokenProcessPool

        missing = [index for index in range(len(items)) if index not in results]
        if not missing:
            return
        try:
            with self._workers():
                jobs = min(self._jobs, max(2, len(missing)))
                pool = Parallel(n_jobs=jobs, return_as="generator_unordered", max_nbytes=_NO_MEMMAP)
                for index, result in pool(delayed(_numbered)(index, function, items[index]) for index in missing):
                    results[index] = result
        except BrokenProcessPool:
            return

    def _alone(self, function: Callable[[Item], Value], item: Item) -> Success[Value] | Failure:
        """One item with nobody beside it: if a worker dies now, it is this item's doing."""
        from joblib import Parallel, delayed
        from joblib.externals.loky.process_executor import BrokenProcessPool

        began = time.perf_counter()
        try:
            with self._workers():
                (answer,) = Parallel(n_jobs=2, max_nbytes=_NO_MEMMAP)([delayed(_numbered)(0, function, item)])
        except BrokenProcessPool as death:
            return Failure(
                kind=type(death).__name__,
                message="The process that computed this died, three times, the last time with nothing else running.",
                remedy="Usually it ran out of memory: look at the system's log, give it more, or lower PRICECAST_JOBS.",
                traceback="",
                seconds=time.perf_counter() - began,
            )
        result: Success[Value] | Failure = answer[1]
        return result

    @staticmethod
    def _workers() -> AbstractContextManager[object]:
        from joblib import parallel_config

        workers: AbstractContextManager[object] = parallel_config(backend="loky", inner_max_num_threads=1)
        return workers


def _numbered(index: int, function: Callable[[Item], Value], item: Item) -> tuple[int, Success[Value] | Failure]:
    return index, attempt(function, item)
