"""The rules of a model in plain Python, day by day, from their descriptions alone; slow and obvious."""

import math


def say(observed: list[bool], sold: list[float]) -> list[float]:
    """What each day counts for: nothing without a record, else a power of the logarithm of e plus what was sold."""
    return [math.log(math.e + units) ** 0.35 if seen else 0.0 for seen, units in zip(observed, sold, strict=True)]


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


def broken_level(prices: list[float], observed: list[bool], says: list[float]) -> tuple[float, float]:
    """The chance that the level of the last day has broken off, and the mean since then; (0, last price) where there is none.

    For each of some numbers of days: their deviations from the level before them, in usual ones and none more than 2.5, are
    summed; the square of the sum over what it would be by chance says how unusual those days are together.
    """
    levels = smoothed_levels(prices, says, 30.0)
    today = len(prices) - 1
    best, since = 0.0, prices[-1]
    for length in (5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 21, 24, 28):
        start = today - length
        if start < 29:
            continue
        kept = [math.exp(-(start - day) / 70) * observed[day] for day in range(start + 1)]
        misses = [0.0] + [(prices[day] - levels[day - 1]) ** 2 for day in range(1, start + 1)]
        changes = [0.0] + [(prices[day] - prices[day - 1]) ** 2 for day in range(1, start + 1)]
        usual, change = (
            math.sqrt(sum(weight * size for weight, size in zip(kept, sizes, strict=True)) / sum(kept))
            for sizes in (misses, changes)
        )
        usual = max(usual, 0.003 * levels[start])
        if usual >= 0.9 * change:
            continue
        before = max(1.0, sum(math.exp(-(start - day) / 30) for day in range(start + 1) if observed[day]))
        days = [day for day in range(start + 1, today + 1) if observed[day]]
        total = sum(max(-2.5, min(2.5, (prices[day] - levels[start]) / usual)) for day in days)
        squared = total**2 / max(1.0, len(days) * (1 + len(days) / before))
        if squared > best:
            best = squared
            since = sum(says[day] * prices[day] for day in days) / sum(says[day] for day in days)
    chance = 1 / (1 + math.exp(8 - best / 3))
    return (0.0 if chance < 0.01 else chance), since


def expected_chances(
    prices: list[float], observed: list[bool], first_weekday: int, horizon_days: int
) -> tuple[list[float], list[float], float]:
    """For each day ahead of the last one, that the price has stood until then and that it went back first, by counting.

    Args:
        prices: carried forward; observed: which days had a record.
        first_weekday: of the first day, Monday is 0.
        horizon_days: how far.

    Returns:
        Both chances of each day ahead, and the price before the last change.
    """
    times = weekday_times(prices, observed, first_weekday)
    exposed = [[0.0] * 8, [0.0] * 8]
    events = {"back": [[0.0] * 8, [0.0] * 8], "away": [[0.0] * 8, [0.0] * 8]}
    before, age = None, 1
    for day in range(1, len(prices)):
        if before is not None:
            side = 0 if prices[day - 1] < before else 1
            exposed[side][age_class(age)] += times[(first_weekday + day) % 7]
            if prices[day] != prices[day - 1]:
                events["back" if prices[day] == before else "away"][side][age_class(age)] += 1
        if prices[day] != prices[day - 1]:
            before, age = prices[day - 1], 1
        else:
            age += 1
    hazards = {
        name: hazards_of(events[name], exposed, shipped)
        for name, shipped in (("back", SHIPPED_BACK), ("away", [SHIPPED_AWAY] * 2))
    }
    before = prices[-1] if before is None else before
    side = 0 if prices[-1] < before else 1
    standing, gone_back = 1.0, 0.0
    stays, back = [], []
    for ahead in range(horizon_days):
        special = times[(first_weekday + len(prices) + ahead) % 7]
        returns = hazards["back"][side][age_class(age + ahead)] * special
        leaves = hazards["away"][side][age_class(age + ahead)] * special
        change = min(returns + leaves, 0.97)
        gone_back += standing * change * returns / (returns + leaves)
        standing *= 1 - change
        stays.append(standing)
        back.append(gone_back)
    return stays, back, before


def age_class(age: int) -> int:
    """Number of the class of an age in days: 1, 2, 3, to 5, to 8, to 14, to 30, more."""
    return next((number for number, last in enumerate((1, 2, 3, 5, 8, 14, 30)) if age <= last), 7)


SHIPPED_BACK = [
    [0.7 * chance for chance in (0.12, 0.10, 0.075, 0.045, 0.022, 0.012, 0.006, 0.002)],
    [0.7 * chance for chance in (0.06, 0.05, 0.04, 0.02, 0.012, 0.008, 0.005, 0.002)],
]
SHIPPED_AWAY = [0.04, 0.03, 0.03, 0.03, 0.02, 0.02, 0.015, 0.01]


def hazards_of(events: list[list[float]], exposed: list[list[float]], shipped: list[list[float]]) -> list[list[float]]:
    """Daily chances: shipped ones at the product's own level, worth 24 days; three changes stand for the shipped level."""
    cells = [(side, number) for side in range(2) for number in range(8)]
    happened = sum(events[side][number] for side, number in cells)
    foreseen = sum(exposed[side][number] * shipped[side][number] for side, number in cells)
    level = (happened + 3) / (foreseen + 3)
    chances = [[0.0] * 8, [0.0] * 8]
    for side, number in cells:
        drawn_to = min(level * shipped[side][number], 0.9)
        chances[side][number] = (events[side][number] + 24 * drawn_to) / (exposed[side][number] + 24)
    return chances


def weekday_times(prices: list[float], observed: list[bool], first_weekday: int) -> list[float]:
    """How many times as likely a change is on each weekday, by three beliefs in how much weekdays differ."""
    changes, watched = [0.0] * 7, [0.5] * 7
    for day in range(1, len(prices)):
        if observed[day] and observed[day - 1]:
            watched[(first_weekday + day) % 7] += 1
            changes[(first_weekday + day) % 7] += prices[day] != prices[day - 1]
    usual = [count / sum(watched) for count in watched]
    likelihoods, answers = [], []
    for belief, each in ((0.6, 30.0), (0.3, 3.0), (0.1, 0.3)):
        prior = [7 * each * share for share in usual]
        likelihood = math.log(belief)
        # One change after the other, each as likely as its weekday has been so far.
        seen = list(prior)
        for weekday, count in enumerate(changes):
            for _ in range(int(count)):
                likelihood += math.log(seen[weekday] / sum(seen))
                seen[weekday] += 1
        likelihoods.append(likelihood)
        answers.append([share / sum(seen) for share in seen])
    weights = [math.exp(likelihood - max(likelihoods)) for likelihood in likelihoods]
    return [
        sum(weight * answer[weekday] for weight, answer in zip(weights, answers, strict=True)) / sum(weights) / usual[weekday]
        for weekday in range(7)
    ]
