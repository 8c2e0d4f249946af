"""The chart of a forecast, drawn with characters.

Belongs here: history, forecast and band as a picture. Not here: where they come from (`operations.forecasts`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

HEIGHT = 15
DATES_SHOWN = 4
LEGEND = "    line: the price so far    ●: forecast    ·: its 80 % band"


@dataclass(frozen=True, slots=True)
class Line:
    """Days in order and a value for each."""

    days: Sequence[date]
    values: Sequence[float]


def draw(past: Line, forecast: Line, lower: Line, upper: Line, *, width: int, colour: bool) -> str:
    """The last days of a history, and behind them a forecast with its band; `past` may be empty.

    Args:
        width: characters a line, at most those of the terminal.
        colour: whether the terminal shows colours.
    """
    import plotext

    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.legend(False)
    figure.plot_size(width, HEIGHT)
    for line, symbol, ink in ((past, "braille", "blue"), (upper, "·", "gray"), (lower, "·", "gray"), (forecast, "●", "orange")):
        if line.days:
            marker = plotext.marker(symbol, plotext.pixel(ink))
            signal = figure.signal([day.toordinal() for day in line.days], list(line.values), marker=marker)
            figure.draw(signal.lines(symbol == "braille"))
    days = [*past.days, *forecast.days]
    shown = [days[round(step * (len(days) - 1) / (DATES_SHOWN - 1))] for step in range(DATES_SHOWN)]
    figure.ruler(0, 0).ticks([day.toordinal() for day in shown], [day.isoformat() for day in shown])
    picture: str = figure.build().string(colorless=not colour)
    figure.clear()
    return f"{picture.rstrip()}\n{LEGEND}"
