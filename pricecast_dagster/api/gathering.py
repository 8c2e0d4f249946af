"""Gathering: questions that come at the same time are asked of the database together.

Belongs here: the collecting. Not here: what is asked.

Each answer rests on a look that began after its question came, so nobody is told of yesterday; under load one look serves all
that wait. A look for one product takes 0.5 ms of computing, one for 16 takes 0.7.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

MOST_AT_ONCE: Final = 256
_Answer = TypeVar("_Answer")


class Gatherer(Generic[_Answer]):
    """Asks one question after the other, each for all names that came in meanwhile."""

    def __init__(self, look: Callable[[list[str]], Mapping[str, _Answer]]) -> None:
        self._look = look
        self._waiting: dict[str, list[asyncio.Future[_Answer | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ask(self, name: str) -> _Answer | None:
        """The answer for a name; None where there is none.

        Raises:
            DatabaseUnavailableError: and whatever else the look raises.
        """
        future: asyncio.Future[_Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(future)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            names = list(self._waiting)[:MOST_AT_ONCE]
            asked = {name: self._waiting.pop(name) for name in names}
            try:
                answers = await run_in_threadpool(self._look, names)
            except Exception as error:  # noqa: BLE001 - it is raised again, to each of those who asked
                for futures in asked.values():
                    for future in futures:
                        if not future.done():
                            future.set_exception(error)
                continue
            for name, futures in asked.items():
                for future in futures:
                    if not future.done():
                        future.set_result(answers.get(name))
