from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.errors import SourceUnavailableError
from pricecast_dagster.schemas import PRICE, SKU, STAGES, Stage
from pricecast_dagster.stages import refresh
from pricecast_dagster.stages.outcome import Outcome, Report, Status
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.storage import forecasts, products, registry, requests, retention, states
from pricecast_dagster_tests.shop import Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    return open_shop(tmp_path, database_url=database_url)


def computed(report: Report) -> set[tuple[str, str]]:
    return {(outcome.sku, outcome.stage.value) for outcome in report.outcomes if outcome.status is not Status.UNCHANGED}


def chain(*skus: str) -> set[tuple[str, str]]:
    return {(sku, stage.value) for sku in skus for stage in STAGES}


def outcome_of(report: Report, sku: str, stage: Stage) -> Outcome:
    (found,) = [outcome for outcome in report.outcomes if (outcome.sku, outcome.stage) == (sku, stage)]
    return found


def test_an_empty_home_is_brought_to_forecasts_of_all_products(shop: Shop) -> None:
    report = shop.refresh()
    assert report.failed == ()
    assert computed(report) == chain("SKU0001", "SKU0002", "SKU0003", "SKU0004")
    with shop.context().database.read() as connection:
        current = forecasts.currents(connection, ["SKU0001", "SKU0002", "SKU0003", "SKU0004"])
        champions = registry.champions(connection)
    assert set(current) == set(champions) == {"SKU0001", "SKU0002", "SKU0003", "SKU0004"}
    forecast = current["SKU0001"]
    assert forecast.horizon_days == shop.settings.horizon_days
    assert forecast.model_used == f"LightGBM_v{champions['SKU0001'].version}"
    bands = zip(forecast.lower_95, forecast.lower_80, forecast.price, forecast.upper_80, forecast.upper_95, strict=True)
    assert all(list(band) == sorted(band) for band in bands)


def test_a_second_refresh_does_nothing_and_does_not_even_read_the_source(shop: Shop) -> None:
    shop.refresh()
    report = shop.refresh()
    assert report.outcomes == ()
    assert not report.ingested.read


def test_rewriting_the_file_shuffled_changes_nothing(shop: Shop) -> None:
    shop.refresh()
    shop.rows = shop.rows.sample(frac=1.0, random_state=1)
    shop.save()
    report = shop.refresh()
    assert report.ingested.read
    assert computed(report) == set()
    assert report.count(Stage.RAW_HISTORY, Status.UNCHANGED) == 4


def test_a_new_day_of_two_products_updates_exactly_these_and_refits_their_models(shop: Shop) -> None:
    shop.refresh()
    shop.append_day(["SKU0002", "SKU0004"])
    report = shop.refresh()
    assert report.failed == ()
    assert computed(report) == chain("SKU0002", "SKU0004")
    assert {outcome.reason for outcome in report.outcomes if outcome.status is Status.FRESH} == {"data changed"}
    assert outcome_of(report, "SKU0002", Stage.PRICE_MODEL).metadata["way"] == "refit"


def test_a_jump_beyond_the_bands_has_the_recipe_weighed_again(shop: Shop) -> None:
    shop.refresh()
    before = float(shop.rows[shop.rows[SKU] == "SKU0002"][PRICE].iloc[-1])
    shop.append_day(["SKU0002"], price=round(before * 0.8, 2))
    report = shop.refresh()
    assert outcome_of(report, "SKU0002", Stage.PRICE_MODEL).metadata["way"] == "weigh"


def test_a_product_that_cannot_be_trained_on_fails_alone_and_a_simple_method_answers(shop: Shop) -> None:
    shop.ruin("SKU0003")
    report = shop.refresh()
    assert [(outcome.sku, outcome.stage) for outcome in report.failed] == [("SKU0003", Stage.FEATURE_TABLE)]
    assert computed(report) == chain("SKU0001", "SKU0002", "SKU0004") | {
        ("SKU0003", "raw_history"),
        ("SKU0003", "feature_table"),
        ("SKU0003", "forecast"),
    }
    error = outcome_of(report, "SKU0003", Stage.FEATURE_TABLE).error
    assert error is not None and "SKU0003" in error and "quantity" in error
    with shop.context().database.read() as connection:
        assert forecasts.current(connection, "SKU0003").model_version is None


def test_a_failed_product_is_not_tried_again_until_its_data_changes(shop: Shop) -> None:
    good = shop.rows.copy()
    shop.ruin("SKU0003")
    shop.refresh()
    assert shop.refresh().outcomes == ()
    shop.rows = good
    shop.save()
    report = shop.refresh()
    assert report.failed == ()
    assert computed(report) == chain("SKU0003")


def test_a_correction_that_is_taken_back_clears_the_failure(shop: Shop) -> None:
    shop.refresh()
    good = shop.rows.copy()
    shop.ruin("SKU0003")
    assert len(shop.refresh().failed) == 1
    shop.rows = good
    shop.save()
    assert shop.refresh().failed == ()
    with shop.context().database.read() as connection:
        assert states.failed(connection) == []


def test_a_product_whose_rows_are_all_rejected_fails_with_its_reasons(shop: Shop) -> None:
    shop.rows.loc[shop.rows[SKU] == "SKU0001", PRICE] = -1.0
    shop.rows = shop.rows
    (shop.file.parent / "products.csv").parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"sku": sorted(shop.rows[SKU].unique()), "name": "x", "category": "y"}).to_csv(
        shop.file.parent / "products.csv", index=False
    )
    shop.save()
    report = shop.refresh()
    assert [(outcome.sku, outcome.stage) for outcome in report.failed] == [("SKU0001", Stage.RAW_HISTORY)]
    assert "price negative (150)" in str(report.failed[0].error)
    rejected = shop.context().frames.read_rejected(1)
    assert list(rejected["line"]) == list(range(2, 152))
    assert set(rejected["reason"]) == {"price negative"}
    assert shop.refresh().outcomes == ()


def list_products(shop: Shop, *more: str) -> None:
    skus = [*sorted(shop.rows[SKU].unique()), *more]
    pd.DataFrame({"sku": skus, "name": "x", "category": "y"}).to_csv(shop.file.parent / "products.csv", index=False)


def test_a_product_that_is_listed_twice_and_has_no_price_is_no_failure(shop: Shop) -> None:
    list_products(shop, "NEW", "NEW", "SKU0001")
    report = shop.refresh()
    assert report.failed == ()
    assert report.ingested.lines["rejected: exact duplicate (one is kept)"] == 2
    assert computed(report) == chain("SKU0001", "SKU0002", "SKU0003", "SKU0004")
    assert outcome_of(report, "SKU0001", Stage.RAW_HISTORY).metadata["rejected_rows"] == 0


def test_a_list_with_products_twice_does_not_hide_that_all_prices_are_gone(tmp_path: Path, database_url: str) -> None:
    shop = open_shop(tmp_path, products=11, days=40, database_url=database_url)
    shop.refresh()
    list_products(shop, *shop.rows[SKU].unique())
    shop.rows = shop.rows.iloc[:0]
    shop.save()
    report = shop.refresh()
    assert report.failed == ()
    assert report.ingested.removed == ()
    assert any("11 of 11 products are not in the source any more" in note for note in report.ingested.notes)


def test_a_young_product_is_forecast_by_a_simple_method_and_gets_a_model_when_it_is_old_enough(shop: Shop) -> None:
    young = shop.rows[SKU] == "SKU0001"
    shop.rows = pd.concat([shop.rows[~young], shop.rows[young].iloc[:59]], ignore_index=True)
    shop.save()
    report = shop.refresh()
    assert report.failed == ()
    assert "59 days" in str(outcome_of(report, "SKU0001", Stage.PRICE_MODEL).metadata["decision"])
    assert "LightGBM" not in str(outcome_of(report, "SKU0001", Stage.FORECAST).metadata["model_used"])
    shop.append_day(["SKU0001"])
    report = shop.refresh()
    assert str(outcome_of(report, "SKU0001", Stage.FORECAST).metadata["model_used"]).startswith("LightGBM_v")


def test_products_go_and_come_back(shop: Shop) -> None:
    shop.refresh()
    whole = shop.rows.copy()
    shop.drop("SKU0002")
    report = shop.refresh()
    assert report.ingested.removed == ("SKU0002",)
    assert computed(report) == set()
    with shop.context().database.read() as connection:
        assert products.active_skus(connection) == {"SKU0001", "SKU0003", "SKU0004"}
    shop.rows = whole
    shop.save()
    report = shop.refresh()
    assert report.ingested.returned == ("SKU0002",)
    assert computed(report) == chain("SKU0002")


def test_a_retrain_request_is_answered_once(shop: Shop) -> None:
    shop.refresh()
    context = shop.context()
    with context.database.write() as connection:
        requests.create(connection, "SKU0001", "drift", shop.clock(), optimize=False)
    report = shop.refresh()
    assert computed(report) == {("SKU0001", "price_model"), ("SKU0001", "forecast")}
    assert outcome_of(report, "SKU0001", Stage.PRICE_MODEL).reason == "retrain request: drift"
    assert shop.refresh().outcomes == ()
    with context.database.read() as connection:
        assert requests.newest(connection, ["SKU0001"])["SKU0001"].status == "answered"


def test_the_same_inputs_give_the_same_forecast_alone_and_in_any_batch(tmp_path: Path) -> None:
    together = open_shop(tmp_path / "together", products=3)
    together.refresh()
    alone = open_shop(tmp_path / "alone", products=3)
    for sku in ("SKU0003", "SKU0001", "SKU0002"):
        alone.refresh(skus=(sku,))
    answers = []
    for shop in (together, alone):
        with shop.context().database.read() as connection:
            current = forecasts.currents(connection, ["SKU0001", "SKU0002", "SKU0003"])
        answers.append(np.array([[current[sku].price, current[sku].upper_95] for sku in sorted(current)]))
    np.testing.assert_array_equal(*answers)


def test_a_source_that_is_not_there_changes_nothing(shop: Shop) -> None:
    shop.refresh()
    shop.file.unlink()
    with pytest.raises(SourceUnavailableError):
        shop.refresh()
    with shop.context().database.read() as connection:
        assert len(products.active_skus(connection)) == 4


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_raised_code_version_computes_that_stage_and_what_is_below_it(
    shop: Shop, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.refresh()
    from pricecast_dagster.stages import versions

    monkeypatch.setattr(versions, "CODE_VERSIONS", {**versions.CODE_VERSIONS, stage: "next"})
    report = shop.refresh()
    assert computed(report) == {
        (sku, below)
        for sku, below in chain("SKU0001", "SKU0002", "SKU0003", "SKU0004")
        if STAGES.index(Stage(below)) >= STAGES.index(stage)
    }


def test_asked_for_alone_a_stage_says_what_is_missing_above_it(shop: Shop) -> None:
    shop.refresh(stages=frozenset({Stage.RAW_HISTORY}))
    report = shop.refresh(stages=frozenset({Stage.PRICE_MODEL}), only_stale=False, skus=("SKU0001",), source="never")
    assert [outcome.stage for outcome in report.failed] == [Stage.PRICE_MODEL]
    assert "feature_table" in str(report.failed[0].error)


def test_of_two_runs_on_one_product_the_second_to_finish_sees_it_and_loses_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.refresh()
    shop.append_day(["SKU0001"])
    from pricecast_dagster.stages import training

    trained: Callable[..., training.Training] = training.train
    inner: list[Report] = []

    def train_while_another_run_passes(*arguments: object) -> training.Training:
        monkeypatch.setattr(training, "train", trained)
        shop.append_day(["SKU0001"])
        inner.append(shop.refresh())
        return trained(*arguments)

    monkeypatch.setattr(training, "train", train_while_another_run_passes)
    outer = shop.refresh()
    assert computed(inner[0]) == chain("SKU0001")
    assert computed(outer) == set()
    assert shop.refresh().computed == 0
    with shop.context().database.read() as connection:
        newest = forecasts.current(connection, "SKU0001")
    assert str(newest.origin) == "2026-06-01"


def test_a_model_made_in_the_second_its_predecessor_was_deleted_in_has_a_name_of_its_own(shop: Shop) -> None:
    moment = shop.clock()
    context = replace(shop.context(), clock=lambda: moment)
    refresh.run(context, Plan(skus=("SKU0001",)))
    with context.database.write() as connection:
        retention.delete(connection, "SKU0001", moment)
    refresh.run(context, Plan(skus=("SKU0001",), stages=frozenset({Stage.PRICE_MODEL}), only_stale=False, source="never"))
    with context.database.read() as connection:
        versions = registry.versions(connection, "SKU0001")
    assert [model.champion for model in versions] == [True, False]


def test_what_a_killed_run_left_in_the_same_second_is_in_nobodys_way(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = shop.clock()
    context = replace(shop.context(), clock=lambda: moment)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(requests, "answer", die)
        refresh.run(context, Plan(skus=("SKU0001",)))
    shop.append_day(["SKU0001"])
    report = refresh.run(context, Plan(skus=("SKU0001",)))
    assert computed(report) == chain("SKU0001")
    assert not report.failed
    with context.database.read() as connection:
        (model,) = registry.versions(connection, "SKU0001")
    assert model.version == registry.version_name(moment + timedelta(seconds=1))


def test_another_horizon_is_told_as_changed_settings_and_not_as_changed_code(shop: Shop) -> None:
    shop.refresh(optimize="never")
    shop.settings = shop.settings.model_copy(update={"horizon_days": 21})
    report = shop.refresh()
    assert {(outcome.stage, outcome.reason) for outcome in report.outcomes if outcome.status is Status.FRESH} == {
        (Stage.FORECAST, "settings changed")
    }


def test_rows_that_are_taken_away_take_the_model_with_them(shop: Shop) -> None:
    shop.refresh(optimize="never")
    own = shop.rows.index[shop.rows[SKU] == "SKU0002"]
    shop.rows = shop.rows.drop(own[:-3]).reset_index(drop=True)
    shop.save()
    report = shop.refresh()
    assert report.failed == ()
    assert "3 days of history" in str(outcome_of(report, "SKU0002", Stage.PRICE_MODEL).metadata["decision"])
    assert not str(outcome_of(report, "SKU0002", Stage.FORECAST).metadata["model_used"]).startswith("LightGBM")


def test_a_product_without_a_model_has_no_champion_and_the_next_model_is_not_called_its_first(shop: Shop) -> None:
    shop.refresh(optimize="never")
    whole = shop.settings
    shop.settings = whole.model_copy(update={"minimum_history_days": 200})
    assert shop.refresh().failed == ()
    with shop.context().database.read() as connection:
        assert registry.champions(connection) == {}
    shop.settings = whole
    report = shop.refresh(optimize="never")
    assert report.failed == ()
    assert "no earlier one answers" in str(outcome_of(report, "SKU0002", Stage.PRICE_MODEL).metadata["decision"])
    with shop.context().database.read() as connection:
        assert len(registry.champions(connection)) == 4
