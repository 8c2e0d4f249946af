"""Oracle: the bands of noise in plain Python, one number after the other."""

from math import isnan

from pricecast_dagster.forecasting.interval_prior import PRIOR_SCORES
from pricecast_dagster.forecasting.recipe import Kind

Rows = list[list[float]]


def spread(prices: list[float]) -> float:
    """Deviation of the last 90 prices, at least 0.3 % of their mean."""
    recent = prices[-90:]
    mean = sum(recent) / len(recent)
    return max((sum((price - mean) ** 2 for price in recent) / len(recent)) ** 0.5, 0.003 * mean)


def known_days(errors: Rows) -> list[int]:
    """Of each known error, the day."""
    return [row + ahead for row, own in enumerate(errors) for ahead, error in enumerate(own) if not isnan(error)]


def day_weight(errors: Rows) -> float:
    """What an error counts for: a day that many origins see counts once."""
    known = known_days(errors)
    return len(set(known)) / len(known) if known else 0.0


def scale(errors: Rows, weight: float, own_spread: float, horizon: int) -> list[float]:
    """Mean size of the errors of each day ahead and two on either side, beside ten days of 0.6 of the spread."""
    found = []
    for ahead in range(horizon):
        near = [other for other in range(horizon) if abs(other - ahead) <= 2]
        sizes = [abs(row[other]) for row in errors for other in near if not isnan(row[other])]
        share = weight * horizon / len(near)
        found.append((share * sum(sizes) + 10 * 0.6 * own_spread) / (share * len(sizes) + 10))
    return found


def scores(errors: Rows, block: list[int], own_spread: float) -> list[float]:
    """What came less what was forecast, over the scale of the other blocks."""
    horizon, weight, found = len(errors[0]) if errors else 0, day_weight(errors), []
    for number in sorted(set(block)):
        others = [row for row, own in zip(errors, block, strict=True) if own != number]
        by = scale(others, weight, own_spread, horizon)
        for row, own in zip(errors, block, strict=True):
            found += [-error / by[ahead] for ahead, error in enumerate(row) if own == number and not isnan(error)]
    return found


def earlier_scores(days: list[int], errors: Rows, prices: dict[int, float]) -> list[float]:
    """Quantiles of the scores of whole spans of 42 days, counted back from the last origin, a day each, 100 at most."""
    values: list[tuple[float, float]] = []
    span, count = 0, 0
    while days and days[-1] - days[0] + 1 >= (span + 1) * 42:
        rows = [row for row, day in enumerate(days) if span * 42 <= days[-1] - day < (span + 1) * 42]
        own = [errors[row] for row in rows]
        until = days[-1] - span * 42 + 14
        known = [prices[day] for day in sorted(prices) if day <= until]
        block = [(days[-1] - days[row]) // 14 for row in rows]
        values += [(score, day_weight(own)) for score in scores(own, block, spread(known))]
        count += len(set(known_days(own)))
        span += 1
    total, count = sum(weight for _, weight in values), min(count, 100)
    return [quantile(values, (2 * place + 1) / (2 * count) * total) for place in range(count)]


def quantile(values: list[tuple[float, float]], need: float) -> float:
    """The smallest value up to which so much weight lies; the largest where there is less."""
    reached = 0.0
    for value, weight in sorted(values):
        reached += weight
        if reached >= need - 1e-9:
            return value
    return max(value for value, _ in values)


def tails(
    errors: Rows, block: list[int], own_spread: float, earlier: list[float], level: float
) -> tuple[list[float], list[float]]:
    """How far a band of a level reaches down and up, on each day ahead."""
    horizon, weight = len(errors[0]), day_weight(errors)
    others = PRIOR_SCORES[Kind.NOISY]
    values = [(score, weight) for score in scores(errors, block, own_spread)] + [(score, 1.0) for score in earlier]
    values += [(way * score, (20 - len(earlier) / 10) / 200) for score in others for way in (-1, 1)]
    need = (1 + level) / 2 * (sum(share for _, share in values) + 0.5)
    worst = max([abs(error) for row in errors for error in row if not isnan(error)] + [2 * own_spread])
    by = scale(errors, weight, own_spread, horizon)
    down, up = (max(0.0, quantile([(way * score, share) for score, share in values], need)) for way in (-1, 1))
    return [min(down * own, worst) for own in by], [min(up * own, worst) for own in by]
