"""When new days make weights and bands be made again."""

import numpy as np
import pytest

from pricecast_dagster.errors import SkuTooShortError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.model import Model, refit, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.stages.weights import WEIGH_AGAIN_DAYS, remember, weigh_again
from pricecast_dagster.testing import tiny_panel

CALENDAR = HolidayCalendar("BR")
QUIET = [5.0] * 200
WAVERING = [*([5.0] * 40 + [5.1] * 20) * 3, *[5.0] * 20]


def panel(prices: list[float]) -> Panel:
    return tiny_panel({"A": prices})


def made(prices: list[float]) -> Model:
    return train(panel(prices), CALENDAR, tuning=None, seed=1)


def test_after_a_fortnight_in_any_case_and_not_before_where_nothing_happens():
    model = made(WAVERING)
    again = [weigh_again(panel([*WAVERING, *[5.0] * days]), model) for days in range(WEIGH_AGAIN_DAYS + 1)]
    assert again == [False] * WEIGH_AGAIN_DAYS + [True]


@pytest.mark.parametrize("jump", [3.0, 8.0])
@pytest.mark.parametrize("quiet_days", [0, 5])
def test_a_jump_beyond_the_band_makes_it_be_weighed_at_once_and_once(jump, quiet_days):
    model = made(WAVERING)
    jumped = [*WAVERING, *[5.0] * quiet_days, jump]
    assert weigh_again(panel(jumped), model)
    # The next night it is known: that the price stays there, or returns to the usual one, is news to nobody.
    weighed = made(jumped)
    assert not weigh_again(panel([*jumped, jump]), weighed)
    assert not weigh_again(panel([*jumped, 5.0]), weighed)


def test_a_jump_that_a_refit_has_seen_is_not_forgotten_with_it():
    model = made(WAVERING)
    jumped = [*WAVERING, 8.0]
    carried = refit(panel(jumped), CALENDAR, model, seed=1)
    assert weigh_again(panel([*jumped, 8.0]), carried)


def test_noise_does_not_surprise_night_after_night_although_its_days_are_far_apart():
    noise = np.random.default_rng(4).normal(20, 2, 700).round(2).tolist()
    model = made(noise[:300])
    reach = float(model.reaches[:, -1, :, WEIGH_AGAIN_DAYS - 1].max())
    far_apart = np.abs(np.diff(noise[299:])) > reach
    # Every night alone, with the same model: what one new day says.
    nights = [weigh_again(panel([*noise[:299], noise[day - 1], noise[day]]), model) for day in range(300, 700)]
    assert far_apart.sum() > 20
    assert 0 < sum(nights) < 0.6 * far_apart.sum()


def test_noise_that_has_grown_threefold_does_surprise():
    noise = np.random.default_rng(5).normal(0, 1, 400).round(2)
    model = made((20 + noise[:300]).tolist())
    nights = [weigh_again(panel([*(20 + noise[:300]), 20 + 3 * noise[day]]), model) for day in range(300, 400)]
    assert 0.3 < np.mean(nights) < 0.9


def test_where_days_were_taken_out_of_the_history_the_weights_that_knew_them_are_made_again():
    model = made(WAVERING)
    assert not weigh_again(panel([*WAVERING, 5.0]), model)
    whole = panel([*WAVERING, 5.0])
    shorter = whole.until(whole.days[-1])
    cut = Panel(shorter.skus, shorter.days[50], shorter.price[:, 50:], shorter.quantity[:, 50:], shorter.observed[:, 50:])
    assert weigh_again(cut, model)
    assert not weigh_again(panel(WAVERING), model)
    assert weigh_again(panel(WAVERING[:-1]), model)


def test_what_is_too_short_for_a_first_model_is_too_short_for_a_refit():
    model = made(WAVERING)
    with pytest.raises(SkuTooShortError, match="40 days of history; a model needs 60"):
        refit(panel(WAVERING[-40:]), CALENDAR, model, seed=1)


def nights(prices: list[float], model: Model, first: int) -> list[int]:
    """Days after the first on which a model that is carried on every night is weighed again."""
    weighed = []
    for day in range(first, len(prices)):
        history = panel(prices[: day + 1])
        again = weigh_again(history, model)
        made = (
            train(history, CALENDAR, tuning=None, recipe=model.recipe, seed=1)
            if again
            else refit(history, CALENDAR, model, seed=1)
        )
        model = remember(made, history, model)
        weighed += [day - first] if again else []
    return weighed


def test_what_is_known_of_a_surprise_doubles_from_one_weighing_to_the_next():
    jumped = [*WAVERING, *[8.0] * 40]
    # On the day of the jump, then at twice its age, and once that is more than a fortnight every fortnight again.
    assert nights(jumped, made(WAVERING), len(WAVERING)) == [0, 1, 2, 4, 8, 16, 30]


def test_a_surprise_that_is_over_is_not_followed():
    # Gone back on the next day, or after three: then every fortnight.
    assert nights([*WAVERING, 8.0, *[5.0] * 20], made(WAVERING), len(WAVERING)) == [0, 14]
    assert nights([*WAVERING, *[8.0] * 3, *[5.0] * 20], made(WAVERING), len(WAVERING)) == [0, 1, 2, 4, 18]


@pytest.mark.parametrize(("after", "expected"), [(20.0, [0, 14]), (40.0, [0, 1, 2, 4, 8, 16])])
def test_a_noisy_price_is_followed_to_a_new_level_and_not_after_chance(after, expected):
    noise = np.random.default_rng(4).normal(0, 2, 330).round(2)
    prices = [*(20 + noise[:300]).tolist(), 45.0, *(after + noise[301:320] / 2).tolist()]
    model = made(prices[:300])
    assert model.blend.kind is Kind.NOISY
    assert nights(prices, model, 300) == expected


def test_what_is_left_of_a_lost_model_remembers_nothing():
    model = made(WAVERING)
    left = Model(model.recipe, {}, {}, {})
    assert remember(model, panel(WAVERING), left) is model
