"""The report of a batch: as a table for people, as rows for programs.

Belongs here: what outcomes of a batch look like. Not here: where a table goes (`screen`), the outcomes (`stages.outcome`).
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.stages.outcome import Ingested, Outcome, Report, Status, reasons

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS: Final = ("sku", "stage", "outcome", "reason", "data_version", "seconds", "error")
METRICS: Final = (
    "rmse",
    "mae",
    "mape",
    "rmse_multi",
    "mae_multi",
    "wape",
    "mase",
    "rmsse",
    "ratio_to_best_simple",
    "training_samples",
    "validation_samples",
    "features_count",
)
"""What a row of price_model has besides; `mape` and `wape` in percent."""

# A person reads a screen of it; a file has them all.
PRODUCTS_SHOWN = 40


def rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """One row per SKU and stage that was looked at; those of price_model have the metrics besides."""
    return [_row(outcome) for outcome in outcomes]


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        "sku": outcome.sku,
        "stage": outcome.stage.value,
        "outcome": outcome.status.value,
        "reason": outcome.reason,
        "data_version": outcome.data_version,
        "seconds": round(outcome.seconds, 4),
        "error": outcome.error,
    }
    if outcome.stage is Stage.PRICE_MODEL:
        row |= {name: outcome.metadata.get(name) for name in METRICS}
    return row


def write(path: Path, report: Report) -> None:
    """Write the rows; the file is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        if path.suffix.lower() == ".json":
            json.dump(rows(report.outcomes), file, indent=1, ensure_ascii=False)
            file.write("\n")
        else:
            writer = csv.DictWriter(file, [*COLUMNS, *METRICS], restval="")
            writer.writeheader()
            writer.writerows(rows(report.outcomes))
    unfinished.replace(path)


def ingested_lines(ingested: Ingested) -> list[str]:
    """What a read of the source brought, in a few lines."""
    if not ingested.read:
        return ["Source: not read; none of its files or tables has moved."]
    counts = (
        (len(ingested.new), "new"),
        (len(ingested.changed), "changed"),
        (ingested.unchanged, "unchanged"),
        (len(ingested.removed), "removed"),
        (len(ingested.returned), "returned"),
    )
    told = ["Source: products " + ", ".join(f"{count} {word}" for count, word in counts if count or word != "returned") + "."]
    lines = dict(ingested.lines)
    if lines:
        told.append("Lines: " + ", ".join(f"{count:,} {name}" for name, count in lines.items()) + ".")
    return [*told, *(f"Note: {note}" for note in ingested.notes)]


def summary(report: Report) -> str:
    """A batch in a line or two: how many of each stage, why, and how many fell back."""
    if not report.computed:
        return "Everything is up to date: nothing was computed."
    told = [f"Computed because: {reasons(report.outcomes)}."]
    for stage in STAGES:
        counts = {status: report.count(stage, status) for status in Status}
        if any(counts.values()):
            words = ", ".join(f"{counts[status]:,} {status.value}" for status in Status if counts[status])
            told.append(f"{stage.value}: {words}.")
    fallbacks = [outcome for outcome in report.outcomes if fell_back(outcome)]
    if fallbacks:
        told.append(f"{len(fallbacks):,} forecast by a simple method.")
    return "\n".join(told)


def fell_back(outcome: Outcome) -> bool:
    """Whether a simple method answers in place of a model; known of forecasts that were computed."""
    model_used = outcome.metadata.get("model_used")
    return outcome.stage is Stage.FORECAST and model_used is not None and not str(model_used).startswith("LightGBM")


def table(report: Report) -> "Table | None":
    """One line a product that was trained, forecast or failed, failed ones first, at most a screen of them; None without any."""
    from rich.table import Table
    from rich.text import Text

    products = {sku: outcomes for sku, outcomes in _products(report.outcomes).items() if _is_worth_a_line(outcomes)}
    if not products:
        return None
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in _HEADINGS:
        shown.add_column(name, justify=justify, overflow="fold")
    worst_first = sorted(products.items(), key=lambda item: (_RANKS[_result(item[1])], item[0]))
    for sku, outcomes in worst_first[:PRODUCTS_SHOWN]:
        # Text, not str: a SKU like `[red]` is a name and no markup.
        shown.add_row(*map(Text, _cells(sku, outcomes)), style="red" if _result(outcomes) == "failed" else None)
    if len(products) > PRODUCTS_SHOWN:
        shown.caption = f"and {len(products) - PRODUCTS_SHOWN:,} more; --report FILE has all of them"
    return shown


_HEADINGS: Final[Sequence[tuple[str, Any]]] = (
    ("product", "left"),
    ("result", "left"),
    ("samples", "right"),
    ("features", "right"),
    ("RMSE", "right"),
    ("MAE", "right"),
    ("MAPE", "right"),
    ("model, or what went wrong", "left"),
)
_RANKS: Final[Mapping[str, int]] = {"failed": 0, "fell back": 1, "done": 2}


def _products(outcomes: Iterable[Outcome]) -> dict[str, dict[Stage, Outcome]]:
    products: dict[str, dict[Stage, Outcome]] = {}
    for outcome in outcomes:
        if outcome.status is not Status.UNCHANGED:
            products.setdefault(outcome.sku, {})[outcome.stage] = outcome
    return products


def _is_worth_a_line(outcomes: Mapping[Stage, Outcome]) -> bool:
    # That the rows of two hundred products were stored is a number, not a table.
    return Stage.PRICE_MODEL in outcomes or Stage.FORECAST in outcomes or _result(outcomes) == "failed"


def _result(outcomes: Mapping[Stage, Outcome]) -> str:
    if any(outcome.status is Status.FAILED for outcome in outcomes.values()):
        return "failed"
    return "fell back" if any(map(fell_back, outcomes.values())) else "done"


def _cells(sku: str, outcomes: Mapping[Stage, Outcome]) -> list[str]:
    model = outcomes.get(Stage.PRICE_MODEL)
    facts = model.metadata if model else {}
    errors = [outcome.error for outcome in outcomes.values() if outcome.error]
    forecast = outcomes.get(Stage.FORECAST)
    answers = forecast.metadata.get("model_used") if forecast else facts.get("model_type")
    return [
        sku,
        _result(outcomes),
        _number(facts.get("training_samples"), ".0f"),
        _number(facts.get("features_count"), ".0f"),
        _number(facts.get("rmse"), ".4g"),
        _number(facts.get("mae"), ".4g"),
        _number(facts.get("mape"), ".1f", " %"),
        " ".join(errors) or str(answers or ""),
    ]


def _number(value: object, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if isinstance(value, int | float) else ""
