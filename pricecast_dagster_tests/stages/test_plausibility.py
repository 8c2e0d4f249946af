"""Checks of one product that a schema cannot make: what they find, where, and that they stop nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.schemas import PRICE
from pricecast_dagster.stages.features import feature_frame
from pricecast_dagster.stages.outcome import Check, Status
from pricecast_dagster.stages.plausibility import features_recomputed, forecast_plausible, history_plausible
from pricecast_dagster.storage.artifacts import Artifacts, SavedArtifact
from pricecast_dagster.testing import history_frame, random_history
from pricecast_dagster_tests.shop import Shop, open_shop

CALENDAR = HolidayCalendar("BR")


def test_a_step_of_more_than_five_times_is_told_with_its_day() -> None:
    check = history_plausible(history_frame({"A": [10.0] * 5 + [100.0] + [10.0] * 4}))
    assert not check.passed and not check.blocking
    assert "2 steps of more than 5 times" in check.description and "on 2026-01-06: 10 to 100" in check.description


def test_a_history_of_mostly_missing_days_is_told() -> None:
    check = history_plausible(history_frame({"A": [10.0, *[None] * 7, 11.0]}))
    assert "7 of 9 days have no price (78%)" in check.description


@given(seed=st.integers(0, 10_000), days=st.integers(2, 80), gaps=st.floats(0, 0.4))
def test_features_agree_with_themselves_made_again(seed: int, days: int, gaps: float) -> None:
    rows = random_history(1, days, seed=seed, gap_share=gaps)
    assert features_recomputed(feature_frame({"SKU0001": rows}, CALENDAR)).passed


@pytest.mark.parametrize("column", ["price_lag_7", "price_rolling_mean_30", "quantity_rolling_sum_7", "day_of_week"])
def test_a_feature_that_is_not_what_it_is_called_is_found(column: str) -> None:
    table = feature_frame({"SKU0001": random_history(1, 90, seed=1)}, CALENDAR)
    table[column] = table[column].shift(1)  # as if it saw another day
    table.loc[table.index[-1], column] = table[column].iloc[-1] + 0.01
    check = features_recomputed(table)
    assert not check.passed and column in check.description


def test_a_forecast_far_from_what_the_product_cost_is_told_with_its_first_day() -> None:
    rows = history_frame({"A": [10.0] * 40})
    answer = rows.head(3).assign(price=[10.0, 25.0, 26.0], lower_95=9.0, upper_95=30.0)
    check = forecast_plausible(answer, rows)
    assert not check.passed
    assert "2 of 3 days are outside 5 to 20, first 2026-01-02 with 25" in check.description


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    return open_shop(tmp_path, products=2, days=70, database_url=database_url)


def checks_of(shop: Shop, **plan: object) -> dict[tuple[str, str], Check]:
    return {(outcome.sku, check.name): check for outcome in shop.refresh(**plan).outcomes for check in outcome.checks}


def test_every_stage_checks_every_product_and_quiet_ones_are_news_only_where_they_change(shop: Shop) -> None:
    sound = shop.rows.copy()
    first = checks_of(shop)
    assert {name for _, name in first} == {
        "history_schema", "history_plausible", "features_schema", "features_recomputed",
        "beats_naive", "artefact_loads", "forecast_schema", "forecast_plausible",
    }  # fmt: skip
    assert {name for (_, name), check in first.items() if check.quiet and check.news and check.passed} == set()
    shop.rows.loc[shop.rows.index[60], PRICE] *= 9
    shop.save()
    second = checks_of(shop)
    assert second["SKU0001", "history_plausible"].news and not second["SKU0001", "history_plausible"].passed
    shop.rows = sound
    shop.save()
    third = checks_of(shop)
    assert third["SKU0001", "history_plausible"].news and third["SKU0001", "history_plausible"].passed
    assert all(outcome.status is not Status.FAILED for outcome in shop.refresh().outcomes)


def test_a_model_that_does_not_come_back_whole_is_told_and_the_forecast_is_made_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Artifacts.save

    def on_a_bad_disk(self: Artifacts, sku: str, version: str, *rest: object) -> SavedArtifact:
        saved = save(self, sku, version, *rest)  # type: ignore[arg-type]
        for file in Path(shop.settings.home).glob(f"models/*/{sku}/{version}/arrays.npz"):
            file.write_bytes(file.read_bytes()[:-1])
        return saved

    monkeypatch.setattr(Artifacts, "save", on_a_bad_disk)
    report = shop.refresh()
    assert not report.failed
    found = [check for outcome in report.outcomes for check in outcome.checks if check.name == "artefact_loads"]
    assert [check.passed for check in found] == [False, False]
    assert all(check.news and "is not as it was saved" in check.description for check in found)
