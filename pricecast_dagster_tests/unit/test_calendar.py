"""The calendar: Brazil's special days looked up by hand, and the features of days."""

from datetime import date

import numpy as np
import pytest

from pricecast_dagster.errors import SettingsError
from pricecast_dagster.forecasting.calendar import HolidayCalendar, brazilian_commemorative_dates, calendar_features
from pricecast_dagster.schemas import CALENDAR_FEATURES

BRAZIL = HolidayCalendar("BR")


def features(day: str, calendar: HolidayCalendar = BRAZIL) -> dict[str, float]:
    row = calendar_features(np.array([day], dtype="datetime64[D]"), calendar)[0]
    return dict(zip(CALENDAR_FEATURES, row.tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("carnival_tuesday", ["2024-02-13", "2025-03-04", "2026-02-17"]),
        ("easter", ["2024-03-31", "2025-04-20", "2026-04-05"]),
        ("mothers_day", ["2024-05-12", "2025-05-11", "2026-05-10"]),
        ("corpus_christi", ["2024-05-30", "2025-06-19", "2026-06-04"]),
        ("valentines_day", ["2024-06-12", "2025-06-12", "2026-06-12"]),
        ("fathers_day", ["2024-08-11", "2025-08-10", "2026-08-09"]),
        ("childrens_day", ["2024-10-12", "2025-10-12", "2026-10-12"]),
        # In 2024 the fourth Friday of November was the 22nd: Black Friday follows the fourth Thursday.
        ("black_friday", ["2024-11-29", "2025-11-28", "2026-11-27"]),
        ("christmas", ["2024-12-25", "2025-12-25", "2026-12-25"]),
    ],
)
def test_brazils_commemorative_dates_fall_on_their_days(name, days):
    assert [brazilian_commemorative_dates(year)[name].isoformat() for year in (2024, 2025, 2026)] == days
    assert all(features(day)["is_holiday"] == 1 for day in days)


@pytest.mark.parametrize("day", ["2025-01-01", "2025-04-18", "2025-04-21", "2025-05-01", "2025-09-07", "2025-11-20"])
def test_brazils_public_holidays_are_holidays(day):
    assert features(day)["is_holiday"] == 1


def test_an_ordinary_day_counts_to_and_from_the_holidays_around_it():
    row = features("2025-11-24")  # after the Day of Black Awareness, before Black Friday
    assert (row["is_holiday"], row["days_from_holiday"], row["days_to_holiday"]) == (0, 4, 4)


def test_a_holiday_is_no_days_from_itself():
    row = features("2025-12-25")
    assert (row["days_from_holiday"], row["days_to_holiday"]) == (0, 0)


def test_distances_cross_the_turn_of_the_year():
    row = features("2025-12-30")
    assert (row["days_from_holiday"], row["days_to_holiday"]) == (5, 2)


def test_the_last_days_of_december_may_belong_to_the_first_week_of_the_next_year():
    row = features("2024-12-30")
    assert (row["week_of_year"], row["day_of_week"], row["month"], row["quarter"]) == (1, 0, 12, 4)


def test_the_first_days_of_january_may_belong_to_the_last_week_of_the_year_before():
    assert features("2021-01-03")["week_of_year"] == 53


def test_a_leap_day_is_the_end_of_its_month():
    row = features("2024-02-29")
    assert (row["is_month_end"], row["is_month_start"], row["day_of_month"]) == (1, 0, 29)
    assert features("2024-03-01")["is_month_start"] == 1


@pytest.mark.parametrize(("day", "weekend"), [("2026-01-02", 0), ("2026-01-03", 1), ("2026-01-04", 1)])
def test_saturday_and_sunday_are_the_weekend(day, weekend):
    assert features(day)["is_weekend"] == weekend


def test_holidays_are_sorted_and_each_there_once():
    days = BRAZIL.holidays(2020, 2030)
    assert (np.diff(days) > np.timedelta64(0, "D")).all()
    assert (days[0], days[-1]) == (np.datetime64("2020-01-01"), np.datetime64("2030-12-25"))


def test_holidays_of_a_year_are_in_it_and_do_not_depend_on_the_years_asked_for():
    import holidays

    for country in holidays.list_supported_countries(include_aliases=False):
        neighbours = holidays.country_holidays(country, years=(2021, 2022, 2023))
        alone = set(HolidayCalendar(country).holidays(2022, 2022).tolist())
        assert {day for day in neighbours if day.year == 2022} <= alone
        assert {day.year for day in alone} <= {2022}


def test_a_holiday_observed_in_the_year_before_its_own_is_found():
    # New Year's Day of 2022 was a Saturday; the United States kept it on the Friday before.
    assert np.datetime64("2021-12-31") in HolidayCalendar("US").holidays(2021, 2021)


def test_another_country_has_its_own_days_and_not_brazils():
    germany = HolidayCalendar("DE")
    assert features("2025-10-03", germany)["is_holiday"] == 1
    assert features("2025-06-12", germany)["is_holiday"] == 0


def test_every_country_of_the_package_has_a_calendar():
    import holidays

    for country in holidays.list_supported_countries(include_aliases=False):
        row = features("2026-03-04", HolidayCalendar(country))
        assert 0 <= row["days_to_holiday"] <= 366


@pytest.mark.parametrize("country", ["XX", "br", "", "Brazil"])
def test_an_unknown_country_is_refused_with_the_setting_to_change(country):
    with pytest.raises(SettingsError, match=f"no holiday calendar of country '{country}'.*PRICECAST_COUNTRY to one of"):
        HolidayCalendar(country)


def test_the_version_names_package_country_and_our_own_table():
    import holidays

    assert BRAZIL.version == f"holidays-{holidays.__version__}/BR/commemorative-1"
    assert BRAZIL.version != HolidayCalendar("PT").version


def test_no_days_have_no_rows():
    assert calendar_features(np.array([], dtype="datetime64[D]"), BRAZIL).shape == (0, 11)


def test_the_day_is_a_date_and_nothing_else():
    assert brazilian_commemorative_dates(2026)["consumer_day"] == date(2026, 3, 15)


def test_years_beyond_a_countrys_table_of_moving_feasts_are_no_error():
    assert features("2040-08-15", HolidayCalendar("IN"))["is_holiday"] == 1
