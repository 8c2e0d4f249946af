"""Presentation: what a person is shown beside the plain facts of an event, and of a whole run.

Belongs here: links, tables and pictures, and for which batches. Not here: writing events (`events`), drawing (`charts`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote

import dagster as dg

from pricecast_dagster.orchestration.charts import forecast_chart
from pricecast_dagster.schemas import DATE, LOWER_80, LOWER_95, PRICE, STAGES, UPPER_80, UPPER_95, Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Outcome, Status
from pricecast_dagster.storage import forecasts
from pricecast_dagster.storage.forecasts import StoredForecast

SMALL_BATCH = 25
"""Pictures and tables take 5 kB an event; beyond this many products nobody looks at each."""

PAST_DAYS = 60
TABLE_ROWS = 200

_SERIES = (PRICE, LOWER_80, UPPER_80, LOWER_95, UPPER_95)
_FORECAST_TABLE = dg.TableSchema([dg.TableColumn(DATE, "date"), *(dg.TableColumn(name, "float") for name in _SERIES)])
_BATCH_TABLE = dg.TableSchema(
    [dg.TableColumn(name, "string") for name in ("sku", "why", "outcome", "model", "error against the best simple method")]
    + [dg.TableColumn("seconds", "float")]
)


class Presentation:
    """What is added to the events of one batch; forecasts are read once for all of a chunk."""

    def __init__(self, context: StageContext, products: int) -> None:
        self._context = context
        self._small = products <= SMALL_BATCH

    def of(self, outcomes: Sequence[Outcome]) -> "Extras":
        """The extras of the outcomes of a chunk."""
        return Extras(self._context, outcomes if self._small else ())


class Extras:
    """The extras of one chunk's events."""

    def __init__(self, context: StageContext, illustrated: Sequence[Outcome]) -> None:
        self._context = context
        self._illustrated = [one.sku for one in illustrated if one.stage is Stage.FORECAST and one.status is Status.FRESH]

    def __call__(self, outcome: Outcome) -> Mapping[str, Any]:
        """Metadata of one outcome's event besides its own facts."""
        page = f"{self._context.settings.api_url.rstrip('/')}/products/{quote(outcome.sku, safe='')}"
        extras: dict[str, Any] = {"page": dg.MetadataValue.url(page)}
        stored = self._forecasts.get(outcome.sku) if outcome.stage is Stage.FORECAST else None
        # Another run may have been quicker: only the forecast that the event tells of is shown with it.
        if stored is not None and stored.version == outcome.data_version:
            extras["chart"] = dg.MetadataValue.md(self._chart(stored))
            extras["forecast"] = dg.MetadataValue.table(_days(stored), schema=_FORECAST_TABLE)
        return extras

    @cached_property
    def _forecasts(self) -> dict[str, StoredForecast]:
        if not self._illustrated:
            return {}
        with self._context.database.read() as connection:
            return forecasts.currents(connection, self._illustrated)

    def _chart(self, stored: StoredForecast) -> str:
        rows = self._context.frames.read(Stage.RAW_HISTORY, stored.sku, stored.history_version)
        past = rows[PRICE].tail(PAST_DAYS).tolist()
        title = f"{stored.sku}: last prices and the next {stored.horizon_days} days"
        return forecast_chart(past, (stored.price, stored.lower_80, stored.upper_80), title.replace("[", "(").replace("]", ")"))


def batch_table(computed: Sequence[Outcome]) -> Mapping[str, Any]:
    """What a run did, in a table: one row a product, failures first, at most TABLE_ROWS; with the counts of all."""
    by_sku: dict[str, list[Outcome]] = {}
    for outcome in computed:
        by_sku.setdefault(outcome.sku, []).append(outcome)
    rows = sorted(by_sku.values(), key=lambda of_one: (not any(one.status is Status.FAILED for one in of_one), of_one[0].sku))
    counts = Counter((one.stage, one.status) for one in computed)
    told = [f"{stage} {status} {counts[stage, status]}" for stage in STAGES for status in Status if counts[stage, status]]
    table = [dg.TableRecord(_row(of_one)) for of_one in rows[:TABLE_ROWS]]
    return {"products": len(rows), "stages": ", ".join(told), "batch": dg.MetadataValue.table(table, schema=_BATCH_TABLE)}


def _row(of_one: Sequence[Outcome]) -> dict[str, str | float]:
    failed = [one for one in of_one if one.status is Status.FAILED]
    facts: dict[str, object] = {}
    for one in of_one:
        facts |= one.metadata
    fresh = "fresh: " + ", ".join(one.stage for one in of_one)
    ratio = facts.get("ratio_to_best_simple")
    return {
        "sku": of_one[0].sku,
        "why": of_one[0].reason,
        "outcome": f"{failed[0].stage} failed: {failed[0].error}" if failed else fresh,
        "model": str(facts.get("model_used", "")),
        "error against the best simple method": f"{ratio:.3f}" if isinstance(ratio, float) else "",
        "seconds": round(sum(one.seconds for one in of_one), 3),
    }


def _days(stored: StoredForecast) -> list[dg.TableRecord]:
    series = zip(*(getattr(stored, name) for name in _SERIES), strict=True)
    return [
        dg.TableRecord({DATE: str(day), **{name: round(value, 4) for name, value in zip(_SERIES, values, strict=True)}})
        for day, values in zip(stored.dates, series, strict=True)
    ]
