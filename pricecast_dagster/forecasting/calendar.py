"""The calendar: what is known of any day, past or future, and the days on which people shop differently.

Belongs here: holidays, commemorative dates and the 11 calendar features. Not here: anything that depends on a SKU.

The days come from the `holidays` package (public holidays of the country) and, for retail, from our table of
commemorative dates, which no law lists and which move prices most (Black Friday, Mother's Day).
"""

import warnings
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.metadata import version as package_version
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import SettingsError
from pricecast_dagster.schemas import CALENDAR_FEATURES

COMMEMORATIVE_VERSION: Final = "1"
"""Raise it when a rule below changes: every feature and forecast that hangs on the calendar is then computed again."""

FARTHEST_DAYS: Final = 366
"""Distances to holidays end here, so that one year on either side of a day decides them, whatever span is asked for."""

_FRIDAY: Final = 4
_SUNDAY: Final = 6


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """The special days of a country.

    Attributes:
        country: ISO 3166 code of two letters, any that the `holidays` package knows.

    Raises:
        SettingsError: the package does not know the country.
    """

    country: str

    def __post_init__(self) -> None:
        import holidays

        known = holidays.list_supported_countries(include_aliases=False)
        if self.country not in known:
            raise SettingsError(
                f"There is no holiday calendar of country {self.country!r}.",
                remedy=f"Set PRICECAST_COUNTRY to one of {', '.join(sorted(known))}.",
            )

    @property
    def version(self) -> str:
        """Names the content: package version, country, version of our commemorative table."""
        return f"holidays-{_holidays_version()}/{self.country}/commemorative-{COMMEMORATIVE_VERSION}"

    def holidays(self, first_year: int, last_year: int) -> NDArray[np.datetime64]:
        """The special days of some years, sorted, each once, datetime64[D]."""
        days = [day for year in range(first_year, last_year + 1) for day in _special_days(self.country, year)]
        return np.array(sorted(days), dtype="datetime64[D]")


def calendar_features(days: NDArray[np.datetime64], calendar: HolidayCalendar) -> NDArray[np.float64]:
    """The calendar features of some days, in any order.

    Args:
        days: (n_days,) datetime64[D].
        calendar: says which days are special.

    Returns:
        (n_days, 11) in the order of schemas.CALENDAR_FEATURES. Days of the week count from Monday 0, weeks are ISO
        weeks. `days_to_holiday` and `days_from_holiday` are 0 on a holiday and at most `FARTHEST_DAYS`. A day's row
        does not depend on the other days asked for.
    """
    days = days.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    thursday = days - weekday + 3
    to_holiday, from_holiday = _holiday_distances(days, calendar)
    columns = {
        "day_of_week": weekday,
        "day_of_month": (days - months).astype(np.int64) + 1,
        # An ISO week belongs to the year of its Thursday.
        "week_of_year": (thursday - thursday.astype("datetime64[Y]")).astype(np.int64) // 7 + 1,
        "month": month,
        "quarter": (month - 1) // 3 + 1,
        "is_weekend": weekday > _FRIDAY,
        "is_month_start": days == months,
        "is_month_end": days + 1 == months + 1,
        "is_holiday": to_holiday == 0,
        "days_to_holiday": to_holiday,
        "days_from_holiday": from_holiday,
    }
    return np.column_stack([columns[name].astype(np.float64) for name in CALENDAR_FEATURES])


def _holiday_distances(days: NDArray[np.datetime64], calendar: HolidayCalendar) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Days to the next holiday and from the latest one, (n_days,) each."""
    if not len(days):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    years = days.astype("datetime64[Y]").astype(int) + 1970
    special = calendar.holidays(int(years.min()) - 1, int(years.max()) + 1)
    far = np.timedelta64(FARTHEST_DAYS, "D")
    bounded = np.concatenate([[days.min() - far], special, [days.max() + far]])
    bounded.sort()
    following = bounded[np.searchsorted(bounded, days, side="left")]
    preceding = bounded[np.searchsorted(bounded, days, side="right") - 1]
    to_holiday = np.minimum((following - days).astype(np.int64), FARTHEST_DAYS)
    from_holiday = np.minimum((days - preceding).astype(np.int64), FARTHEST_DAYS)
    return to_holiday, from_holiday


@cache
def _holidays_version() -> str:
    # Read from disk at every question, it was half of what looking up a stored forecast costs.
    return package_version("holidays")


@lru_cache(maxsize=4096)
def _special_days(country: str, year: int) -> frozenset[date]:
    import holidays

    with warnings.catch_warnings():
        # India's table of moving feasts ends in 2035; later years lack them, which is no reason to fail a forecast.
        warnings.filterwarnings("ignore", message="Requested Holidays are available only", category=UserWarning)
        # One year by itself: what the package gives for it does not depend on its neighbours (tested on every country).
        public = holidays.country_holidays(country, years=year)
    commemorative = _BY_COUNTRY.get(country)
    return frozenset(public) | frozenset(commemorative(year).values() if commemorative else ())


def brazilian_commemorative_dates(year: int) -> dict[str, date]:
    """The days that move Brazilian retail besides the public holidays; by law Carnival and Corpus Christi are none."""
    easter = np.datetime64(_easter(year), "D")
    return {
        "carnival_monday": (easter - 48).item(),
        "carnival_tuesday": (easter - 47).item(),
        "consumer_day": date(year, 3, 15),
        "easter": easter.item(),
        "mothers_day": _nth_weekday(year, 5, _SUNDAY, 2),
        "corpus_christi": (easter + 60).item(),
        "valentines_day": date(year, 6, 12),
        "fathers_day": _nth_weekday(year, 8, _SUNDAY, 2),
        "childrens_day": date(year, 10, 12),
        # The day after the fourth Thursday, which is not always the fourth Friday.
        "black_friday": (np.datetime64(_nth_weekday(year, 11, _FRIDAY - 1, 4), "D") + 1).item(),
        "christmas": date(year, 12, 25),
    }


_BY_COUNTRY: Final = {"BR": brazilian_commemorative_dates}


def _easter(year: int) -> date:
    import pandas as pd

    return (pd.Timestamp(year, 1, 1) + pd.offsets.Easter()).date()


def _nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th Monday (0) to Sunday (6) of a month."""
    offset = (weekday - date(year, month, 1).weekday()) % 7
    return date(year, month, 1 + offset + 7 * (n - 1))
