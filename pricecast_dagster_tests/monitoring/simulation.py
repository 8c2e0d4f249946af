"""The loop in memory: products served day by day, watched, and trained again by a policy; with the truth known.

Belongs here: replaying days with the real models, the real monitor's numerics and a policy. Not here: the histories (`truth`),
what is concluded (`benchmarks.policies`, the tests).

A model is carried on as a shop does it, refitted or weighed again as its data ask for, but once a week and not every day, which
would take hours here. That is so under every policy: what one policy has over another is what its contests brought, and not
that it happened to fit more often. All randomness is a product's own, so two policies serve the same until they act.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import policy, served, signals
from pricecast_dagster.forecasting.model import Model, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.policy import Rule
from pricecast_dagster.operations.retraining import ROLLED_BACK_PAUSE
from pricecast_dagster_tests.monitoring import probation
from pricecast_dagster_tests.monitoring.carrying import CALENDAR, CARRIED_ON_DAYS, HORIZON, ahead, carry_on, seed_of, study, weigh
from pricecast_dagster_tests.monitoring.probation import PROBATION_DAYS, Predecessor
from pricecast_dagster_tests.monitoring.truth import LEARNT_DAYS, Truth

PAUSE_DAYS: Final = 28
NEVER_ASKED: Final = -(10**6)


@dataclass
class Product:
    """One product in service: its model, when that was fitted, studied and asked for, and whose place it took lately."""

    model: Model
    fitted: int
    studied: int
    asked: int = NEVER_ASKED
    promised: float = np.nan
    predecessor: Predecessor | None = None

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
    due: policy.Due | None


@dataclass
class Service:
    """What was served under a policy, and what it cost.

    Attributes:
        price: (n, days, h) forecasts by origin; bands: the same of every band's ends.
        trials: of all tunings; studied: (n,) how often each product's recipe was looked for.
        promoted, rolled_back: product and day of each new recipe, and of each that was taken back.
    """

    truth: Truth
    price: NDArray[np.float64]
    bands: dict[str, NDArray[np.float64]]
    trials: int = 0
    studied: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    promoted: list[tuple[int, int]] = field(default_factory=list)
    rolled_back: list[tuple[int, int]] = field(default_factory=list)

    def errors(self) -> NDArray[np.float64]:
        """(n, served days, h) forecast less true price of every origin after the learnt days whose day happened; else NaN."""
        days = self.truth.panel.n_days
        ahead = np.arange(LEARNT_DAYS - 1, days)[:, None] + 1 + np.arange(HORIZON)
        actual = self.truth.corrected[:, np.minimum(ahead, days - 1)]
        return np.where(ahead < days, self.price[:, LEARNT_DAYS - 1 :] - actual, np.nan)


Decide = Callable[[int, Service, Sequence[Product]], Sequence[tuple[int, policy.Due | None]]]
"""Day, what was served, products -> those to train now, with the reason where a rule made it."""


def run(truth: Truth, decide: Decide, *, trials: int, on_probation: bool = False) -> Service:
    """Serve every product from the end of the learnt days to the last day.

    Args:
        truth: the histories.
        decide: the policy.
        trials: of each tuning.
        on_probation: whether a new recipe's predecessor is carried on beside it, and takes its place back, as in a shop.
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
        products.append(Product(train(known.select([number]), CALENDAR, tuning=None, seed=seed_of(truth, number)), first, first))
        _serve(service, products[number].model, number, first)
    for day in range(LEARNT_DAYS, days):
        chosen = dict(decide(day, service, products))
        for number, product in enumerate(products):
            if number in chosen:
                _answer(service, product, Request(number, day, chosen[number]), trials, on_probation=on_probation)
            elif _succeeded_by_worse(service, product, number, day):
                _roll_back(service, product, number, day)
            elif day - product.fitted >= CARRIED_ON_DAYS:
                history = truth.known_on(day).select([number])
                product.model = carry_on(history, product.model, seed=seed_of(truth, number))
            else:
                continue
            product.fitted = day
            _serve(service, product.model, number, day)
    return service


def _answer(service: Service, product: Product, asked: Request, trials: int, *, on_probation: bool) -> None:
    """Do what a policy asks for: a contest, or where its rule wants no new recipe, the same one weighed again."""
    number, day, before = asked.product, asked.day, product.model
    history = service.truth.known_on(day).select([number])
    product.studied = product.asked = day
    if asked.due is not None:
        service.requests.append(asked)
        if not asked.due.contest:
            product.found(weigh(history, before, seed_of(service.truth, number)))
            return
    model, new = study(history, before, trials, seed=seed_of(service.truth, number, day))
    product.found(model)
    service.trials += trials
    service.studied[number] += 1
    if new:
        service.promoted.append((number, day))
        product.predecessor = probation.begin(service.truth, before, number, day) if on_probation else None


def _succeeded_by_worse(service: Service, product: Product, number: int, day: int) -> bool:
    predecessor = product.predecessor
    if predecessor is not None and day - predecessor.began > PROBATION_DAYS:
        product.predecessor = predecessor = None
    return predecessor is not None and probation.succeeded_by_worse(
        predecessor, service.truth, number, day, service.price[number]
    )


def _roll_back(service: Service, product: Product, number: int, day: int) -> None:
    """The one of before serves again; no rule asks for a while."""
    assert product.predecessor is not None
    service.rolled_back.append((number, day))
    probation.carry(product.predecessor, service.truth, number, day)
    product.model, product.predecessor = product.predecessor.model, None
    product.asked = day + (ROLLED_BACK_PAUSE - 1) * PAUSE_DAYS


def _serve(service: Service, model: Model, number: int, day: int) -> None:
    origins, done = ahead(service.truth, model, number, day)
    service.price[number, origins] = done.price
    for name, values in service.bands.items():
        values[number, origins] = getattr(done, name)


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


def noisy_days(service: Service) -> NDArray[np.bool_]:
    """(n, days) days on which the monitor tells of noise, which asks for nothing and so changes nothing that was served."""
    n_skus, days = service.truth.panel.price.shape
    noisy = np.zeros((n_skus, days), dtype=np.bool_)
    for day in range(LEARNT_DAYS, days):
        known = service.truth.known_on(day)
        noisy[:, day] = signals.noisy(known, served_on(day, service, known, signals.RECENT_DAYS), day).severity >= 1
    return noisy
