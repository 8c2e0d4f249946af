"""Absurd prices: how far a price may be off its SKU's own median before it is taken for a slip of the keyboard.

Belongs here: the rule. Not here: what becomes of the line (`cleaning`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FEWEST_PRICES: Final = 5
"""Of fewer prices none can be called the odd one out."""

LARGEST_SHARE: Final = 0.2
"""Slips are rare. Where more of a SKU's prices are that far off, it has two levels (a piece, then a box), and both stay."""


def absurd_prices(sku: NDArray[np.int64], price: NDArray[np.float64], factor: float) -> NDArray[np.bool_]:
    """Which prices are absurd: more than `factor` times above or below the median of the SKU, and few.

    Distances are of logarithms, so that a hundred times too much and a hundredth count the same. The default factor of 20
    catches the forgotten decimal mark (x 100) and leaves alone what real prices do: in two public histories of 336 products
    and 72,167 prices one is off by more than 20 (0.08 among prices about 2), four by more than 10.

    Args:
        sku: (n,) code of each price's SKU, 0 or more, in any order.
        price: (n,) greater than zero.
        factor: greater than 1.

    Returns:
        (n,) mask; it does not depend on the order of rows, nor on other SKUs.
    """
    if not len(sku):
        return np.zeros(0, dtype=np.bool_)
    logs = np.log(price)
    order = np.lexsort((logs, sku))
    ordered = sku[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.concatenate([starts, [len(ordered)]]))
    middle = logs[order][starts + (counts - 1) // 2] + logs[order][starts + counts // 2]
    medians = np.repeat(middle / 2, counts)
    far = np.abs(logs[order] - medians) > np.log(factor)
    share = np.add.reduceat(far, starts, dtype=np.int64) / counts
    judged = np.repeat((counts >= FEWEST_PRICES) & (share <= LARGEST_SHARE), counts)
    mask = np.zeros(len(sku), dtype=np.bool_)
    mask[order] = far & judged
    return mask
