"""Simple methods on any history: against the oracle, without look-ahead, independent of the batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricecast_dagster.forecasting.baselines import ALPHAS, SIMPLE_METHODS, ladder, smoothed_level
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.oracles import baselines as oracle

HORIZON_DAYS = 10

cents = st.integers(1, 10**6).map(lambda amount: amount / 100)


@st.composite
def panels(draw, max_skus: int = 3) -> Panel:
    """Panels whose SKUs have gaps and begin and end on different days."""
    n_days = draw(st.integers(1, 45))
    prices = {}
    for sku in "ABC"[: draw(st.integers(1, max_skus))]:
        pool = st.sampled_from(draw(st.lists(cents, min_size=1, max_size=5)))
        prices[sku] = draw(st.lists(st.none() | pool, min_size=n_days, max_size=n_days))
        prices[sku][draw(st.integers(0, n_days - 1))] = draw(pool)
    return tiny_panel(prices)


def own_history(panel: Panel, position: int) -> tuple[list[float], list[bool]]:
    own = slice(panel.first[position], panel.last[position] + 1)
    return panel.price[position, own].tolist(), panel.observed[position, own].tolist()


@given(panels())
def test_means_and_seasons_are_what_plain_python_says(panel):
    for position in range(panel.n_skus):
        prices, _ = own_history(panel, position)
        expected = {
            "last value": [prices[-1]] * HORIZON_DAYS,
            "seasonal naive": [oracle.same_weekday(prices, ahead) for ahead in range(1, HORIZON_DAYS + 1)],
            "7-day mean": [oracle.mean_of_last(prices, 7)] * HORIZON_DAYS,
            "28-day mean": [oracle.mean_of_last(prices, 28)] * HORIZON_DAYS,
        }
        for name, forecast in expected.items():
            answered = SIMPLE_METHODS[name](panel, panel.last, HORIZON_DAYS)[position]
            np.testing.assert_allclose(answered, forecast, rtol=1e-12, err_msg=name)


@given(panels())
def test_smoothing_has_the_level_of_the_recurrence_and_no_constant_would_have_erred_less(panel):
    levels, alphas = smoothed_level(panel, panel.last)
    for position, (level, alpha) in enumerate(zip(levels, alphas, strict=True)):
        prices, observed = own_history(panel, position)
        assert alpha in ALPHAS
        assert level == pytest.approx(oracle.levels(prices, alpha)[-1], rel=1e-12)
        errors = {other: oracle.error_of_alpha(prices, observed, other) for other in ALPHAS}
        assert errors[alpha] <= min(errors.values()) + 1e-9 * (1 + max(errors.values()))


@pytest.mark.parametrize("method", SIMPLE_METHODS.values(), ids=SIMPLE_METHODS.keys())
class TestEveryMethod:
    @given(panel=panels(), data=st.data())
    def test_sees_nothing_after_the_origin(self, method, panel, data):
        origin = data.draw(st.integers(0, panel.n_days - 1))
        origins = np.full(panel.n_skus, origin)
        known = panel.until(panel.days[origin])
        assert method(panel, origins, 3).tobytes() == method(known, origins, 3).tobytes()

    @given(panel=panels(), data=st.data())
    def test_gives_a_sku_the_same_bytes_alone_and_in_a_batch_and_however_early_the_panel_begins(self, method, panel, data):
        batch = method(panel, panel.last, HORIZON_DAYS)
        position = data.draw(st.integers(0, panel.n_skus - 1))
        alone = panel.select([position])
        first = int(alone.first[0])
        trimmed = Panel(
            alone.skus,
            alone.days[first],
            alone.price[:, first:],
            alone.quantity[:, first:],
            alone.observed[:, first:],
        )
        assert method(alone, alone.last, HORIZON_DAYS).tobytes() == batch[position].tobytes()
        assert method(trimmed, trimmed.last, HORIZON_DAYS).tobytes() == batch[position].tobytes()

    @given(panel=panels())
    def test_stays_within_the_prices_there_were(self, method, panel):
        forecasts = method(panel, panel.last, HORIZON_DAYS)
        slack = 1e-9 * np.nanmax(panel.price, axis=1)
        assert (forecasts.min(axis=1) >= np.nanmin(panel.price, axis=1) - slack).all()
        assert (forecasts.max(axis=1) <= np.nanmax(panel.price, axis=1) + slack).all()


@given(panels(), st.permutations(range(3)))
def test_the_ladder_answers_a_sku_the_same_in_any_batch_and_order(panel, order):
    chosen = [position for position in order if position < panel.n_skus]
    whole, shuffled = ladder(panel, 3), ladder(panel.select(chosen), 3)
    assert shuffled.price.tobytes() == whole.price[chosen].tobytes()
    assert shuffled.model_used == tuple(whole.model_used[position] for position in chosen)
