"""`predict`: one product's forecast, as a chart and a table, as JSON or as CSV.

Belongs here: its options and the three forms. Not here: the forecast (`operations.forecasts`), drawing (`chart`).
"""

import csv
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pricecast_dagster.operations.forecasts import Prediction
    from pricecast_dagster.stages.context import StageContext

PAST_DAYS_SHOWN = 60
WIDEST_CHART = 110
MOST_DECIMALS = 8
CSV_COLUMNS = ("sku", "date", "horizon", "price", "lower_80", "upper_80", "lower_95", "upper_95", "model_used")


@click.command()
@click.argument("sku")
@click.option("--days", type=click.IntRange(1, 60), default=14, show_default=True, help="Days ahead.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="A chart and a table for people, or a form for programs.",
)
def predict(sku: str, days: int, form: str) -> None:
    """Show one product's forecast, and by which model or fallback."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.operations import forecasts

    context = context_with()
    prediction = forecasts.predict(context, sku, days)
    if form == "json":
        # JSON can spell what an encoding lacks; a question mark in its place would be another product.
        plain = not sys.stdout.encoding.lower().startswith("utf")
        click.echo(json.dumps(asdict(prediction), default=str, ensure_ascii=plain))
    elif form == "csv":
        _write_csv(prediction)
    else:
        _show(context, prediction)


def _write_csv(prediction: "Prediction") -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    columns = (
        prediction.dates,
        range(1, len(prediction.dates) + 1),
        prediction.prices,
        prediction.lower_80,
        prediction.upper_80,
        prediction.lower_95,
        prediction.upper_95,
    )
    writer.writerows([prediction.sku, *row, prediction.model_used] for row in zip(*columns, strict=True))


def _show(context: "StageContext", prediction: "Prediction") -> None:
    from rich.table import Table
    from rich.text import Text

    from pricecast_dagster.cli import chart
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations import forecasts

    console = results()
    rows = forecasts.history(context, prediction.sku, PAST_DAYS_SHOWN)
    picture = chart.draw(
        chart.Line([day.date() for day in rows["date"]], [float(price) for price in rows["price"]]),
        chart.Line(prediction.dates, prediction.prices),
        chart.Line(prediction.dates, prediction.lower_80),
        chart.Line(prediction.dates, prediction.upper_80),
        width=min(console.width, WIDEST_CHART),
        colour=console.is_terminal,
    )
    click.echo(picture)
    for line in _told(prediction, context.settings.currency):
        console.print(Text(line))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("date", "price", "80 % band", "95 % band"):
        table.add_column(name, justify="left" if name == "date" else "right")
    digits = decimals(prediction.prices)
    for position, day in enumerate(prediction.dates):
        table.add_row(
            f"{day:%a %Y-%m-%d}",
            f"{prediction.prices[position]:.{digits}f}",
            f"{prediction.lower_80[position]:.{digits}f} to {prediction.upper_80[position]:.{digits}f}",
            f"{prediction.lower_95[position]:.{digits}f} to {prediction.upper_95[position]:.{digits}f}",
        )
    console.print(table)


def decimals(prices: Sequence[float]) -> int:
    """How many decimals show two digits of the smallest price: two, and more under ten cents (real data has 0.002)."""
    smallest = min((price for price in prices if price > 0), default=1.0)
    return min(max(2, 1 - math.floor(math.log10(smallest))), MOST_DECIMALS)


def _told(prediction: "Prediction", currency: str) -> list[str]:
    told = [f"{prediction.sku}, from what was known on {prediction.origin}, by {prediction.model_used}."]
    if prediction.metrics:
        errors = ", ".join(f"{name.upper()} {value:.4g} {currency}" for name, value in prediction.metrics.items())
        told.append(f"One day ahead on the last 30 days: {errors}.")
    if prediction.coverage:
        shares = ", ".join(
            f"{100 * share:.0f} % of past days in the {level} % band" for level, share in prediction.coverage.items()
        )
        told.append(f"Measured: {shares}.")
    if prediction.stale:
        told.append("Its data, code or settings have changed since: `pricecast refresh` brings it up to date.")
    return [*told, ""]
