"""The loop as a shop lives it: days come, are scored, a price moves for good, a new recipe is looked for; bad ones do not
stay."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pricecast_dagster.cli.main import main
from pricecast_dagster.forecasting.model import refit, train
from pricecast_dagster.operations import lineage, monitoring, retraining
from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU, Stage
from pricecast_dagster.stages.bundles import Origin, load_model, store_model
from pricecast_dagster.stages.training import panel_of
from pricecast_dagster.storage import monitor_results, registry, requests, served_scores, states, trials
from pricecast_dagster.storage.trials import Role, Trial, TrialStatus
from pricecast_dagster_tests.monitoring.overfit import overfitting_recipe, smuggled
from pricecast_dagster_tests.shop import Shop, open_shop

LEARNT, SHIFTED, CALM = 170, "SKU0001", "SKU0002"


def noisy_rows(days: int, *, shift_from: int | None = None, skus: tuple[str, ...] = (SHIFTED, CALM)) -> pd.DataFrame:
    """Products whose prices are noise about a level; that of the first moves for good on a day."""
    rng = np.random.default_rng(11)
    frames = []
    for position, sku in enumerate(skus):
        price = np.round((10 + 5 * position) * np.exp(rng.normal(0, 0.03, days)), 2)
        if sku == SHIFTED and shift_from is not None:
            price[shift_from:] = np.round(price[shift_from:] * 1.3, 2)
        dates = pd.date_range("2025-09-01", periods=days).as_unit("s")
        frames.append(pd.DataFrame({SKU: sku, DATE: dates, PRICE: price, QUANTITY: 5.0}))
    return pd.concat(frames, ignore_index=True)


def open_with(folder: Path, rows: pd.DataFrame, **settings: object) -> Shop:
    shop = open_shop(folder, products=2, days=90, trials=2, **settings)
    shop.settings = shop.settings.model_copy(update={"optimize": "auto"})
    shop.rows = rows
    return shop


def live(shop: Shop, rows: pd.DataFrame, first: int, last: int, step: int = 1) -> None:
    """Days come one after the other; each is refreshed."""
    start = rows[DATE].min()
    for day in range(first, last, step):
        shop.rows = rows[rows[DATE] <= start + pd.Timedelta(days=day)]
        shop.clock.now += timedelta(days=step)
        shop.save()
        assert not shop.refresh().failed


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


def smuggle(shop: Shop, sku: str) -> str:
    """Make an overfit model champion past every contest, as a promotion would have; returns its version."""
    context = shop.context()
    with context.database.read() as connection:
        before = registry.champions(connection)[sku]
        state = states.read_states(connection, [sku])[sku, Stage.FEATURE_TABLE]
    assert state.data_version is not None
    panel = panel_of(context, sku, state.data_version)
    bad = smuggled(train(panel, context.calendar, tuning=None, recipe=overfitting_recipe(), seed=1))
    bad = refit(panel, context.calendar, bad, seed=1)
    origin = Origin(sku, "smuggled", "smuggled", "f", 1, "contest", 0, before.feature_version, before.history_version, "1")
    row = store_model(context, bad, origin, context.clock())
    day = panel.days[-1].item()
    with context.database.write() as connection:
        registry.add(connection, [row])
        registry.promote(connection, sku, row.version, context.clock())
        states.set_version(connection, sku, Stage.PRICE_MODEL, row.version, "smuggled", context.clock())
        trial = Trial(
            sku, Role.PREDECESSOR, before.version, row.version, "smuggled", day, day + timedelta(days=28), context.clock()
        )
        trials.begin(connection, [trial])
    return before.version


@pytest.mark.loop
@pytest.mark.timeout(3000)
def test_a_smuggled_champion_is_rolled_back_within_a_fortnight_and_the_good_one_stays(tmp_path: Path) -> None:
    rows = noisy_rows(136, skus=(SHIFTED,))
    shop = open_with(tmp_path, rows)
    live(shop, rows, 119, 120)
    good = smuggle(shop, SHIFTED)
    verdicts = []
    for day in range(120, 135):
        live(shop, rows, day, day + 1)
        verdicts = list(monitoring.monitor(shop.context()).verdicts)
        if verdicts[0].status is not TrialStatus.OPEN:
            break
    assert verdicts[0].status is TrialStatus.ROLLED_BACK, verdicts[0].told
    context = shop.context()
    with context.database.read() as connection:
        champion = registry.champions(connection)[SHIFTED]
        assert (champion.version, champion.decision) == (good, verdicts[0].told)
        assert [one.kind for one in monitor_results.found(connection)] == ["trial"]
        assert trials.open_trials(connection) == {}
    report = shop.refresh()
    assert [(one.stage, one.reason) for one in report.outcomes if one.status == "fresh"] == [(Stage.FORECAST, "model changed")]
    assert lineage.why(context, SHIFTED).trials[0].status is TrialStatus.ROLLED_BACK
    assert load_model(context, SHIFTED, good).recipe != overfitting_recipe()


def test_a_better_recipe_shows_itself_unserved_first_where_that_is_set(tmp_path: Path) -> None:
    rows = noisy_rows(124, skus=(SHIFTED,))
    shop = open_with(tmp_path, rows, shadow_days=2)
    live(shop, rows, 119, 120)
    context = shop.context()
    with context.database.read() as connection:
        champion = registry.champions(connection)[SHIFTED]
    challenger = replace_version(shop, champion)
    day = rows[DATE].min().date() + timedelta(days=119)
    trial = Trial(SHIFTED, Role.CHALLENGER, challenger, champion.version, "won", day, day + timedelta(days=2), context.clock())
    with context.database.write() as connection:
        trials.begin(connection, [trial])
    live(shop, rows, 120, 122)
    (verdict,) = monitoring.monitor(shop.context()).verdicts
    assert verdict.evidence["days"] == 1
    # The same recipe, so neither is worse: at the end of its time the challenger was at least as good.
    assert verdict.status is TrialStatus.PROMOTED
    with context.database.read() as connection:
        assert registry.champions(connection)[SHIFTED].version == challenger


def replace_version(shop: Shop, champion: registry.ModelVersion) -> str:
    """The champion's own model once more, as a challenger."""
    context = shop.context()
    model = load_model(context, champion.sku, champion.version)
    origin = Origin(champion.sku, "test", "won", "f", 1, "contest", 0, champion.feature_version, champion.history_version, "1")
    row = store_model(context, model, origin, context.clock())
    with context.database.write() as connection:
        registry.add(connection, [row])
    return row.version
