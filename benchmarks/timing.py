"""Timing: how a piece of work is timed where several benchmarks do it alike."""

import time
from collections.abc import Callable
from typing import Final

REPEATS: Final = 5


def best_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Process time of the fastest of some repeats."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)
