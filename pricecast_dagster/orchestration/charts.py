"""Charts: a forecast as a small inline picture, for the metadata of its event.

Belongs here: drawing. Not here: when a batch is small enough for pictures (`presentation`).

SVG in a data URI of Markdown: the one form that Dagster's page shows without asking anybody for a file. Every event keeps its own
copy, so a picture is kept to about two kilobytes, and its colours are chosen to read on white and on black.
"""

from base64 import b64encode
from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 480, 140, 8
LINE, BAND, PAST = "#2f6fde", "#2f6fde33", "#888888"


def forecast_chart(past: Sequence[float], stored: "Sequence[Sequence[float]]", title: str) -> str:
    """Markdown of a picture: the last known prices in grey, the forecast and its 80 % band in blue.

    Args:
        past: prices of the last days, oldest first.
        stored: price, lower and upper end of the 80 % band, each one number a day ahead.
        title: for who cannot see it.
    """
    price, lower, upper = stored
    values = [*past, *lower, *upper, *price]
    bottom, top = min(values), max(values)
    height = (HEIGHT - 2 * MARGIN) / ((top - bottom) or 1.0)
    width = (WIDTH - 2 * MARGIN) / max(len(past) + len(price) - 1, 1)

    def points(series: Sequence[float], first: int) -> list[str]:
        return [
            f"{MARGIN + (first + position) * width:.1f},{HEIGHT - MARGIN - (value - bottom) * height:.1f}"
            for position, value in enumerate(series)
        ]

    ahead = len(past)
    band = " ".join([*points(upper, ahead), *reversed(points(lower, ahead))])
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<polygon points="{band}" fill="{BAND}"/>'
        f'<polyline points="{" ".join(points(past, 0))}" fill="none" stroke="{PAST}" stroke-width="1.5"/>'
        f'<polyline points="{" ".join(points([past[-1], *price], ahead - 1))}" fill="none" stroke="{LINE}" stroke-width="2"/>'
        "</svg>"
    )
    return f"![{title}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"
