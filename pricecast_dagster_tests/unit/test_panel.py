"""The panel: long rows laid out as arrays."""

import pickle
from datetime import date

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.errors import InvalidFrameError
from pricecast_dagster.forecasting.panel import build_panel
from pricecast_dagster.testing import history_frame, random_history, tiny_panel

NAN = float("nan")


def test_a_gap_carries_the_price_forward_and_has_quantity_zero():
    panel = tiny_panel({"A": [10.0, None, None, 12.0]}, quantities={"A": [3, None, None, 4]})
    assert panel.price.tolist() == [[10.0, 10.0, 10.0, 12.0]]
    assert panel.quantity.tolist() == [[3.0, 0.0, 0.0, 4.0]]
    assert panel.observed.tolist() == [[True, False, False, True]]


def test_nothing_is_known_before_a_skus_first_day_and_its_price_is_carried_to_the_panels_end():
    panel = tiny_panel({"A": [1.0, 2.0, 3.0, 4.0], "B": [None, 5.0, None, None]})
    np.testing.assert_array_equal(panel.price[1], [NAN, 5.0, 5.0, 5.0])
    np.testing.assert_array_equal(panel.quantity[1], [NAN, 1.0, 0.0, 0.0])
    assert panel.first.tolist() == [0, 1]
    assert panel.last.tolist() == [3, 1]


def test_an_unknown_quantity_counts_as_zero():
    panel = tiny_panel({"A": [1.0, 2.0]}, quantities={"A": [None, 2]})
    assert panel.quantity.tolist() == [[0.0, 2.0]]


def test_days_name_the_columns():
    panel = tiny_panel({"A": [1.0, 2.0, 3.0]}, first_day="2024-02-28")
    assert panel.days.tolist() == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


def test_skus_keep_the_order_in_which_they_appear():
    assert tiny_panel({"B": [1.0], "A": [2.0]}).skus == ("B", "A")


def test_the_order_of_rows_does_not_matter():
    history = random_history(3, 20, seed=1, gap_share=0.3)
    shuffled = history.sample(frac=1.0, random_state=7).sort_values("sku", kind="stable")
    straight, other = build_panel(history), build_panel(shuffled)
    assert straight.skus == other.skus
    np.testing.assert_array_equal(straight.price, other.price)
    np.testing.assert_array_equal(straight.quantity, other.quantity)


@pytest.mark.parametrize("day", ["2026-01-03", date(2026, 1, 3), np.datetime64("2026-01-03T12:00")])
def test_until_a_day_nothing_later_is_kept(day):
    panel = tiny_panel({"A": [1.0, 2.0, 3.0, 4.0, 5.0]}).until(day)
    assert panel.price.tolist() == [[1.0, 2.0, 3.0]]
    assert panel.price.base is None, "a view would still hold the later days"


def test_until_a_day_before_the_first_leaves_skus_without_days():
    panel = tiny_panel({"A": [1.0, 2.0]}).until("2025-06-01")
    assert (panel.n_skus, panel.n_days) == (1, 0)
    assert (panel.first.tolist(), panel.last.tolist()) == ([0], [-1])


def test_a_sku_that_begins_after_the_cut_has_no_observed_day():
    panel = tiny_panel({"A": [1.0, 2.0, 3.0], "B": [None, None, 9.0]}).until("2026-01-02")
    assert (panel.first.tolist(), panel.last.tolist()) == ([0, 2], [1, -1])
    assert np.isnan(panel.price[1]).all()


def test_a_panel_built_until_a_later_day_carries_prices_forward_to_it():
    panel = build_panel(history_frame({"A": [1.0, 2.0]}), until="2026-01-04")
    assert panel.price.tolist() == [[1.0, 2.0, 2.0, 2.0]]
    assert panel.last.tolist() == [1]


@pytest.mark.parametrize("day", ["2025-12-01", "2026-01-01", "2026-01-09", "2026-01-20"])
def test_building_until_a_day_is_building_all_and_cutting(day):
    history = random_history(4, 20, seed=3, gap_share=0.4)
    built, cut = build_panel(history, until=day), build_panel(history).until(day)
    assert built.skus == cut.skus
    assert built.first_day == cut.first_day
    np.testing.assert_array_equal(built.price, cut.price)
    np.testing.assert_array_equal(built.quantity, cut.quantity)
    np.testing.assert_array_equal(built.observed, cut.observed)


@pytest.mark.parametrize("chosen", [[2, 0], np.array([2, 0])])
def test_selecting_positions_keeps_their_order(chosen):
    panel = tiny_panel({"A": [1.0], "B": [2.0], "C": [3.0]}).select(chosen)
    assert panel.skus == ("C", "A")
    assert panel.price.tolist() == [[3.0], [1.0]]


def test_selecting_by_a_mask_and_selecting_nothing():
    panel = tiny_panel({"A": [1.0], "B": [2.0]})
    assert panel.select(np.array([False, True])).skus == ("B",)
    assert panel.select([]).skus == ()
    assert panel.select([]).n_days == 1


def test_a_history_without_rows_makes_an_empty_panel():
    panel = build_panel(history_frame({}))
    assert (panel.skus, panel.n_skus, panel.n_days) == ((), 0, 0)


def test_two_rows_of_a_day_are_refused_with_sku_and_day():
    twice = pd.concat([history_frame({"A": [1.0, 2.0]}), history_frame({"A": [3.0]})], ignore_index=True)
    with pytest.raises(InvalidFrameError, match="SKU 'A' has a second row of the same day on 2026-01-01"):
        build_panel(twice)


@pytest.mark.parametrize("price", [0.0, -1.0, NAN, float("inf")])
def test_a_price_that_is_no_positive_number_is_refused_with_sku_and_day(price):
    with pytest.raises(InvalidFrameError, match="SKU 'A' has a price that is not a positive number on 2026-01-02"):
        build_panel(history_frame({"A": [1.0, price]}))


def test_a_panel_travels_to_another_process():
    panel = tiny_panel({"A": [1.0, None, 2.0]})
    arrived = pickle.loads(pickle.dumps(panel))
    assert arrived.skus == panel.skus
    assert arrived.last.tolist() == [2]
    np.testing.assert_array_equal(arrived.price, panel.price)
