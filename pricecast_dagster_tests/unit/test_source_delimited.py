import pytest

from pricecast_dagster.sources.delimited import read_header, read_records
from pricecast_dagster.sources.sheet import Sheet

KNOWN = ("sku", "date", "price")


def sheet(text: str, separator: str = "auto") -> Sheet:
    content = text.encode()
    header = read_header(content, separator, KNOWN)
    assert header is not None
    return read_records(content, header, "f.csv")


def rows(found: Sheet) -> list[tuple[str, ...]]:
    return list(zip(*(column.to_pylist() for column in found.table.columns), strict=True))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_finds_known_names(separator):
    found = sheet(f"sku{separator}date{separator}price\n1{separator}2{separator}3\n")
    assert found.names == ("sku", "date", "price")
    assert rows(found) == [("1", "2", "3")]


def test_a_name_with_commas_does_not_hide_the_semicolons():
    assert sheet("sku;date;price;size, weight, colour, brand\n1;2;3;x\n").names[2:] == ("price", "size, weight, colour, brand")


def test_the_separator_line_of_excel_is_believed():
    found = sheet("sep=|\nsku|a,b,c|date\n1|2|3\n")
    assert rows(found) == [("1", "2", "3")]
    assert found.lines.tolist() == [3]


def test_lines_are_counted_as_an_editor_does():
    found = sheet('\nsku,date\n\n1,a\n   \n2,"b\nc"\n3,d')
    assert found.lines.tolist() == [4, 6, 8]
    assert rows(found) == [("1", "a"), ("2", "b\nc"), ("3", "d")]
    assert [found.row_text(position) for position in range(3)] == ["1,a", '2,"b\nc"', "3,d"]


def test_a_line_with_another_number_of_fields_is_malformed_and_the_rest_is_read():
    found = sheet("sku,date,price\n1,2,3\n1,2\nfree text\n4,5,6,7\n7,8,9\n")
    assert rows(found) == [("1", "2", "3"), ("7", "8", "9")]
    assert [(bad.line, bad.text) for bad in found.malformed] == [(3, "1,2"), (4, "free text"), (5, "4,5,6,7")]
    assert found.lines.tolist() == [2, 6]


def test_empty_fields_to_spare_are_dropped_and_the_order_of_lines_stays():
    found = sheet("sku,date\n1,2,,\n3,4\n5,6,\n7,8\n")
    assert rows(found) == [("1", "2"), ("3", "4"), ("5", "6"), ("7", "8")]
    assert found.lines.tolist() == [2, 3, 4, 5]
    assert found.row_text(2) == "5,6,"


def test_a_stray_quote_costs_its_own_line_at_most():
    found = sheet('sku,date,price\n"1,2,3\n' + "4,5,6\n" * 100 + '7,8" plate,9\n"a ""b""",8,9\n')
    assert len(found.lines) == 102
    assert rows(found)[-2:] == [("7", '8" plate', "9"), ('a "b"', "8", "9")]
    assert [bad.line for bad in found.malformed] == [2]


def test_quoted_fields_over_lines_are_read_in_a_file_with_stray_quotes_too():
    found = sheet('sku,date,price\n1,"two\nlines",3\n4,5" x,6\n')
    assert rows(found) == [("1", "two\nlines", "3"), ("4", '5" x', "6")]
    assert found.lines.tolist() == [2, 4]


def test_a_header_alone_is_a_sheet_without_rows():
    assert sheet("sku,date\n").table.num_rows == 0
    assert sheet("sku,date").names == ("sku", "date")


def test_nothing_but_blank_lines_has_no_header():
    assert read_header(b"\n \n\n", "auto", KNOWN) is None


def test_a_file_of_one_column_has_rows():
    assert rows(sheet("sku\n1\n\n2\n")) == [("1",), ("2",)]
