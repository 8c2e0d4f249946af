"""Dates: texts as days and seconds of the day, and whether a file writes the day or the month first.

Belongs here: date formats. Not here: which days are plausible (`parsing`).

Understood: 2026-03-04, 2026/3/4, 20260304, 04/03/2026, 4.3.26, 04-Mar-2026, each with or without a time of day. A zone
is read over: the day is the one that is written. Works on Arrow arrays of distinct texts.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_TIME: Final = (
    r"(?:(?:\s*T\s*|\s+)(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp])?\.?(?:[Mm]\.?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_YEAR_FIRST: Final = rf"^(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_TIME}$"
_COMPACT: Final = rf"^(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}}){_TIME}$"
_YEAR_LAST: Final = rf"^(?P<first>\d{{1,2}})[-/. ](?P<other>\d{{1,2}})[-/. ](?P<year>\d{{4}}|\d{{2}}){_TIME}$"
_NAMED: Final = re.compile(r"^(\d{1,2})[-/. ]?([a-z]{3})[a-zç]*\.?[-/. ]?(\d{4}|\d{2})(?!\d)(.*)$", re.IGNORECASE)
_MONTHS: Final[dict[str, int]] = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
    "fev": 2, "abr": 4, "mai": 5, "ago": 8, "set": 9, "out": 10, "dez": 12,
}  # fmt: skip

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Texts understood as dates.

    Attributes:
        days: (n,) datetime64[D], NaT where a text is no date.
        seconds: (n,) of the day, 0 where no time is given.
    """

    days: NDArray[np.datetime64]
    seconds: Whole

    def where_missing(self, other: "Moments") -> "Moments":
        """These, and the other's where these are missing."""
        missing = np.isnat(self.days)
        return Moments(np.where(missing, other.days, self.days), np.where(missing, other.seconds, self.seconds))


def parse_dates(texts: "pa.Array", *, day_first: bool) -> Moments:
    """Texts as dates.

    Args:
        texts: any texts.
        day_first: whether 03/04/2026 is the third of April. 25/04/2026 is no date where it is not: a wrong day is worse
            than a missing one.
    """
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(texts)
    moments = _matched(trimmed, _YEAR_FIRST)
    for pattern in (_YEAR_LAST, _COMPACT):
        if np.isnat(moments.days).any():
            moments = moments.where_missing(_matched(trimmed, pattern, day_first=day_first))
    unknown = np.flatnonzero(np.isnat(moments.days))
    return moments.where_missing(_with_month_names(trimmed, unknown)) if len(unknown) else moments


def order_votes(texts: "pa.Array", counts: Whole) -> int:
    """How many more rows can only be read with the day first than only with the month first.

    Args:
        texts: distinct texts.
        counts: (n,) in how many rows each stands.
    """
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(texts)
    day_first = ~np.isnat(_matched(trimmed, _YEAR_LAST, day_first=True).days)
    month_first = ~np.isnat(_matched(trimmed, _YEAR_LAST, day_first=False).days)
    return int(counts[day_first & ~month_first].sum() - counts[month_first & ~day_first].sum())


def _matched(texts: "pa.Array", pattern: str, *, day_first: bool = True) -> Moments:
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, pattern)
    matched = found.is_valid().to_numpy(zero_copy_only=False)

    def part(name: str) -> Whole:
        return _whole_numbers(pc.struct_field(found, name))

    month_name, day_name = ("month", "day") if "<month>" in pattern else ("other", "first") if day_first else ("first", "other")
    short = pc.equal(pc.utf8_length(pc.fill_null(pc.struct_field(found, "year"), "")), 2).to_numpy(zero_copy_only=False)
    year = part("year") + 2000 * short
    hour = part("hour")
    half = pc.utf8_lower(pc.fill_null(pc.struct_field(found, "half"), "")).to_numpy(zero_copy_only=False)
    hour = np.where(half == "p", hour % 12 + 12, np.where(half == "a", hour % 12, hour))
    days, valid = _days(year, part(month_name), part(day_name))
    minute, second = part("minute"), part("second")
    valid &= matched & (hour < 24) & (minute < 60) & (second < 61)
    days[~valid] = np.datetime64("NaT")
    return Moments(days, np.where(valid, hour * 3600 + minute * 60 + second, 0))


def _days(year: Whole, month: Whole, day: Whole) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Days of the calendar, and whether they exist: the 31st of April does not."""
    month_index = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    months = month_index.astype("datetime64[M]")
    days = (months.astype("datetime64[D]").astype(np.int64) + day - 1).astype("datetime64[D]")
    valid = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == months) & (year >= 1)
    return days, valid


def _whole_numbers(digits: "pa.Array") -> Whole:
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = pc.if_else(pc.equal(pc.fill_null(digits, ""), ""), "0", digits)
    return np.array(pc.cast(filled, pa.int64()).to_numpy(zero_copy_only=False))


def _with_month_names(texts: "pa.Array", positions: Whole) -> Moments:
    """Dates with an English or Portuguese month name, by rewriting them with its number; one by one, since they are rare."""
    import pyarrow as pa

    rewritten: list[str] = [""] * len(texts)
    for position in positions:
        match = _NAMED.match(texts[int(position)].as_py() or "")
        month = _MONTHS.get(match[2].lower()) if match else None
        if match and month:
            rewritten[position] = f"{match[1]}/{month}/{match[3]}{match[4]}"
    return _matched(pa.array(rewritten, pa.string()), _YEAR_LAST, day_first=True)
