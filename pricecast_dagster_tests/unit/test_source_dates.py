import numpy as np
import pyarrow as pa
import pytest

from pricecast_dagster.sources.dates import order_votes, parse_dates


def moment(text: str, *, day_first: bool = True) -> tuple[str, int]:
    moments = parse_dates(pa.array([text]), day_first=day_first)
    return str(moments.days[0]), int(moments.seconds[0])


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04", "2026-3-4", "2026/03/04", "2026.03.04", "20260304", "04/03/2026", "4/3/2026", "04.03.2026", "04-03-2026",
        "4 3 2026", "04/03/26", "04-Mar-2026", "4 mar 2026", "4mar2026", "04 março 2026", "04-MAR-26", " 2026-03-04 ",
    ],
)  # fmt: skip
def test_a_day_is_read_in_every_usual_spelling(text):
    assert moment(text) == ("2026-03-04", 0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-04 08:16:00", 29760), ("2026-03-04T08:16:00.123456", 29760), ("2026-03-04T08:16:00Z", 29760),
        ("2026-03-04 08:16:00+03:00", 29760), ("2026-03-04 08:16 -0300", 29760), ("04/03/2026 08:16", 29760),
        ("04/03/2026 8:16 PM", 72960), ("04/03/2026 12:00 a.m.", 0), ("20260304 08:16", 29760), ("2026-03-04 00:00:00", 0),
    ],
)  # fmt: skip
def test_the_day_is_the_one_that_is_written_and_the_time_is_kept_apart(text, seconds):
    assert moment(text) == ("2026-03-04", seconds)


@pytest.mark.parametrize(
    "text",
    ["", "x", "31/04/2026", "2026-02-29", "2026-13-01", "2026-00-10", "0000-00-00", "0000-01-01", "25/25/2026",
     "2026-03-04 25:00", "2026-03", "4/3", "99999999", "04-Foo-2026", "2026-03-045", "1/2/3/2026"],
)  # fmt: skip
def test_what_is_no_day_of_the_calendar_is_none(text):
    assert moment(text)[0] == "NaT"


def test_the_day_or_the_month_comes_first_and_never_both_in_one_file():
    assert moment("03/04/2026", day_first=True)[0] == "2026-04-03"
    assert moment("03/04/2026", day_first=False)[0] == "2026-03-04"
    assert moment("25/04/2026", day_first=False)[0] == "NaT"


def test_rows_that_can_only_be_read_one_way_vote_on_the_order():
    counts = np.array([2, 1, 9, 9])
    assert order_votes(pa.array(["25/04/2026", "04/25/2026", "03/04/2026", "2026-04-03"]), counts) == 1


def test_a_year_of_four_digits_is_never_taken_for_one_of_two():
    assert moment("01/01/0026")[0] == "0026-01-01"
