"""Charts of a backtest: error and coverage by day ahead, ratio by product; as pictures and as an interactive page.

Belongs here: what a chart shows, and drawing it with matplotlib (PNG, for a document) and plotly (HTML, to look into). Not here:
the tables it is drawn from (`forecasting.comparison`), and the folder (`backtest_report`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.comparison import OWN
from pricecast_dagster.schemas import LEVELS

if TYPE_CHECKING:
    import pandas as pd

_INCHES: Final = (8.0, 4.5)
_DOTS_AN_INCH: Final = 120
# Okabe and Ito (2008): told apart also by colour-blind people.
_COLOURS: Final = ("#0072B2", "#555555", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a chart; dashed ones are what others are measured against.

    Attributes:
        labels: of the points, shown where the pointer is; none is fine.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    dashed: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A chart, however it is drawn; `name` is its file's."""

    name: str
    title: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]


def charts_of(by_horizon: "pd.DataFrame", by_product: "pd.DataFrame") -> tuple[Chart, ...]:
    """The three charts of a backtest, from the tables of `forecasting.comparison`."""
    return _errors(by_horizon), _coverage(by_horizon), _ratios(by_product)


def _errors(by_horizon: "pd.DataFrame") -> Chart:
    methods = [OWN, *(name for name in by_horizon["method"].unique() if name != OWN)]
    lines = tuple(
        Line(name, rows["horizon"].to_numpy(float), rows["wape"].to_numpy(float), dashed=name != OWN)
        for name in methods
        for rows in (by_horizon[by_horizon["method"] == name],)
    )
    return Chart("error_by_horizon", "Error by day ahead", "days ahead", "WAPE, % of the price", lines)


def _coverage(by_horizon: "pd.DataFrame") -> Chart:
    own = by_horizon[by_horizon["method"] == OWN]
    horizon = own["horizon"].to_numpy(float)
    lines = [Line(f"{level} % band", horizon, 100 * own[f"coverage_{level}"].to_numpy(float)) for level in LEVELS]
    lines += [Line(f"{level} % wanted", horizon, np.full(len(horizon), float(level)), dashed=True) for level in LEVELS]
    title = "Prices within the bands, by day ahead"
    return Chart("coverage_by_horizon", title, "days ahead", "% of days", tuple(lines))


def _ratios(by_product: "pd.DataFrame") -> Chart:
    share = np.array([0.0, 100.0])
    lines = [_sorted_ratios("to the last value", by_product, "ratio_to_last_value")]
    lines.append(_sorted_ratios("to the best simple method, known afterwards", by_product, "ratio_to_best_simple"))
    lines.append(Line("equal", share, np.ones(2), dashed=True))
    title = "Error of each product over that of a simple method"
    return Chart("ratio_by_product", title, "% of products, best first", "RMSE ratio, below 1 is better", tuple(lines))


def _sorted_ratios(name: str, by_product: "pd.DataFrame", column: str) -> Line:
    known = by_product[by_product[column].notna()].sort_values([column, "sku"])
    share = 100.0 * (np.arange(len(known)) + 0.5) / max(len(known), 1)
    return Line(name, share, known[column].to_numpy(float), labels=tuple(known["sku"]))


def draw(chart: Chart, path: Path) -> None:
    """Write a chart as PNG; the same chart gives the same bytes."""
    # The object-oriented interface: pyplot would keep figures alive and look for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, dpi=_DOTS_AN_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for line, colour in zip(chart.lines, _colours(chart), strict=True):
        style, marker = ("--", "") if line.dashed else ("-", "o" if len(line.x) <= 60 else "")
        axes.plot(line.x, line.y, style, marker=marker, markersize=3, color=colour, label=line.name)
    axes.set(title=chart.title, xlabel=chart.x_title, ylabel=chart.y_title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(path, format="png", metadata={"Software": None})


def page(charts: Sequence[Chart], tables: Mapping[str, "pd.DataFrame"], *, title: str, remarks: Sequence[str]) -> str:
    """One HTML page with the charts, to be pointed at and zoomed, and the tables; it needs no network.

    Args:
        charts: in the order of the page.
        tables: heading -> a table that a person may read.
        title: of the page.
        remarks: lines under the title.
    """
    from html import escape

    from plotly.offline import get_plotlyjs

    drawn = "\n".join(_interactive(chart) for chart in charts)
    told = "\n".join(
        f"<h2>{escape(heading)}</h2>\n{table.to_html(index=False, na_rep='', float_format='{:.4g}'.format, border=0)}"
        for heading, table in tables.items()
    )
    lines = "\n".join(f"<p>{escape(remark)}</p>" for remark in remarks)
    return _PAGE.format(title=escape(title), remarks=lines, script=get_plotlyjs(), charts=drawn, tables=told)


def _interactive(chart: Chart) -> str:
    from plotly import graph_objects

    figure = graph_objects.Figure(
        [
            graph_objects.Scatter(
                x=line.x.tolist(),
                y=line.y.tolist(),
                text=list(line.labels) or None,
                name=line.name,
                mode="lines" if line.dashed else "lines+markers",
                line={"color": colour, "dash": "dash" if line.dashed else "solid"},
            )
            for line, colour in zip(chart.lines, _colours(chart), strict=True)
        ],
        layout={
            "title": {"text": chart.title},
            "xaxis": {"title": {"text": chart.x_title}},
            "yaxis": {"title": {"text": chart.y_title}},
            "template": "plotly_white",
        },
    )
    document: Any = figure.to_html(full_html=False, include_plotlyjs=False, div_id=chart.name)
    return f'<section aria-label="{chart.title}">{document}</section>'


def _colours(chart: Chart) -> list[str]:
    return [_COLOURS[position % len(_COLOURS)] for position in range(len(chart.lines))]


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }}
th:first-child, td:first-child {{ text-align: left; }}
</style>
<script>{script}</script>
</head>
<body>
<h1>{title}</h1>
{remarks}
{charts}
{tables}
</body>
</html>
"""
