"""Additional members: each learns, comes back from its text, and answers the same alone and in any batch."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from pricecast_dagster.errors import TrainingError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.members import forest, gradients, ridge
from pricecast_dagster.forecasting.members.roster import MEMBERS
from pricecast_dagster.forecasting.model import Model, forecast, train
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.recipe import (
    ADDITIONAL,
    CATBOOST,
    DIRECT_STEP,
    EXTRA_TREES,
    RIDGE,
    SEASONAL_MEAN,
    THETA,
    XGBOOST,
    Recipe,
    default_recipe,
)
from pricecast_dagster.forecasting.samples import build_samples
from pricecast_dagster.settings import Settings
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")
ENGINES = {
    RIDGE: (ridge.fit, ridge.load),
    EXTRA_TREES: (forest.fit, forest.load),
    XGBOOST: (gradients.fit_xgboost, gradients.load_xgboost),
    CATBOOST: (gradients.fit_catboost, gradients.load_catboost),
}


def locked(*names: str) -> list[object]:
    """Names as test parameters; skipped only where the lock leaves the package out, and not where it happens to be missing."""
    on_linux = sys.platform == "linux"
    left_out = {XGBOOST: not on_linux, CATBOOST: not on_linux or sys.version_info >= (3, 14)}
    skip = pytest.mark.skip(reason="requirements/dev.txt has no such package for this platform")
    return [pytest.param(name, marks=[skip] if left_out.get(name, False) else []) for name in names]


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(2)
    features = generator.normal(size=(count, 8)).round(3)
    features[:, 7] = 0.0  # hidden
    return features, features[:, 0] + 0.5 * np.abs(features[:, 1]) + generator.normal(0, 0.1, count)


def weekly(last_day: int = 260) -> Panel:
    """Dearer at weekends, and a slope: each member has something to learn."""
    days = np.arange(last_day)
    noise = np.random.default_rng(3).normal(0, 0.3, len(days))
    return tiny_panel({"weekly": np.round(20 + 0.01 * days + 3 * (days % 7 >= 5) + noise, 2).tolist()})


@pytest.mark.parametrize("name", locked(*ENGINES))
def test_an_engine_learns_and_answers_a_row_alike_alone_and_among_others_on_any_threads(name: str) -> None:
    features, target = rows()
    fit, load = ENGINES[name]
    learner = default_recipe().learners[DIRECT_STEP]
    text = fit(features, target, learner, 1)
    with threadpool_limits(4):
        assert fit(features, target, learner, 1) == text
    engine = load(text)
    answers = engine(features)
    assert np.corrcoef(answers, target)[0, 1] > 0.8
    for row in (0, 7, 399):
        assert engine(features[row : row + 1])[0] == answers[row]


def test_ridge_is_scikit_learns_on_standardised_features() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    features, target = rows()
    scaled = StandardScaler().fit_transform(features)
    expected = Ridge(alpha=0.1 * len(target)).fit(scaled, target).predict(scaled)
    text = ridge.fit(features, target, default_recipe().learners[DIRECT_STEP], 1)
    assert ridge.load(text)(features) == pytest.approx(expected)


def test_a_forest_answers_from_its_text_what_scikit_learn_answers() -> None:
    from sklearn.ensemble import ExtraTreesRegressor

    features, target = rows()
    text = forest.fit(features, target, default_recipe().learners[DIRECT_STEP], 5)
    same = ExtraTreesRegressor(
        n_estimators=forest.TREES, min_samples_leaf=20, max_leaf_nodes=24, max_features=0.5, random_state=5, n_jobs=1
    ).fit(features.astype(np.float32), target)
    assert forest.load(text)(features) == pytest.approx(same.predict(features.astype(np.float32)))


def test_the_seasonal_mean_is_that_of_the_weekday_over_four_weeks() -> None:
    history = weekly()
    origins = Origins(history, np.zeros(1, np.intp), history.last, CALENDAR)
    answer = MEMBERS[SEASONAL_MEAN].forecast([MEMBERS[SEASONAL_MEAN].fit(None, None, 1)], np.zeros(1, np.intp), origins, 10)[0]
    prices = history.price[0].tolist()
    for ahead in range(1, 11):
        same_weekday = [prices[day] for day in range(len(prices) - 28, len(prices)) if (len(prices) - 1 + ahead - day) % 7 == 0]
        assert answer[ahead - 1] == pytest.approx(np.mean(same_weekday))


def test_theta_is_smoothing_with_half_the_slope() -> None:
    history = weekly()
    samples = build_samples(history, CALENDAR, default_recipe())
    fitted = MEMBERS[THETA].fit(samples, default_recipe(), 1)
    slope = np.polyfit(np.arange(history.n_days), history.price[0], 1)[0]
    assert fitted.numbers["drift"] == pytest.approx(slope)
    alpha, level = fitted.numbers["alpha"], history.price[0, 0]
    for price in history.price[0]:
        level = alpha * price + (1 - alpha) * level
    origins = Origins(history, np.zeros(1, np.intp), history.last, CALENDAR)
    answer = MEMBERS[THETA].forecast([fitted], np.zeros(1, np.intp), origins, 5)[0]
    assert answer == pytest.approx([level + slope / 2 * (ahead + 1 / alpha) for ahead in range(5)])


@pytest.mark.parametrize("name", locked(*ADDITIONAL))
def test_a_member_is_weighed_by_past_origins_kept_as_text_and_forecasts_alike_in_any_batch(name: str) -> None:
    recipe = default_recipe().with_members([name])
    frames = [history_of("till_average", 1, 3), history_of("high_low", 1, 3)]
    singles = [build_panel(frame) for frame in frames]
    models = [train(single, CALENDAR, tuning=None, recipe=recipe, seed=1) for single in singles]
    assert all(np.isfinite(model.facts["member_errors"][name]) for model in models)
    # Served whatever it earned, so that its answers are compared too.
    models = [served(model, single, name) for model, single in zip(models, singles, strict=True)]
    both = build_panel(pd.concat(frames, ignore_index=True))
    together = forecast(models, both, CALENDAR, 30)
    for position, (model, single) in enumerate(zip(models, singles, strict=True)):
        facts = json.loads(json.dumps(model.facts, allow_nan=False))
        again = Model(Recipe.from_json(model.recipe.to_json()), dict(model.texts), model.arrays, facts)
        alone = forecast([again], single, CALENDAR, 30)
        assert together.price[position].tobytes() == alone.price[0].tobytes()


def served(model: Model, history: Panel, name: str) -> Model:
    """The model with half of its weight on one member."""
    fitted = MEMBERS[name].fit(build_samples(history, CALENDAR, model.recipe), model.recipe, 1)
    kept = {other: 0.5 * weight for other, weight in model.blend.weights.items()}
    facts = dict(model.facts)
    facts["blend"] = {"kind": model.blend.kind.value, "weights": kept | {name: 0.5}}
    facts["members"] = model.facts["members"] | {name: fitted.numbers}
    return Model(model.recipe, model.texts | ({name: fitted.text} if fitted.text else {}), model.arrays, facts)


@pytest.mark.parametrize("name", locked(*ADDITIONAL))
def test_a_price_that_never_moved_stays_where_it_is(name: str) -> None:
    history = tiny_panel({"A": [19.9] * 100})
    model = train(history, CALENDAR, tuning=None, recipe=default_recipe().with_members([name]), seed=1)
    assert (forecast([model], history, CALENDAR, 60).price == 19.9).all()


def test_without_being_asked_for_there_are_none_and_they_go_as_they_came() -> None:
    recipe = default_recipe()
    assert not any(name in ADDITIONAL for names in recipe.by_kind.values() for name in names)
    assert recipe.with_members([THETA, RIDGE]).with_members([]) == recipe
    assert recipe.with_members([RIDGE, THETA]) == recipe.with_members([THETA, RIDGE])


def test_the_setting_knows_every_additional_member() -> None:
    assert Settings(members=list(ADDITIONAL)).members == list(ADDITIONAL)


def test_a_member_whose_package_is_absent_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xgboost", None)
    with pytest.raises(TrainingError, match="'xgboost' needs the package") as raised:
        gradients.fit_xgboost(*rows(), default_recipe().learners[DIRECT_STEP], 1)
    assert "pricecast-dagster[ensemble]" in raised.value.remedy
