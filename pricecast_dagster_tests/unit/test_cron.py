"""Cron lines: what Dagster's scheduler takes is taken, and what it refuses is refused."""

import random

import pytest
from dagster._utils.schedules import is_valid_cron_string

from pricecast_dagster.cron import require_cron

PARTS = (
    *("*", "?", "0", "5", "05", "30", "59", "60", "23", "24", "31", "32", "12", "13", "7", "8", "-1", "a", "l", "L", "l5"),
    *("1-5", "5-1", "*-5", "*/15", "*/0", "1-10/2", "5/10", "1,2,3", "1,,2"),
    *("jan", "feb", "mon", "MON-FRI", "fri-mon", "sun#2", "fri#5", "fri#6", "7#2"),
)


def taken(line: str) -> bool:
    try:
        require_cron(line)
    except ValueError:
        return False
    return True


def test_a_line_is_taken_exactly_where_dagster_takes_it() -> None:
    chance = random.Random(7)
    lines = {"", "junk", "@daily", "@reboot", "* * * *", "* * * * * *", "0 5 30 2 *", "0 5 31 feb *", "0 5 29 2 *"}
    for position in range(5):
        for part in PARTS:
            fields = ["0", "5", "*", "*", "*"]
            fields[position] = part
            lines.add(" ".join(fields))
    lines |= {" ".join(chance.choice(PARTS) for _ in range(5)) for _ in range(200)}
    assert {line for line in lines if taken(line) != is_valid_cron_string(line)} == set()


@pytest.mark.parametrize(("line", "told"), [("junk", "1 fields and not five"), ("0 25 * * *", "'25' is no hour")])
def test_a_refusal_names_the_field(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        require_cron(line)
