"""Cron: whether a line of five fields is a time that Dagster's scheduler knows.

Belongs here: the form of a line. Not here: when that is; Dagster reads it (`orchestration.schedules`), which settings may not
import, and which would say so only in its own web page.
"""

import re
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
"""Name, least and greatest number, and names of numbers."""

NICKNAMES: Final = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})

_PART: Final = re.compile(r"(?:\*|\?|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")
# The second Sunday (sun#2), the last Friday (l5).
_ONE_WEEKDAY: Final = re.compile(r"(?P<day>\w+)#[1-5]|l(?P<last>[0-7])")


def require_cron(line: str) -> str:
    """The line, if it is one.

    Raises:
        ValueError: it is none; names the field and what it may be.
    """
    if line.strip().lower() in NICKNAMES:
        return line
    fields = line.split()
    if len(fields) != len(FIELDS):
        names = ", ".join(name for name, *_ in FIELDS)
        raise ValueError(f"{line!r} is no cron line: it has {len(fields)} fields and not five ({names}), such as `0 5 * * *`")
    for text, (name, least, greatest, words) in zip(fields, FIELDS, strict=True):
        for part in text.lower().split(","):
            if not _is_part(part, name, least, greatest, words):
                raise ValueError(f"{line!r} is no cron line: {text!r} is no {name}, which goes from {least} to {greatest}")
    if fields[2] in ("30", "31") and fields[3].lower() in ("2", "02", "feb"):
        raise ValueError(f"{line!r} is never: February has no day {fields[2]}")
    return line


def _is_part(part: str, name: str, least: int, greatest: int, words: dict[str, int]) -> bool:
    one = _ONE_WEEKDAY.fullmatch(part)
    if name == "day of the week" and one is not None:
        return one["last"] is not None or _number(one["day"], words) in range(least, greatest + 1)
    if name == "day of the month" and part == "l":
        return True
    found = _PART.fullmatch(part)
    if (
        found is None
        or (part.startswith("?") and not name.startswith("day"))
        or (found["step"] is not None and int(found["step"]) == 0)
    ):
        return False
    numbers = [_number(text, words) for text in (found["first"], found["last"]) if text is not None]
    return all(number in range(least, greatest + 1) for number in numbers)


def _number(text: str, words: dict[str, int]) -> int:
    return int(text) if text.isdecimal() else words.get(text, -1)
