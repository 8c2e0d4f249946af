"""Models on trial in a shop: bad champions do not stay, good ones do, a better recipe shows itself first."""

from datetime import timedelta
from pathlib import Path

import pytest

from pricecast_dagster.forecasting.model import refit, train
from pricecast_dagster.forecasting.recipe import Recipe, default_recipe
from pricecast_dagster.operations import lineage, monitoring
from pricecast_dagster.operations.trials import Verdict
from pricecast_dagster.schemas import DATE, Stage
from pricecast_dagster.stages.bundles import Origin, load_model, store_model
from pricecast_dagster.stages.stored import panel_of
from pricecast_dagster.storage import registry, states, trials
from pricecast_dagster.storage.trials import Role, Trial, TrialStatus
from pricecast_dagster_tests.monitoring.living import SHIFTED, live, noisy_rows, open_with, wandering_rows
from pricecast_dagster_tests.monitoring.overfit import overfitting_recipe, smuggled
from pricecast_dagster_tests.shop import Shop


def origin_beside(shop: Shop, champion: registry.ModelVersion, decision: str) -> Origin:
    """Where a model would come from that was made in a contest with the champion, from the same rows."""
    with shop.context().database.read() as connection:
        state = states.read_states(connection, [champion.sku])[champion.sku, Stage.PRICE_MODEL]
    assert state.inputs is not None
    return Origin(
        sku=champion.sku,
        reason="test",
        decision=decision,
        fingerprint="f",
        seed=1,
        way="contest",
        trials=0,
        predecessor=champion.version,
        feature_version=champion.feature_version,
        history_version=champion.history_version,
        code_version=state.inputs.code_version,
    )


def promote_past_every_contest(shop: Shop, sku: str, recipe: Recipe, *, forged: bool) -> str:
    """Make a model of this recipe champion, on probation as after a promotion; returns the version of the one before."""
    context = shop.context()
    with context.database.read() as connection:
        before = registry.champions(connection)[sku]
        state = states.read_states(connection, [sku])[sku, Stage.FEATURE_TABLE]
    assert state.data_version is not None
    panel = panel_of(context, sku, state.data_version)
    model = train(panel, context.calendar, tuning=None, recipe=recipe, seed=1)
    if forged:
        model = refit(panel, context.calendar, smuggled(model), seed=1)
    row = store_model(context, model, origin_beside(shop, before, "smuggled"), context.clock())
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
@pytest.mark.timeout(900)
def test_smuggled_champions_are_rolled_back_within_a_fortnight_of_service_and_good_ones_stay(tmp_path: Path) -> None:
    bad, good = ("BAD1", "BAD2", "BAD3", "BAD4"), ("GOOD1", "GOOD2")
    rows = wandering_rows(136, (*bad, *good))
    shop = open_with(tmp_path, rows)
    live(shop, rows, 119, 120)
    before = {sku: promote_past_every_contest(shop, sku, overfitting_recipe(), forged=True) for sku in bad}
    before |= {sku: promote_past_every_contest(shop, sku, default_recipe(), forged=False) for sku in good}
    verdicts: dict[str, Verdict] = {}
    for day in range(120, 135):
        live(shop, rows, day, day + 1)
        judged = monitoring.monitor(shop.context()).verdicts
        verdicts |= {one.trial.sku: one for one in judged}
        rolled_back = {one.trial.sku for one in judged if one.status is TrialStatus.ROLLED_BACK}
        if rolled_back:
            remade = [one for one in shop.refresh().outcomes if one.reason == "model changed" and one.status == "fresh"]
            assert {one.sku for one in remade if one.stage is Stage.FORECAST} == rolled_back
            context = shop.context()
            with context.database.read() as connection:
                champions = registry.champions(connection)
            for sku in rolled_back:
                assert (champions[sku].version, champions[sku].decision) == (before[sku], verdicts[sku].told)
                assert load_model(context, sku, before[sku]).recipe != overfitting_recipe()
                assert lineage.why(context, sku).trials[0].status is TrialStatus.ROLLED_BACK
    told = "\n".join(f"{sku}: {one.told}" for sku, one in sorted(verdicts.items()))
    # An overfit one that was no worse has nothing to be rolled back for: it is known by its error, not by its recipe.
    worse = {sku for sku, one in verdicts.items() if float(str(one.evidence["ratio"])) >= 2}
    assert {sku for sku, one in verdicts.items() if one.status is TrialStatus.ROLLED_BACK} == worse, told
    assert len(worse & set(bad)) >= 3, told
    assert not worse & set(good), told
    assert all(int(str(verdicts[sku].evidence["days"])) <= 14 for sku in worse), told


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
    origin = origin_beside(shop, champion, "won")
    row = store_model(context, model, origin, context.clock())
    with context.database.write() as connection:
        registry.add(connection, [row])
    return row.version
