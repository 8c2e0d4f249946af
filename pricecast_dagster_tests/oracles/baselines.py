"""Simple methods for one SKU, from a list of daily prices (carried forward) in plain Python."""

from collections.abc import Sequence


def mean_of_last(prices: Sequence[float], window: int) -> float:
    """The mean of the last days."""
    recent = list(prices)[-window:]
    return sum(recent) / len(recent)


def same_weekday(prices: Sequence[float], ahead: int, season: int = 7) -> float:
    """The latest known price of the weekday that lies `ahead` days after the last day."""
    back = ahead
    while back > 0:
        back -= season
    position = len(prices) - 1 + back
    return prices[position] if position >= 0 else prices[-1]


def levels(prices: Sequence[float], alpha: float) -> list[float]:
    """The exponentially smoothed level after each day."""
    result = [prices[0]]
    for price in prices[1:]:
        result.append(result[-1] + alpha * (price - result[-1]))
    return result


def error_of_alpha(prices: Sequence[float], observed: Sequence[bool], alpha: float, horizon: int = 14) -> float:
    """Squared errors of every day's level on the observed ones of the days after it, summed."""
    total = 0.0
    for day, level in enumerate(levels(prices, alpha)):
        for later in range(day + 1, min(day + horizon, len(prices) - 1) + 1):
            if observed[later]:
                total += (prices[later] - level) ** 2
    return total
