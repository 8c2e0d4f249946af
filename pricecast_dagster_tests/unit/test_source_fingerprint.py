import os

import numpy as np
import pytest

from pricecast_dagster.settings import load_settings
from pricecast_dagster.sources.fingerprint import cheap_fingerprint, history_versions
from pricecast_dagster.testing import history_frame, random_history
from pricecast_dagster_tests.sources import write_files


def test_a_version_changes_with_a_day_a_price_or_a_quantity_of_its_sku_only():
    history = random_history(3, 20, seed=1)
    before = history_versions(history)
    for column, value in (("price", 9.99), ("quantity", 77.0), ("date", np.datetime64("2027-01-01", "s"))):
        changed = history.copy()
        changed.loc[25, column] = value
        after = history_versions(changed)
        assert [sku for sku in before if before[sku] != after[sku]] == ["SKU0002"]


def test_a_version_knows_an_unknown_quantity_from_none():
    known = history_frame({"A": [1.0]}, quantities={"A": [0.0]})
    unknown = history_frame({"A": [1.0]}, quantities={"A": [None]})
    assert history_versions(known) != history_versions(unknown)
    again = unknown.assign(quantity=-np.float64("nan"))
    assert history_versions(again) == history_versions(unknown)


def test_a_difference_under_a_millionth_is_none():
    one = history_frame({"A": [1.0, 2.5]})
    assert history_versions(one) == history_versions(one.assign(price=one["price"] + 1e-9))
    assert history_versions(one) != history_versions(one.assign(price=one["price"] + 1e-6))


def test_the_order_of_rows_and_the_other_skus_change_nothing():
    history = random_history(5, 30, seed=2, gap_share=0.3)
    versions = history_versions(history)
    assert history_versions(history.sample(frac=1.0, random_state=3)) == versions
    assert history_versions(history[history["sku"] == "SKU0004"]) == {"SKU0004": versions["SKU0004"]}


def test_equal_rows_of_two_skus_have_two_versions():
    versions = history_versions(history_frame({"A": [1.0], "B": [1.0]}))
    assert versions["A"] != versions["B"]


def test_an_empty_history_has_no_versions():
    assert history_versions(history_frame({})) == {}


def test_a_version_is_what_it_always_was():
    # Stored with every model: if this fails, every product of every user would be computed again.
    assert history_versions(history_frame({"A": [1.0, None, 2.5]})) == {"A": "888bf37b5e6d3462a67b6bbe05d2060b"}


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path, {"prices.csv": "sku,date,price\n", "sales.csv": "sku,date,quantity\n"})


def test_the_fingerprint_of_a_folder_stays_while_its_files_do(folder):
    settings = load_settings(source=str(folder))
    assert cheap_fingerprint(settings) == cheap_fingerprint(settings)


@pytest.mark.parametrize("change", ["append", "touch", "add", "remove", "rename"])
def test_the_fingerprint_of_a_folder_moves_when_a_file_does(folder, change):
    settings = load_settings(source=str(folder))
    before = cheap_fingerprint(settings)
    file = folder / "sales.csv"
    if change == "append":
        file.write_text(file.read_text() + "A,2026-01-01,1\n")
    elif change == "touch":
        os.utime(file, (1, 1))
    elif change == "add":
        (folder / "more.csv").write_text("x")
    elif change == "remove":
        file.unlink()
    else:
        file.rename(folder / "sales2.csv")
    assert cheap_fingerprint(settings) != before


def test_files_that_are_not_read_do_not_move_the_fingerprint(folder):
    settings = load_settings(source=str(folder))
    before = cheap_fingerprint(settings)
    write_files(folder, {".prices.csv.part": "x", "README.md": "x"})
    assert cheap_fingerprint(settings) == before


def test_a_setting_that_changes_what_is_read_moves_the_fingerprint(folder):
    plain = cheap_fingerprint(load_settings(source=str(folder)))
    assert cheap_fingerprint(load_settings(source=str(folder), columns={"sku": "x"})) != plain
    assert cheap_fingerprint(load_settings(source=str(folder), absurd_factor=10.0)) != plain
    assert cheap_fingerprint(load_settings(source=str(folder), trials=7)) == plain


def test_versions_do_not_depend_on_how_pandas_holds_texts():
    history = random_history(3, 5, seed=1)
    assert history_versions(history.astype({"sku": object})) == history_versions(history)
    assert history_versions(history.astype({"sku": "category"})) == history_versions(history)
