import numpy as np
import pyarrow as pa
import pytest

from pricecast_dagster.sources.numbers import decimal_mark, either_way, mark_votes, parse_either, parse_numbers


def number(text: str, mark: str) -> float:
    return float(parse_numbers(pa.array([text]), mark)[0])


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("1.50", ".", 1.5),
        ("1,50", ",", 1.5),
        ("1,234.50", ".", 1234.5),
        ("1.234,50", ",", 1234.5),
        ("1.234.567", ",", 1234567.0),
        ("1 234,5", ",", 1234.5),
        ("1\u00a0234,5", ",", 1234.5),
        ("12 345 678", ".", 12345678.0),
        ("1'234.50", ".", 1234.5),
        ("R$ 12,90", ",", 12.9),
        ("R$-12,90", ",", -12.9),
        ("-€5", ".", -5.0),
        ("BRL 7", ".", 7.0),
        ("12,90 €", ",", 12.9),
        ("12,90€", ",", 12.9),
        ("12,90\u00a0R$", ",", 12.9),
        ("12.90 US$", ".", 12.9),
        ("-12,90 BRL", ",", -12.9),
        ("1.234 EUR", ",", 1234.0),
        ("−3", ".", -3.0),
        ("+4", ".", 4.0),
        (".5", ".", 0.5),
        ("5.", ".", 5.0),
        ("1e3", ".", 1000.0),
        ("  7  ", ".", 7.0),
        ("0.1", ".", 0.1),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text, mark, value):
    assert number(text, mark) == value


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1.2.3", "1,2,3", "12,34,567", "nan", "inf", "1e999", "--1", "1 2", "0,125,000", "٣", "€", "EUR", "7 kg"],
)
def test_what_is_no_number_with_a_decimal_point_is_none(text):
    assert np.isnan(number(text, "."))


def test_a_thousands_mark_in_the_wrong_place_is_no_number():
    assert np.isnan(number("1,5", "."))
    assert np.isnan(number("0,125", "."))
    assert number("0,125", ",") == 0.125


def test_numbers_that_can_be_read_two_ways_are_told_from_those_that_cannot():
    texts = ["1,250", "1.250", "1250", "1,25", "1.250,5", "0,125", "1,250,000", "x", "", "R$ 1,250"]
    assert either_way(pa.array(texts)).tolist() == [True, True, *[False] * 7, True]


def test_a_value_that_makes_sense_only_under_the_other_mark_is_read_so():
    assert parse_either(pa.array(["12,90", "12.90", "1.234", "x"]), ",").tolist()[:3] == [12.9, 12.9, 1234.0]


@pytest.mark.parametrize(
    ("texts", "separator", "mark"),
    [
        (["1,50", "1.234"], ",", ","),
        (["1.50", "1,234"], ";", "."),
        (["1,234"], ",", "."),
        (["1,234"], ";", ","),
        (["5", "7"], ",", "."),
        (["1,5", "1.5", "2.5"], ",", "."),
    ],
)
def test_the_mark_of_a_file_is_what_most_rows_can_only_be_read_with(texts, separator, mark):
    assert decimal_mark(mark_votes(pa.array(texts), np.ones(len(texts), dtype=np.int64)), separator) == mark
