"""What is taken of a dirty source, and what every line that is not taken is told."""

import gzip

import pytest

from pricecast_dagster.schemas import history_schema
from pricecast_dagster.sources.reasons import Reason
from pricecast_dagster_tests.sources import assert_every_line_is_accounted_for, history_rows, read_files, rejected_rows

STEADY = "".join(f"A,2026-01-{day:02d},10.00\n" for day in range(1, 11))


def test_prices_and_sales_become_one_row_a_day(tmp_path):
    data = read_files(
        tmp_path,
        {
            "prices.csv": "sku,date,price\nB,2026-01-02,3\nA,2026-01-02,2.5\nA,2026-01-01,2\n",
            "sales.csv": "sku,date,quantity\nA,2026-01-01,7\n",
        },
    )
    assert history_rows(data) == [
        ("A", "2026-01-01", 2.0, 7.0),
        ("A", "2026-01-02", 2.5, None),
        ("B", "2026-01-02", 3.0, None),
    ]
    assert data.counts == {"lines": 4, "taken": 4}
    history_schema().validate(data.history)


def test_skus_are_texts_and_only_trimmed(tmp_path):
    data = read_files(
        tmp_path, {"prices.csv": "sku,date,price\n 00123 ,2026-01-01,1\n123,2026-01-01,2\n1.0,2026-01-01,3\nNA,2026-01-01,4\n"}
    )
    assert [row[0] for row in history_rows(data)] == ["00123", "1.0", "123", "NA"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A,2026-01-31", Reason.MALFORMED_LINE),
        ("A,2026-01-31,1,50", Reason.MALFORMED_LINE),
        (" ,2026-01-31,1", Reason.EMPTY_SKU),
        ("Z,2026-01-31,1", Reason.UNKNOWN_SKU),
        ("Z,yesterday,free", Reason.UNKNOWN_SKU),
        ("A,2026-02-31,1", Reason.UNPARSABLE_DATE),
        ("A,,1", Reason.UNPARSABLE_DATE),
        ("A,1900-01-01,1", Reason.DAY_TOO_LONG_AGO),
        ("A,2026-06-02,1", Reason.DAY_IN_THE_FUTURE),
        ("A,2026-01-31,", Reason.UNPARSABLE_NUMBER),
        ("A,2026-01-31,free", Reason.UNPARSABLE_NUMBER),
        ("A,2026-01-31,1e13", Reason.UNPARSABLE_NUMBER),
        ("A,2026-01-31,0.00", Reason.PRICE_ZERO),
        ("A,2026-01-31,0.0000001", Reason.PRICE_ZERO),
        ("A,2026-01-31,-2", Reason.PRICE_NEGATIVE),
        ("A,2026-01-31,1000", Reason.PRICE_ABSURD),
        ("A,2026-01-31,0.1", Reason.PRICE_ABSURD),
    ],
)
def test_a_price_that_is_not_taken_is_told_with_its_line_and_reason(tmp_path, line, reason):
    products = "sku,name,category\nA,Coffee,Food\n"
    data = read_files(tmp_path, {"products.csv": products, "prices.csv": f"sku,date,price\n{STEADY}{line}\n"})
    assert rejected_rows(data) == [(12, line, reason.value)]
    assert len(data.history) == 10
    assert_every_line_is_accounted_for(data, 12)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A,2026-01-01,", Reason.UNPARSABLE_NUMBER),
        ("A,2026-01-01,-1", Reason.RETURNED_GOODS),
        ("A,2026-01-11,5", Reason.SALE_WITHOUT_PRICE),
        ("B,2026-01-01,5", Reason.SALE_WITHOUT_PRICE),
    ],
)
def test_a_sale_that_is_not_taken_is_told(tmp_path, line, reason):
    data = read_files(
        tmp_path, {"prices.csv": f"sku,date,price\n{STEADY}", "sales.csv": f"sku,date,quantity\nA,2026-01-02,3\n{line}\n"}
    )
    assert rejected_rows(data) == [(3, line, reason.value)]
    assert_every_line_is_accounted_for(data, 12)


@pytest.mark.parametrize("character", ["\n", "\t", "\0", "\x1b", "\x7f"])
def test_a_sku_with_a_control_character_is_unusable_and_a_name_with_one_is_not(tmp_path, character):
    files = {
        "products.csv": f'sku,name\nA,"Tea{character}green"\n"B{character}C",x\n',
        "prices.csv": f'sku,date,price\nA,2026-01-01,1\n"B{character}C",2026-01-01,2\n',
    }
    data = read_files(tmp_path, files)
    assert history_rows(data) == [("A", "2026-01-01", 1.0, None)]
    assert data.rejected["reason"].tolist() == [Reason.UNUSABLE_SKU] * 2
    assert "\0" not in data.products["name"][0] and data.products["name"][0].startswith("Tea")
    assert_every_line_is_accounted_for(data, 4)


def test_a_line_of_nothing_but_nul_is_told(tmp_path):
    data = read_files(tmp_path, {"prices.csv": b"sku,date,price\nA,2026-01-01,1\n" + b"\0" * 20 + b"\n"})
    assert [(line, reason) for line, _, reason in rejected_rows(data)] == [(3, Reason.MALFORMED_LINE)]


def test_today_is_not_in_the_future(tmp_path):
    assert len(read_files(tmp_path, {"prices.csv": "sku,date,price\nA,2026-06-01,1\n"}).history) == 1


def test_of_exact_duplicates_one_is_kept_and_of_conflicting_ones_the_last(tmp_path):
    data = read_files(
        tmp_path,
        {"prices.csv": "sku,date,price\nA,2026-01-01,2\nA,2026-01-01,2\nA,2026-01-02,2\nA,2026-01-02,3\nA,2026-01-02,2.5\n"},
    )
    assert history_rows(data) == [("A", "2026-01-01", 2.0, None), ("A", "2026-01-02", 2.5, None)]
    assert [(line, reason) for line, _, reason in rejected_rows(data)] == [
        (2, Reason.EXACT_DUPLICATE),
        (4, Reason.CONFLICTING_DUPLICATE),
        (5, Reason.CONFLICTING_DUPLICATE),
    ]


def test_the_row_modified_last_wins_wherever_it_stands(tmp_path):
    data = read_files(
        tmp_path,
        {
            "prices.csv": "sku,date,price,modified_at\nA,2026-01-01,3,2026-01-05 10:00\nA,2026-01-01,2,2026-01-05 09:00\n"
            "A,2026-01-01,1,\n"
        },
    )
    assert history_rows(data) == [("A", "2026-01-01", 3.0, None)]


def test_the_last_price_of_a_day_wins_where_prices_have_a_time(tmp_path):
    data = read_files(tmp_path, {"prices.csv": "sku,date,price\nA,2026-01-01 18:00,3\nA,2026-01-01 08:00,2\n"})
    assert history_rows(data) == [("A", "2026-01-01", 3.0, None)]


def test_a_later_file_corrects_an_earlier_one(tmp_path):
    data = read_files(
        tmp_path,
        {"prices_1.csv": "sku,date,price\nA,2026-01-01,2\n", "prices_2.csv": "sku,date,price\nA,2026-01-01,3\n"},
    )
    assert history_rows(data) == [("A", "2026-01-01", 3.0, None)]
    assert data.rejected["file"].tolist() == ["prices_1.csv"]


def test_a_price_that_trebles_or_a_product_with_few_prices_is_not_absurd(tmp_path):
    jump = STEADY + "A,2026-01-11,30.00\nA,2026-01-12,3.50\n"
    few = "B,2026-01-01,1\nB,2026-01-02,1\nB,2026-01-03,900\n"
    assert read_files(tmp_path, {"prices.csv": f"sku,date,price\n{jump}{few}"}).rejected.empty


def test_a_product_with_two_levels_of_price_keeps_both(tmp_path):
    by_the_box = "".join(f"A,2026-02-{day:02d},240\n" for day in range(1, 8))
    assert read_files(tmp_path, {"prices.csv": f"sku,date,price\n{STEADY}{by_the_box}"}).rejected.empty


def test_till_lines_with_times_add_up_to_days(tmp_path):
    data = read_files(
        tmp_path,
        {
            "till.csv": "sku,date,price,quantity\nA,2026-01-01 09:00,2,3\nA,2026-01-01 12:30,3,1\nA,2026-01-01 12:31,2,-1\n"
            "A,2026-01-01 13:00,2,0\nA,2026-01-01 14:00,2,\n"
        },
    )
    assert history_rows(data) == [("A", "2026-01-01", 2.25, 4.0)]
    assert [reason for _, _, reason in rejected_rows(data)] == [
        Reason.RETURNED_GOODS,
        Reason.NOTHING_SOLD,
        Reason.UNPARSABLE_NUMBER,
    ]
    assert data.counts["taken"] == 2


def test_till_lines_are_duplicates_only_if_every_column_is_equal(tmp_path):
    lines = "1,A,2026-01-01 09:00,2,1,x\n1,A,2026-01-01 09:00,2,1,x\n2,A,2026-01-01 09:00,2,1,x\n1,A,2026-01-01 09:00,2,1,y\n"
    data = read_files(
        tmp_path,
        {
            "till_1.csv": f"receipt,sku,date,price,quantity,customer\n{lines}",
            "till_2.csv": "receipt,sku,date,price,quantity,customer\n2,A,2026-01-01 09:00,2,1,x\n",
        },
    )
    assert history_rows(data) == [("A", "2026-01-01", 2.0, 3.0)]
    assert data.rejected["file"].tolist() == ["till_1.csv", "till_2.csv"]
    assert data.rejected["line"].tolist() == [3, 2]


def test_an_invoice_column_makes_till_lines_of_bare_days(tmp_path):
    text = "sku,date,price,quantity,invoice\nA,2026-01-01,2,1,1\nA,2026-01-01,4,1,2\n"
    assert history_rows(read_files(tmp_path, {"till.csv": text})) == [("A", "2026-01-01", 3.0, 2.0)]


def test_bare_days_are_one_row_a_day_and_a_second_row_is_a_correction(tmp_path):
    text = "sku,date,price,quantity\nA,2026-01-01,2,1\nA,2026-01-01,4,1\nA,2026-01-02,5,\nA,2026-01-03,5,0\n"
    assert history_rows(read_files(tmp_path, {"history.csv": text})) == [
        ("A", "2026-01-01", 4.0, 1.0),
        ("A", "2026-01-02", 5.0, None),
        ("A", "2026-01-03", 5.0, 0.0),
    ]


def test_the_same_hour_on_every_day_is_a_midnight_of_elsewhere_and_makes_no_till(tmp_path):
    text = "sku,date,price,quantity\nA,2026-01-01T03:00:00Z,2,1\nA,2026-01-01T03:00:00Z,4,1\nA,2026-01-02T03:00:00Z,5,0\n"
    assert history_rows(read_files(tmp_path, {"history.csv": text})) == [
        ("A", "2026-01-01", 4.0, 1.0),
        ("A", "2026-01-02", 5.0, 0.0),
    ]


def test_a_till_that_tells_amounts_has_prices(tmp_path):
    text = (
        "sku,date,amount,quantity\nA,2026-01-01,6,3\nA,2026-01-01,-2,-1\nA,2026-01-01,0,0\nA,2026-01-01,0,1\nA,2026-01-02,5,2\n"
    )
    data = read_files(tmp_path, {"till.csv": text}, columns={"revenue": "amount"})
    assert history_rows(data) == [("A", "2026-01-01", 2.0, 3.0), ("A", "2026-01-02", 2.5, 2.0)]
    assert [reason for _, _, reason in rejected_rows(data)] == [Reason.RETURNED_GOODS, Reason.NOTHING_SOLD, Reason.PRICE_ZERO]


def test_sales_lines_with_times_are_summed_onto_their_price(tmp_path):
    data = read_files(
        tmp_path,
        {
            "prices.csv": "sku,date,price\nA,2026-01-01,2\n",
            "sales.csv": "sku,date,quantity\nA,2026-01-01 09:00,1\nA,2026-01-01 10:00,0\n"
            "A,2026-01-01 11:00,2\nA,2026-01-02 11:00,2\n",
        },
    )
    assert history_rows(data) == [("A", "2026-01-01", 2.0, 3.0)]
    assert rejected_rows(data) == [(5, "A,2026-01-02 11:00,2", Reason.SALE_WITHOUT_PRICE)]


def test_a_quantity_beside_its_price_counts_before_one_from_a_sales_file(tmp_path):
    data = read_files(
        tmp_path,
        {
            "history.csv": "sku,date,price,quantity\nA,2026-01-01,2,5\nA,2026-01-02,2,\nA,2026-01-03,2,5\n",
            "sales.csv": "sku,date,quantity\nA,2026-01-01,6\nA,2026-01-02,7\nA,2026-01-03,5\n",
        },
    )
    assert [row[3] for row in history_rows(data)] == [5.0, 7.0, 5.0]
    assert [reason for _, _, reason in rejected_rows(data)] == [Reason.CONFLICTING_DUPLICATE, Reason.EXACT_DUPLICATE]


def test_the_order_of_till_lines_changes_no_bit(tmp_path):
    lines = [
        f"A,2026-01-01 {hour:02d}:00,{price},{0.1 * hour}" for hour, price in enumerate([0.1, 0.7, 0.3, 1.1, 0.9, 0.2] * 3, 1)
    ]
    one = read_files(tmp_path / "1", {"till.csv": "\n".join(["sku,date,price,quantity", *lines])})
    other = read_files(tmp_path / "2", {"till.csv": "\n".join(["sku,date,price,quantity", *lines[::-1]])})
    assert history_rows(one) == history_rows(other)


def test_a_product_list_is_cleaned_too(tmp_path):
    data = read_files(
        tmp_path,
        {
            "products.csv": "sku,name,category\nA,Coffee,Food\nA,Coffee,Food\nB,Tee,Food\nB,Tea,Drinks\n,x,y\nC\n",
            "prices.csv": "sku,date,price\nA,2026-01-01,2\n",
        },
    )
    assert data.products.to_numpy().tolist() == [["A", "Coffee", "Food"], ["B", "Tea", "Drinks"]]
    assert [(line, reason) for line, _, reason in rejected_rows(data)] == [
        (2, Reason.EXACT_DUPLICATE),
        (4, Reason.CONFLICTING_DUPLICATE),
        (6, Reason.EMPTY_SKU),
        (7, Reason.MALFORMED_LINE),
    ]
    assert_every_line_is_accounted_for(data, 7)


def test_without_a_product_list_every_sku_is_one_and_has_the_name_its_lines_tell(tmp_path):
    text = "sku,date,price,quantity,Text\nA,2026-01-01,2,1,Coffee\nA,2026-01-02,0,1,thrown away\nB,2026-01-01,2,1,\n"
    data = read_files(tmp_path, {"till.csv": text}, columns={"name": "Text"})
    assert data.products.to_numpy().tolist() == [["A", "Coffee", ""], ["B", "", ""]]


def test_some_skus_are_read_as_in_a_read_of_all(tmp_path):
    # Formats are told by rows of the other product: 25/01 and 1,5.
    text = "sku;date;price;quantity\nA;03/01/2026;1.234;1\nA;03/02/2026;2000;\nA;04/02/2026;0;\nB;25/01/2026;1,5;2\nbroken\n"
    some = read_files(tmp_path, {"history.csv": text}, skus=["A", "missing"])
    everything = read_files(tmp_path, {"history.csv": text})
    assert history_rows(some) == [row for row in history_rows(everything) if row[0] == "A"]
    assert history_rows(some)[0] == ("A", "2026-01-03", 1234.0, 1.0)
    assert rejected_rows(some) == [(4, "A;04/02/2026;0;", Reason.PRICE_ZERO)]
    assert_every_line_is_accounted_for(some, 3)


def test_a_compressed_file_in_latin_1_with_decimal_commas_and_days_first(tmp_path):
    text = "produto;data;preço;qtd\nMAÇÃ;25/12/2025;R$ 1.234,50;1.000,5\nPÃO;01/02/2026;0,99;3\n"
    columns = {"sku": "produto", "date": "data", "price": "preço", "quantity": "qtd"}
    data = read_files(tmp_path, {"vendas.csv.gz": gzip.compress(text.encode("latin-1"))}, columns=columns)
    assert history_rows(data) == [("MAÇÃ", "2025-12-25", 1234.5, 1000.5), ("PÃO", "2026-02-01", 0.99, 3.0)]


def test_rejected_lines_keep_their_raw_text_also_over_lines(tmp_path):
    data = read_files(tmp_path, {"prices.csv": 'sku,date,price,note\r\nA,2026-01-01,x,"two\r\nlines"\r\nA,2026-01-02,2,\r\n'})
    assert rejected_rows(data) == [(2, 'A,2026-01-01,x,"two\nlines"', Reason.UNPARSABLE_NUMBER)]


def test_a_sku_that_no_database_takes_is_rejected_alone(tmp_path):
    rows = ["sku,date,price", "good,2026-01-01,5.00", f"{'x' * 3000},2026-01-01,5.00"]
    data = read_files(tmp_path, {"prices.csv": "\n".join(rows) + "\n"})
    assert list(data.history["sku"]) == ["good"]
    assert list(data.rejected["line"]) == [3]
    assert data.rejected["reason"].str.startswith("unusable SKU").all()
