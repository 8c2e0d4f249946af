"""The same inputs give the same bytes, on any history: with any number of threads, alone or in any batch, here or in a worker."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from pricecast_dagster.compute.local import LocalCompute
from pricecast_dagster.compute.protocol import Success
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.stages.lesson import Task, Way, carry_out
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")
BATCH = [(kind, seed) for kind in ("till_average", "shelf", "wholesale", "constant") for seed in (3, 4)]

some_histories = st.builds(
    lambda kind, seed, days: history_of(kind, 1, seed).tail(days),
    st.sampled_from(["till_average", "shelf", "high_low", "vegetable"]),
    st.integers(0, 1000),
    st.integers(70, 220),
)


def everything(model: Model, history: Panel) -> tuple[object, ...]:
    """All that a model is and says, as bytes."""
    return (
        model.texts,
        json.dumps(model.facts, sort_keys=True),
        json.dumps(model.recipe.to_json()),
        {name: array.tobytes() for name, array in model.arrays.items()},
        said(forecast([model], history, CALENDAR, 60), 0),
    )


def said(forecasts: Forecasts, position: int) -> tuple[bytes, ...]:
    parts = (forecasts.price, forecasts.lower_80, forecasts.upper_80, forecasts.lower_95, forecasts.upper_95)
    return tuple(part[position].tobytes() for part in parts)


@settings(max_examples=4, deadline=None)
@given(some_histories, st.integers(0, 2**31 - 1), st.sampled_from([0, 3]))
def test_the_number_of_threads_changes_no_byte_of_a_model(rows: pd.DataFrame, seed: int, trials: int) -> None:
    history = build_panel(rows)
    tuning = TuningPlan(trials) if trials else None
    found = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            model = train(history, CALENDAR, tuning=tuning, seed=seed)
            found.append((everything(model, history), everything(refit(history, CALENDAR, model, seed=seed), history)))
    assert found[0] == found[1]


@settings(max_examples=4, deadline=None)
@given(some_histories, st.integers(0, 300), st.integers(0, 60))
def test_days_of_other_products_change_no_byte_of_a_model(rows: pd.DataFrame, days_before: int, days_after: int) -> None:
    """A batch's panel reaches from the oldest record of its products to the newest; the others are padded."""
    history = build_panel(rows)
    neighbour = [history.first_day - days_before, history.days[-1] + days_after]
    others = pd.DataFrame({"sku": "neighbour", "date": np.array(neighbour, "datetime64[s]"), "price": 5.0, "quantity": 1.0})
    padded = build_panel(pd.concat([rows, others.drop_duplicates("date")])).select([0])
    assert padded.n_days == history.n_days + days_before + days_after
    own, other = (train(panel, CALENDAR, tuning=None, seed=5) for panel in (history, padded))
    assert everything(own, history) == everything(other, padded)


@cache
def batch() -> tuple[dict[str, Panel], dict[str, Model], pd.DataFrame]:
    """Eight products, a model of each, and their rows together."""
    frames = [history_of(kind, 1, seed).assign(sku=f"{kind}-{seed}") for kind, seed in BATCH]
    panels = {panel.skus[0]: panel for panel in map(build_panel, frames)}
    models = {sku: train(panel, CALENDAR, tuning=None, seed=1) for sku, panel in panels.items()}
    return panels, models, pd.concat(frames, ignore_index=True)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(BATCH))), st.integers(1, len(BATCH)), st.integers(1, 60))
def test_a_forecast_is_the_same_alone_and_in_any_batch_and_order(order: list[int], size: int, horizon_days: int) -> None:
    panels, models, rows = batch()
    together = build_panel(rows).select(order[:size])
    answers = forecast([models[sku] for sku in together.skus], together, CALENDAR, horizon_days)
    for position, sku in enumerate(together.skus):
        alone = forecast([models[sku]], panels[sku], CALENDAR, horizon_days)
        assert said(answers, position) == said(alone, 0)


@pytest.mark.parametrize("trials", [0, 2])
def test_models_are_the_same_from_this_process_and_from_workers_in_any_order(trials: int) -> None:
    panels, _, _ = batch()
    tasks = [
        Task(sku, Way.FIRST, panel, CALENDAR, None, trials, seed, 60)
        for seed, (sku, panel) in enumerate(sorted(panels.items()), start=1)
        if sku.endswith("3")
    ]
    here = LocalCompute(1).map(carry_out, tasks, seconds_each=0.0)
    elsewhere = LocalCompute(2).map(carry_out, tasks[::-1], seconds_each=100.0)[::-1]
    for task, one, other in zip(tasks, here, elsewhere, strict=True):
        assert isinstance(one, Success)
        assert isinstance(other, Success)
        assert everything(one.value.champion, task.panel) == everything(other.value.champion, task.panel)
