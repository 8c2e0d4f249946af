"""Curves: a series over days as inline SVG, for a page and a mail that may load nothing.

Belongs here: drawing. Not here: what is drawn. Colours are the surrounding text's (`currentColor`), in the dark too.
"""

from collections.abc import Sequence
from html import escape
from typing import Final

WIDTH: Final = 480
HEIGHT: Final = 150
LEFT: Final = 44
RIGHT: Final = 10
TOP: Final = 12
BOTTOM: Final = 24


def curve(values: Sequence[float | None], labels: Sequence[str], *, told: str, level: float | None = None) -> str:
    """One line over time, with an optional dashed level to hold it against; gaps where there is no value.

    Args:
        values: oldest first.
        labels: one a value; the first and the last are written.
        told: what it shows, for those who cannot see it.
        level: such as 1.0, the last price's error.

    Returns:
        An SVG element; empty where fewer than two values are known.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min([*known, *([level] if level is not None else [])]), max([*known, *([level] if level is not None else [])])
    low, high = (low - 0.05, high + 0.05) if high == low else (low - 0.08 * (high - low), high + 0.08 * (high - low))

    def down(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    step = (WIDTH - LEFT - RIGHT) / max(len(values) - 1, 1)
    path, pen = [], "M"
    for position, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{LEFT + position * step:.1f} {down(value):.1f}")
        pen = "L"
    dashed = (
        f'<path d="M{LEFT} {down(level):.1f}H{WIDTH - RIGHT}" stroke="currentColor" stroke-dasharray="4 4" opacity=".5"/>'
        if level is not None
        else ""
    )
    text = 'fill="currentColor" font-size="13" font-family="system-ui, sans-serif"'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="width:100%;max-width:40rem" role="img" aria-label="{escape(told)}">'
        f"{dashed}"
        f'<path d="{"".join(path)}" fill="none" stroke="currentColor" stroke-width="2"/>'
        f'<text x="0" y="{down(max(known)) + 4:.1f}" {text}>{max(known):.2f}</text>'
        f'<text x="0" y="{down(min(known)) + 4:.1f}" {text}>{min(known):.2f}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}" {text}>{escape(labels[0])}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end" {text}>{escape(labels[-1])}</text>'
        "</svg>"
    )
