"""Which decimal mark a column has, and what is told where nothing tells."""

import pytest

from pricecast_dagster_tests.sources import history_rows, read_files


def amounts(data):
    return [row[2:] for row in history_rows(data)]


def test_a_column_that_tells_nothing_is_read_as_the_other_files_are(tmp_path):
    files = {
        "prices.tsv": "sku\tdate\tprice\nA\t2026-01-01\t12,90\nA\t2026-01-02\t13,90\n",
        "sales.tsv": "sku\tdate\tquantity\nA\t2026-01-01\t1,250\nA\t2026-01-02\t2,125\n",
    }
    data = read_files(tmp_path, files)
    assert amounts(data) == [(12.9, 1.25), (13.9, 2.125)]
    assert data.notes == ()


def test_a_column_that_tells_nothing_is_read_as_its_own_file_is_before_others(tmp_path):
    files = {
        "prices_1.csv": 'sku,date,price,quantity\nA,2026-01-01,"1,250","0,500"\n',
        "prices_2.csv": "sku,date,price\nA,2026-01-02,1.5\nA,2026-01-03,1.25\nA,2026-01-04,1.75\n",
    }
    assert amounts(read_files(tmp_path, files))[0] == (1.25, 0.5)


def test_a_column_that_tells_is_believed_before_the_rest_of_the_file(tmp_path):
    text = "sku;date;price;quantity\nA;2026-01-01;5.801;1,5\nA;2026-01-02;5.79;2,5\nA;2026-01-03;5.899;3,5\n"
    assert amounts(read_files(tmp_path, {"history.csv": text})) == [(5.801, 1.5), (5.79, 2.5), (5.899, 3.5)]


@pytest.mark.parametrize(
    ("separator", "price", "mark", "taken", "other"),
    [
        (";", "5.801", ".", "5801", "5.801"),
        (";", "5,801", ".", "5.801", "5801"),
        ("\t", "5,801", ",", "5801", "5.801"),
        ("\t", "5.801", ",", "5.801", "5801"),
    ],
)
def test_where_nothing_tells_it_is_said_how_it_was_read_and_a_setting_settles_it(tmp_path, separator, price, mark, taken, other):
    files = {"prices.csv": f"sku;date;valor\nA;2026-01-01;{price}\nA;2026-01-02;7\n".replace(";", separator)}
    data = read_files(tmp_path, files, columns={"price": "valor"})
    assert amounts(data)[0][0] == float(taken)
    assert data.notes[0].startswith(
        f"prices.csv: column valor has numbers that can be read two ways: {price} is read as {taken} and not as {other}, "
        "and nothing in the source tells."
    )
    settled = read_files(tmp_path, files, columns={"price": "valor"}, decimal=mark)
    assert amounts(settled)[0][0] == float(other)
    assert settled.notes == ()


def test_a_whole_column_that_others_make_thousands_is_pointed_at(tmp_path):
    data = read_files(tmp_path, {"history.csv": "sku;date;price;quantity\nA;2026-01-01;5.801;1,5\nA;2026-01-02;5.799;2\n"})
    assert amounts(data) == [(5801.0, 1.5), (5799.0, 2.0)]
    assert "column price" in data.notes[0] and "as the rest of the file tells" in data.notes[0]
    one_told = "sku;date;price;quantity\nA;2026-01-01;5.801;1,5\nA;2026-01-02;5.80;2\n"
    assert amounts(read_files(tmp_path, {"history.csv": one_told})) == [(5.801, 1.5), (5.8, 2.0)]


def test_thousands_among_smaller_numbers_are_not_pointed_at(tmp_path):
    data = read_files(tmp_path, {"history.csv": "sku;date;price;quantity\nA;2026-01-01;1,50;1.200\nA;2026-01-02;1,60;900\n"})
    assert amounts(data) == [(1.5, 1200.0), (1.6, 900.0)]
    assert data.notes == ()


def test_numbers_that_do_not_get_into_the_history_are_not_pointed_at(tmp_path):
    files = {
        "prices.csv": 'sku,date,price,quantity\nA,2026-01-01,2,"1,200"\n',
        "sales.csv": "sku,date,quantity\nA,2026-01-01,3\n",
    }
    assert read_files(tmp_path, files).notes == ()
