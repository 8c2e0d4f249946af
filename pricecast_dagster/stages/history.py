"""raw_history: the rows of the source, per SKU, under a version that is their content.

Belongs here: comparing what the source holds with what is stored, and storing what differs. Not here: reading and cleaning
(`sources`), products that come and go (`stages.ingest`).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from pricecast_dagster.errors import NoUsableHistoryError
from pricecast_dagster.schemas import DATE, PRICE, REASON, SKU, Stage, history_schema
from pricecast_dagster.sources.fingerprint import history_versions
from pricecast_dagster.sources.reading import SourceData
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.stages.plausibility import history_plausible
from pricecast_dagster.stages.staleness import why_stale
from pricecast_dagster.stages.stored import ROWS_LOST, rows_lost
from pricecast_dagster.stages.validation import failures
from pricecast_dagster.storage.state_records import Inputs, StageState

if TYPE_CHECKING:
    import pandas as pd

UNUSABLE = "unusable"
"""Stands for the version of a SKU of whose rows none could be taken, followed by what the rejected rows were."""


@dataclass(frozen=True)
class Arrival:
    """What one read of the source brought, ready to be looked up per SKU."""

    data: SourceData
    ingest_id: int

    @cached_property
    def versions(self) -> dict[str, str]:
        """SKU -> version of its rows; a SKU without a usable row has a version that names its rejections."""
        taken = history_versions(self.data.history)
        lost = {sku: f"{UNUSABLE}: {_told(counts)}" for sku, counts in self.rejections.items() if sku not in taken}
        return taken | lost

    @cached_property
    def rejections(self) -> dict[str, dict[str, int]]:
        """SKU -> reason -> rejected prices and sales, for the SKUs of the product list or with a usable row.

        A row of the product list that was not taken says nothing of a history: a product that is listed twice and has no
        price is no more at fault than one listed once.
        """
        known = set(self.data.history[SKU].unique()) | set(self.data.products[SKU])
        told: dict[str, dict[str, int]] = {}
        rejected = self.data.rejected.iloc[self.data.listing_rejected :]
        for sku, reason in zip(rejected[SKU], rejected[REASON], strict=True):
            if sku in known:
                counts = told.setdefault(str(sku), {})
                counts[str(reason)] = counts.get(str(reason), 0) + 1
        return told

    @cached_property
    def _spans(self) -> dict[str, tuple[int, int]]:
        # The history is sorted by SKU: its rows are one slice, found once for all of them.
        skus = self.data.history[SKU].to_numpy()
        starts = [0, *(index + 1 for index in (skus[1:] != skus[:-1]).nonzero()[0]), len(skus)] if len(skus) else [0]
        return {str(skus[start]): (start, end) for start, end in pairwise(starts)}

    def rows(self, sku: str) -> "pd.DataFrame":
        """The rows of one SKU.

        Raises:
            NoUsableHistoryError: none could be taken; says why.
        """
        span = self._spans.get(sku)
        if span is None:
            raise NoUsableHistoryError(
                f"SKU {sku!r} has no usable row in the source: {_told(self.rejections.get(sku, {})) or 'it has none at all'}."
            )
        return self.data.history.iloc[span[0] : span[1]].reset_index(drop=True)


def update(
    context: StageContext,
    arrival: Arrival,
    skus: Sequence[str],
    states: Mapping[tuple[str, Stage], StageState],
    code_version: str,
    *,
    only_stale: bool,
) -> tuple[list[Outcome], "dict[str, pd.DataFrame]"]:
    """Store the rows of those SKUs that differ from what is stored.

    Returns:
        The outcomes, in the order of `skus`, and the frames of those that are fresh.
    """
    outcomes: dict[str, Outcome] = {}
    frames: dict[str, pd.DataFrame] = {}
    due: dict[str, tuple[str, Inputs]] = {}
    for sku in skus:
        state = states.get((sku, Stage.RAW_HISTORY))
        inputs = Inputs(arrival.versions.get(sku, f"{UNUSABLE}: absent"), code_version, None)
        reason = why_stale(state, inputs) or (ROWS_LOST if rows_lost(context, states, sku) else None)
        if only_stale and reason is None:
            outcomes[sku] = Outcome(
                sku, Stage.RAW_HISTORY, Status.UNCHANGED, "same rows as before", state.data_version if state else None
            )
            continue
        try:
            frames[sku] = arrival.rows(sku)
        except NoUsableHistoryError as error:
            outcomes[sku] = Outcome(sku, Stage.RAW_HISTORY, Status.FAILED, reason or "asked for", inputs=inputs, error=str(error))
            continue
        due[sku] = (reason or "asked for", inputs)
    outcomes |= _stored(context, arrival, due, frames)
    frames = {sku: frame for sku, frame in frames.items() if outcomes[sku].status is Status.FRESH}
    return [outcomes[sku] for sku in skus], frames


def _stored(
    context: StageContext, arrival: Arrival, due: Mapping[str, tuple[str, Inputs]], frames: "Mapping[str, pd.DataFrame]"
) -> dict[str, Outcome]:
    if not due:
        return {}
    import pandas as pd

    broken = failures(history_schema(), pd.concat([frames[sku] for sku in due], ignore_index=True))
    outcomes = {}
    for sku, (reason, inputs) in due.items():
        began = time.perf_counter()
        check = Check("history_schema", sku not in broken, broken.get(sku, "every row holds"))
        if check.passed:
            context.frames.write(Stage.RAW_HISTORY, sku, inputs.upstream_version, frames[sku])
        outcomes[sku] = Outcome(
            sku,
            Stage.RAW_HISTORY,
            Status.FRESH if check.passed else Status.FAILED,
            reason,
            data_version=inputs.upstream_version if check.passed else None,
            inputs=inputs,
            seconds=time.perf_counter() - began,
            metadata=_facts(frames[sku], arrival.rejections.get(sku, {})),
            error=None if check.passed else f"SKU {sku!r}: {check.description}. Correct the rows in the source.",
            checks=(check, history_plausible(frames[sku])) if check.passed else (check,),
        )
    return outcomes


def _facts(frame: "pd.DataFrame", rejected: Mapping[str, int]) -> dict[str, object]:
    return {
        "rows": len(frame),
        "first_day": f"{frame[DATE].iloc[0]:%Y-%m-%d}",
        "last_day": f"{frame[DATE].iloc[-1]:%Y-%m-%d}",
        "last_price": float(frame[PRICE].iloc[-1]),
        "rejected_rows": sum(rejected.values()),
        "rejected_by_reason": _told(rejected),
    }


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(counts.items()))
