"""The loop as a shop lives it: days come, are scored, a price moves for good, a new recipe is looked for; bad ones do not
stay."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from pricecast_dagster.cli.main import main
from pricecast_dagster.operations import findings, lineage, monitoring, retraining
from pricecast_dagster.schemas import DATE, PRICE, SKU, Stage
from pricecast_dagster.storage import registry, requests, served_scores
from pricecast_dagster_tests.monitoring.living import CALM, SHIFTED, live, noisy_rows, open_with
from pricecast_dagster_tests.shop import Shop

LEARNT = 170


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two weeks served, then a week after a move for good of one of the two products."""
    rows = noisy_rows(LEARNT + 24, shift_from=LEARNT + 17)
    shop = open_with(tmp_path_factory.mktemp("shifted"), rows)
    live(shop, rows, LEARNT, LEARNT + 17, step=4)
    live(shop, rows, LEARNT + 23, LEARNT + 24)
    return shop


def test_from_a_move_for_good_to_a_contest_with_its_reason(shifted: Shop) -> None:
    context = shifted.context()
    done = monitoring.monitor(context, release=False)
    assert list(done.asked) == [SHIFTED]
    assert done.record.counts["scored"] == 2
    with context.database.read() as connection:
        score = served_scores.latest(connection)[CALM]
        assert score.days == 23
        assert not score.small
        assert score.scaled is not None
        assert score.scaled < 1
    assert not any(outcome.sku == SHIFTED for outcome in shifted.refresh().outcomes if outcome.reason.startswith("retrain"))

    assert [one.sku for one in retraining.release(context)] == [SHIFTED]
    report = shifted.refresh()
    (trained,) = (one for one in report.outcomes if one.stage is Stage.PRICE_MODEL and one.status == "fresh")
    assert trained.reason == "retrain request: shift"
    with context.database.read() as connection:
        assert requests.newest(connection, [SHIFTED])[SHIFTED].version == trained.data_version
    story = lineage.why(context, SHIFTED)
    assert story.requests[0].evidence["told"]
    assert any(one.kind == "shift" for one in story.findings)
    assert {score.window_days for score in story.served} == {7, 28, 90}


def test_a_second_pass_changes_nothing_and_asks_for_nothing(shifted: Shop) -> None:
    context = shifted.context()
    first = monitoring.monitor(context)
    again = monitoring.monitor(context)
    assert again.record.counts["asked"] == 0
    assert again.record.portfolio == first.record.portfolio
    assert monitoring.is_due(context) is None


def test_a_person_takes_a_request_back_and_it_does_not_come_again(shifted: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    context = shifted.context()
    with context.database.write() as connection:
        requests.ask(connection, [requests.Asked(CALM, "age", {"told": "old"}, 1.2)], context.clock())
        (waiting,) = requests.waiting(connection)
    for name, value in shifted.settings.model_dump(mode="json", include={"home", "source"}).items():
        monkeypatch.setenv(f"PRICECAST_{name.upper()}", value)
    run = CliRunner().invoke
    assert CALM in run(main, ["monitor", "requests"]).output
    assert run(main, ["monitor", "cancel", f"{waiting.id}"]).exit_code == 0
    assert run(main, ["monitor", "cancel", f"{waiting.id}"]).exit_code == 1
    result = run(main, ["monitor", "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "2 of 2 products have served forecasts" in result.output
    assert "Request" in run(main, ["monitor", "request", CALM, "--no-optimize"]).output
    assert run(main, ["monitor", "trials"]).exit_code == 0


def test_accuracy_is_measured_against_what_was_promised_when_the_recipe_was_found(shifted: Shop) -> None:
    limits = dict.fromkeys(shifted.settings.retrain, 0.0) | {"accuracy": 0.001}
    strict = replace(shifted.context(), settings=shifted.settings.model_copy(update={"retrain": limits}))
    with strict.database.read() as connection:
        *_, first = registry.versions(connection, CALM)
        champion = registry.champions(connection)[CALM]
    assert champion.metrics["mae_multi"] != first.metrics["mae_multi"]
    done = monitoring.monitor(strict, release=False)
    with strict.database.read() as connection:
        served = served_scores.latest(connection)[CALM]
    figures = done.due[CALM].evidence["accuracy"]
    assert isinstance(figures, dict)
    lost = served.mae / float(str(first.metrics["mae_multi"]))
    assert figures["value"] == pytest.approx(1 + served.days / 28 * (lost - 1), abs=1e-4)


def test_a_history_that_was_corrected_is_told_with_its_share(tmp_path: Path) -> None:
    rows = noisy_rows(120)
    shop = open_with(tmp_path, rows)
    live(shop, rows, 117, 119)
    corrected = rows.copy()
    early = (corrected[SKU] == SHIFTED) & (corrected[DATE] < corrected[DATE].min() + pd.Timedelta(days=30))
    corrected.loc[early, PRICE] *= 0.9
    live(shop, corrected, 119, 120)
    done = monitoring.monitor(shop.context())
    assert {sku: due.rule for sku, due in done.due.items()} == {SHIFTED: "correction"}
    assert next(one for one in done.findings).verdict.startswith("25% of the days")

    # The rows were wrong and not the recipe: fitted and weighed again, no contest, and then it is settled.
    (trained,) = (one for one in shop.refresh().outcomes if one.stage is Stage.PRICE_MODEL and one.status == "fresh")
    assert (trained.sku, trained.reason) == (SHIFTED, "retrain request: correction")
    with shop.context().database.read() as connection:
        (request,) = requests.listed(connection)
        champion = registry.champions(connection)[SHIFTED]
    assert not request.optimize
    assert champion.decision == "the champion's recipe, weighed again"
    assert not monitoring.monitor(shop.context()).due


def test_a_price_that_becomes_noisier_is_told_and_nothing_is_asked_for(tmp_path: Path) -> None:
    rows = noisy_rows(LEARNT + 28)
    noisier = (rows[SKU] == SHIFTED) & (rows[DATE] >= rows[DATE].min() + pd.Timedelta(days=LEARNT + 5))
    rows.loc[noisier, PRICE] = (10 + 4 * (rows.loc[noisier, PRICE] - 10)).round(2)
    shop = open_with(tmp_path, rows)
    live(shop, rows, LEARNT, LEARNT + 28, step=7)
    context = shop.context()
    done = monitoring.monitor(context)
    (found,) = (one for one in done.findings if one.kind == "noise")
    assert found.sku == SHIFTED
    assert re.search(r"jumps about its forecasts [2-9]\.\d times as far as usual", found.verdict)
    assert done.record.counts["found_noise"] == 1
    assert "noise" not in {due.rule.value for due in done.due.values()}
    told = [one.subject for one in findings.monitored(context)]
    assert f"monitor:noise:{SHIFTED}" in told


def test_the_budget_of_a_day_lets_the_worst_through_and_the_rest_waits(tmp_path: Path) -> None:
    rows = noisy_rows(70)
    shop = open_with(tmp_path, rows, retrain_trials_a_day=3)
    live(shop, rows, 69, 70)
    context = shop.context()
    with context.database.write() as connection:
        asked = [requests.Asked(SHIFTED, "age", {}, 1.1), requests.Asked(CALM, "drift", {}, 2.0)]
        requests.ask(connection, asked, context.clock())
    assert [one.sku for one in retraining.release(context)] == [CALM]
    assert retraining.release(context) == []
    assert retraining.budget(context).trials_left == 1
    shop.clock.now += timedelta(days=1)
    assert [one.sku for one in retraining.release(context)] == [SHIFTED]
