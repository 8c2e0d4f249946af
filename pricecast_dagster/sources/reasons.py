"""Reasons: why a row of the source was not taken, in words a data engineer can act on.

Belongs here: the list. Not here: deciding (`parsing`, `cleaning`).
"""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a row was not taken. The order is the order of the checks: the first that applies is the one told."""

    MALFORMED_LINE = "malformed line (wrong number of fields)"
    EMPTY_SKU = "empty SKU"
    UNUSABLE_SKU = "unusable SKU (too long, or with control characters)"
    UNKNOWN_SKU = "unknown SKU (not in the product list)"
    UNPARSABLE_DATE = "unparsable date"
    DAY_TOO_LONG_AGO = "day before 1990, a placeholder"
    DAY_IN_THE_FUTURE = "day in the future"
    UNPARSABLE_NUMBER = "unparsable number"
    PRICE_ZERO = "price zero"
    PRICE_NEGATIVE = "price negative"
    RETURNED_GOODS = "returned goods (negative quantity)"
    NOTHING_SOLD = "till line with quantity zero"
    PRICE_ABSURD = "price absurd (far off the SKU's own median)"
    EXACT_DUPLICATE = "exact duplicate (one is kept)"
    CONFLICTING_DUPLICATE = "conflicting duplicate (the last one is kept)"
    SALE_WITHOUT_PRICE = "sale without a price on that day"


TAKEN: Final = 0
"""Stands for "no reason" in arrays of reason codes."""

_REASONS: Final = tuple(Reason)
_CODES: Final = {reason: position + 1 for position, reason in enumerate(_REASONS)}


def code_of(reason: Reason) -> int:
    """The reason as it stands in arrays of codes (int8), 1 or more."""
    return _CODES[reason]


def reason_of(code: int) -> Reason:
    """The reason behind a code."""
    return _REASONS[code - 1]
