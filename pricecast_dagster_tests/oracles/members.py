"""The rules of a model in plain Python, day by day, from their descriptions alone; slow and obvious."""

import math


def say(observed: list[bool], sold: list[float]) -> list[float]:
    """What each day counts for: nothing without a record, else the root of the logarithm of e plus what was sold."""
    return [math.sqrt(math.log(math.e + units)) if seen else 0.0 for seen, units in zip(observed, sold, strict=True)]


def smoothed_levels(prices: list[float], says: list[float], memory: float) -> list[float]:
    """Mean of the observed prices up to each day, an observation m days old weighing exp(-m / memory) times its say."""
    levels = []
    for today in range(len(prices)):
        weights = [math.exp(-(today - day) / memory) * says[day] for day in range(today + 1)]
        levels.append(sum(w * p for w, p in zip(weights, prices, strict=False)) / sum(weights))
    return levels


def weekday_effect(
    prices: list[float], says: list[float], memory: float, day: int, *, weekday_memory: float, prior: float
) -> float:
    """What the weekday of a day has been above the level of the evening before, old weeks forgotten, drawn to 0."""
    levels = smoothed_levels(prices, says, memory)
    total, weight = 0.0, prior
    for past in range(day, -1, -7):
        kept = math.exp(-(day - past) / weekday_memory) * says[past]
        weight += kept
        if past > 0:
            total += kept * (prices[past] - levels[past - 1])
    return total / weight


def expected_comeback(
    prices: list[float],
    observed: list[bool],
    horizon_days: int,
    *,
    last_ages: list[int],
    prior: list[list[float]],
    prior_days: float,
) -> list[float]:
    """The price expected for each day ahead of the last one, by counting how often a price went back to the one before."""

    def age_class(age: int) -> int:
        return next((number for number, last in enumerate(last_ages) if age <= last), len(last_ages))

    exposed = [[0.0] * len(side) for side in prior]
    back = [[0.0] * len(side) for side in prior]
    current, before, age = prices[0], None, 1
    for day in range(1, len(prices)):
        if before is not None and observed[day]:
            side = 0 if current < before else 1
            exposed[side][age_class(age)] += 1
            back[side][age_class(age)] += prices[day] == before
        if prices[day] != current:
            before, current, age = current, prices[day], 1
        else:
            age += 1
    if before is None:
        return [current] * horizon_days
    side = 0 if current < before else 1
    stays, expected = 1.0, []
    for ahead in range(horizon_days):
        number = age_class(age + ahead)
        hazard = (back[side][number] + prior_days * prior[side][number]) / (exposed[side][number] + prior_days)
        stays *= 1 - hazard
        expected.append(current + (1 - stays) * (before - current))
    return expected
