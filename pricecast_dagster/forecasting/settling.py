"""Settling: from a sum of moves to a price: whether the last one is left at all, and exact prices where prices are exact.

Belongs here: when a forecast stays, goes all the way back, or lies in between, by caution. Not here: where the moves come from
(`ensemble`), how likely a price stands on (`chances`), and which caution a SKU needs (`hindsight`).

On a shelf a price is one of a few. Half of a move that is as likely as not has less squared error than none and is never
exact, so the two pull apart. What tells when to stay is not how long the move is but how likely the price still stands: of days
that earlier versions left, the last price was still right on 0 to 16 % where that chance was under a tenth, and on 41 to 86 %
where it was over eight (docs/accuracy.md).
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Caution:
    """What it takes for a forecast to leave the last price.

    Attributes:
        least_move: moves up to this share of the last price are none.
        while_standing: nor are moves up to this share of it times the root of the chance that the price still stands.
        stands: where that chance is greater, the price is the last one.
        stays: moves towards the price before that make up to this share of the way are none.
        arrives: moves that end within this share of the way from the price before end at it.
        further: moves are longer by this share of the chance that the price no longer stands, up to the price before. They are
            estimated on all days, also on those that are forecast to stay.
    """

    least_move: float
    while_standing: float
    stands: float
    stays: float
    arrives: float
    further: float


NOISE: Final = "noise"
STILL: Final = "still"
WARY: Final = "wary"
CAREFUL: Final = "careful"
READY: Final = "ready"
BOLD: Final = "bold"

CAUTIONS: Final = {
    NOISE: Caution(0.02, 0.0, 1.0, 0.0, 0.0, 0.0),
    STILL: Caution(0.0, 0.0, -1.0, 0.0, 0.0, 0.0),
    WARY: Caution(0.02, 0.25, 0.3, 0.3, 0.3, 0.3),
    CAREFUL: Caution(0.02, 0.2, 0.4, 0.3, 0.3, 0.3),
    READY: Caution(0.05, 0.15, 0.6, 0.3, 0.3, 0.3),
    BOLD: Caution(0.05, 0.1, 0.8, 0.3, 0.3, 0.3),
}
"""The first for noise, the others for sticky prices, the most careful first."""

STICKY_CAUTIONS: Final = tuple(name for name in CAUTIONS if name != NOISE)


def settled(
    last: NDArray[np.float64],
    before: NDArray[np.float64],
    moves: NDArray[np.float64],
    stays: NDArray[np.float64],
    cautions: Sequence[str],
) -> NDArray[np.float64]:
    """Prices after moves from the last ones.

    Args:
        last: (n,) last prices.
        before: (n,) prices before the last change; the last price where there was none.
        moves: (n, h).
        stays: (n, h) chance that the last price still stands.
        cautions: (n,) names of CAUTIONS.

    Returns:
        (n, h), exactly the last price or the one before it where the move is as good as none, or as good as all the way back.
    """
    least_move, while_standing, stands, near, arrives, _ = _columns(cautions)
    price, way = last[:, None], (before - last)[:, None]
    towards = moves * lengthened(stays, cautions)
    given = _share(moves, way)
    towards = np.where((given > 0) & (given < 1) & (_share(towards, way) > 1), way, towards)
    share = _share(towards, way)
    back = (way != 0) & (np.minimum(np.abs(given - 1.0), np.abs(share - 1.0)) < arrives)
    small = np.abs(towards) <= np.maximum(least_move, while_standing * np.sqrt(stays)) * price
    idle = small | ((share > 0) & (share < near)) | (stays > stands)
    return np.select([idle, back], [price, before[:, None]], price + towards)


def lengthened(stays: NDArray[np.float64], cautions: Sequence[str]) -> NDArray[np.float64]:
    """(n, h) how many times as long moves are made, by the chance (n, h) that the price still stands and by caution (n,)."""
    return np.asarray(1.0 + _columns(cautions)[-1] * (1.0 - stays))


def _columns(cautions: Sequence[str]) -> NDArray[np.float64]:
    """(attributes, n, 1) of CAUTIONS."""
    table = {name: astuple(CAUTIONS[name]) for name in set(cautions)}
    return np.array([table[name] for name in cautions]).reshape(-1, len(fields(Caution))).T[:, :, None]


def _share(moves: NDArray[np.float64], way: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(moves, way, out=np.zeros_like(moves), where=way != 0)
