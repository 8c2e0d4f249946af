"""The loop in memory: products served day by day, watched, and trained again by a policy; with the truth known.

Belongs here: replaying days with the real models, the real monitor's numerics and a policy. Not here: the histories (`truth`),
what is concluded (`benchmarks.policies`, the tests).

A model is carried on as a shop does it, refitted or weighed again as its data ask for, but once a week and not every day, which
would take hours here. That is so under every policy: what one policy has over another is what its contests brought, and not
that it happened to fit more often. All randomness is a product's own, so two policies serve the same until they act.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import policy, served, signals
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.policy import Rule
from pricecast_dagster.forecasting.promotion import compare
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.stages.weights import weigh_again
from pricecast_dagster_tests.monitoring.truth import LEARNT_DAYS, Truth

HORIZON: Final = 14
CARRIED_ON_DAYS: Final = 7
PAUSE_DAYS: Final = 28
CALENDAR: Final = HolidayCalendar("BR")


@dataclass
class Product:
    """One product in service: its model, and its forecasts from every origin so far."""

    model: Model
    fitted: int
    studied: int
    asked: int = -(10**6)
    promised: float = np.nan

    def __post_init__(self) -> None:
        self.found(self.model)

    def found(self, model: Model) -> None:
        """Its recipe was looked for: from now on this one serves, and its error on held-out days is what it promised."""
        self.model = model
        self.promised = float(model.facts["metrics"]["mae_multi"] or np.nan)


@dataclass(frozen=True)
class Request:
    """The policy asked for a product to be trained again."""

    product: int
    day: int
    due: policy.Due


@dataclass
class Service:
    """What was served under a policy, and what it cost.

    Attributes:
        price: (n, days, h) forecasts by origin; bands: the same of every band's ends.
        trials: of all tunings; studied: (n,) how often each product's recipe was looked for.
    """

    truth: Truth
    price: NDArray[np.float64]
    bands: dict[str, NDArray[np.float64]]
    trials: int = 0
    studied: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def errors(self) -> NDArray[np.float64]:
        """(n, served days, h) forecast less actual of every origin after the learnt days whose day happened; else NaN."""
        days = self.truth.panel.n_days
        ahead = np.arange(LEARNT_DAYS - 1, days)[:, None] + 1 + np.arange(HORIZON)
        actual = self.truth.panel.price[:, np.minimum(ahead, days - 1)]
        return np.where(ahead < days, self.price[:, LEARNT_DAYS - 1 :] - actual, np.nan)


Decide = Callable[[int, Service, Sequence[Product]], Sequence[tuple[int, policy.Due | None]]]
"""Day, what was served, products -> those to train now, with the reason where a rule made it."""


def run(truth: Truth, decide: Decide, *, trials: int) -> Service:
    """Serve every product from the end of the learnt days to the last day.

    Args:
        truth: the histories.
        decide: the policy.
        trials: of each tuning.
    """
    n_skus, days = truth.panel.price.shape
    names = ("lower_80", "upper_80", "lower_95", "upper_95")
    service = Service(
        truth, np.full((n_skus, days, HORIZON), np.nan), {name: np.full((n_skus, days, HORIZON), np.nan) for name in names}
    )
    service.studied = [0] * n_skus
    first = LEARNT_DAYS - 1
    known = truth.known_on(first)
    products = []
    for number in range(n_skus):
        products.append(Product(train(known.select([number]), CALENDAR, tuning=None, seed=_seed(truth, number)), first, first))
        _serve(service, known, products[number].model, number, first)
    for day in range(LEARNT_DAYS, days):
        known = truth.known_on(day)
        chosen = dict(decide(day, service, products))
        for number, product in enumerate(products):
            if number in chosen:
                due = chosen[number]
                if due is not None:
                    service.requests.append(Request(number, day, due))
                product.found(_study(known.select([number]), product.model, trials, seed=_seed(truth, number, day)))
                product.fitted = product.studied = product.asked = day
                service.trials += trials
                service.studied[number] += 1
            elif day - product.fitted >= CARRIED_ON_DAYS:
                product.model = _carry_on(known.select([number]), product.model, seed=_seed(truth, number))
                product.fitted = day
            else:
                continue
            _serve(service, truth.known_on(day), product.model, number, day)
    return service


def _study(history: Panel, champion: Model, trials: int, seed: int) -> Model:
    """What a retrain request does: a new recipe against the champion's; the better one, weighed again."""
    challenger = train(history, CALENDAR, tuning=TuningPlan(trials), seed=seed)
    # The same recipe again, weighed on the same days: a comparison would end in a tie and this very model.
    if challenger.recipe == champion.recipe or compare(history, CALENDAR, champion.recipe, challenger.recipe, seed=seed).promote:
        return challenger
    return train(history, CALENDAR, tuning=None, recipe=champion.recipe, seed=seed)


def _carry_on(history: Panel, champion: Model, seed: int) -> Model:
    """What new data do: a refit, or weights and bands made again where they are old or have been surprised."""
    if weigh_again(history, champion):
        return train(history, CALENDAR, tuning=None, recipe=champion.recipe, seed=seed)
    return refit(history, CALENDAR, champion, seed=seed)


def _seed(truth: Truth, number: int, day: int = 0) -> int:
    """Of a product, whatever it is served together with."""
    return day * 1000 + int(truth.panel.skus[number].removeprefix("P"))


def _serve(service: Service, known: Panel, model: Model, number: int, day: int) -> None:
    """Forecasts of one model from a day on, until it is surely replaced; each knows its own past only."""
    whole = service.truth.panel.select([number])
    price = np.concatenate([known.price[number], whole.price[0, day + 1 :]])
    origins = np.arange(day, min(day + CARRIED_ON_DAYS, whole.n_days))
    done = forecast_from(replace(whole, price=price[None, :]), model, origins)
    service.price[number, origins] = done.price
    for name, values in service.bands.items():
        values[number, origins] = getattr(done, name)


def forecast_from(history: Panel, model: Model, origins: NDArray[np.intp]) -> Forecasts:
    """Forecasts of one product's model from many of its days at once.

    A panel's origin is a product's last observed day; so the product is repeated, observed up to each origin.
    """
    first = max(int(origins[0]) - 400, 0)
    panel = Panel(
        tuple(f"{origin}" for origin in origins),
        history.days[first],
        np.tile(history.price[0, first:], (len(origins), 1)),
        np.tile(history.quantity[0, first:], (len(origins), 1)),
        np.arange(first, history.n_days) <= origins[:, None],
    )
    return forecast([model] * len(origins), panel, CALENDAR, HORIZON)


def errors_by_day(history: Panel, forecasts: NDArray[np.float64], origins: NDArray[np.intp]) -> NDArray[np.float64]:
    """(days, h) errors of the days after the first origin, up to the last one, by days ahead; NaN where there was no forecast."""
    days = np.arange(int(origins[0]) + 1, int(origins[-1]) + 1)
    errors = np.full((len(days), HORIZON), np.nan)
    for ahead in range(1, HORIZON + 1):
        made = days - ahead - int(origins[0])
        usable = made >= 0
        errors[usable, ahead - 1] = forecasts[made[usable], ahead - 1] - history.price[0, days[usable]]
    return errors


def every(step: int) -> Decide:
    """Train every product every so many days; 0 is never."""

    def decide(day: int, service: Service, products: Sequence[Product]) -> Sequence[tuple[int, policy.Due | None]]:
        due = step > 0 and (day - LEARNT_DAYS + 1) % step == 0
        return [(number, None) for number in range(len(products))] if due else []

    return decide


def watching(limits: Mapping[Rule, float]) -> Decide:
    """The monitor's signals and the policy's rules, day by day; drift once a week, for it is slow to change."""
    drifted: dict[str, NDArray[np.float64]] = {}

    def decide(day: int, service: Service, products: Sequence[Product]) -> Sequence[tuple[int, policy.Due | None]]:
        known = service.truth.known_on(day)
        if day % 7 == 0 or "share" not in drifted:
            moved = signals.drifted(known, CALENDAR, np.array([product.studied for product in products])).moved()
            drifted["share"] = moved.reshape(known.n_skus, -1).mean(axis=1)
        found = policy.judge(measure(day, service, products, known) | {Rule.DRIFT: drifted["share"]}, limits)
        return [
            (number, due)
            for number, due in enumerate(found)
            if due is not None and (day - products[number].asked >= PAUSE_DAYS or due.rule in policy.WITHOUT_PAUSE)
        ]

    return decide


def served_on(day: int, service: Service, known: Panel, days_back: int) -> served.Served:
    """Every forecast of the last days, as the monitor reads them from the database."""
    n_skus = known.n_skus
    days = np.arange(max(day - days_back + 1, LEARNT_DAYS), day + 1)
    sku, target, ahead = (grid.ravel() for grid in np.meshgrid(np.arange(n_skus), days, np.arange(1, HORIZON + 1), indexing="ij"))
    made = target - ahead >= LEARNT_DAYS - 1
    sku, target, ahead = sku[made], target[made], ahead[made]
    cell = (sku, target - ahead, ahead - 1)
    return served.Served(
        sku=sku,
        day=target,
        horizon=ahead,
        price=service.price[cell],
        actual=known.price[sku, target],
        last=known.price[sku, target - ahead],
        **{name: values[cell] for name, values in service.bands.items()},
    )


def measure(day: int, service: Service, products: Sequence[Product], known: Panel) -> dict[Rule, NDArray[np.float64]]:
    """The signals of a day, but drift."""
    recent = served_on(day, service, known, 28)
    scores = served.score(recent, np.full(known.n_skus, day), (28,), HORIZON)
    held_out = np.array([product.promised for product in products])
    studied = np.array([product.studied for product in products])
    lost, naive = signals.in_service(scores, 0, held_out)
    corrected = np.where(service.truth.day >= 0, (service.truth.day > studied) & (service.truth.day <= day), False)
    changed = (service.truth.corrected != service.truth.panel.price).mean(axis=1)
    return {
        Rule.AGE: (day - studied).astype(np.float64),
        Rule.ACCURACY: lost,
        Rule.NAIVE: naive,
        Rule.SHIFT: signals.shifted(known, recent, day, studied).severity,
        Rule.CORRECTION: np.where(corrected, changed, 0.0),
    }
