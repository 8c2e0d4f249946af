"""feature_table: the 45 features of every day of a SKU, and the day's values, from its raw_history.

Belongs here: one pass over a chunk, its validation, its frames. Not here: the features themselves (`forecasting.features`).
"""

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.schemas import DATE, FEATURE_COLUMNS, OBSERVED, PRICE, QUANTITY, SKU, Stage, feature_schema
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.stages.plausibility import features_recomputed
from pricecast_dagster.stages.validation import failures
from pricecast_dagster.stages.versions import feature_version
from pricecast_dagster.storage.state_records import Inputs

if TYPE_CHECKING:
    import pandas as pd


def build(context: StageContext, histories: "Mapping[str, pd.DataFrame]", due: Mapping[str, tuple[str, Inputs]]) -> list[Outcome]:
    """Compute and store the feature tables of a chunk.

    Args:
        histories: SKU -> its raw_history, for every SKU of `due`.
        due: SKU -> why, and the inputs.
    """
    if not due:
        return []
    began = time.perf_counter()
    table = feature_frame({sku: histories[sku] for sku in due}, context.calendar)
    broken = failures(feature_schema(), table)
    spans = _spans(table[SKU].to_numpy())
    outcomes = []
    for sku, (reason, inputs) in due.items():
        check = Check("features_schema", sku not in broken, broken.get(sku, "every row and column holds"))
        rows = table.iloc[slice(*spans[sku])].reset_index(drop=True)
        version = feature_version(inputs.upstream_version, inputs.code_version)
        if check.passed:
            context.frames.write(Stage.FEATURE_TABLE, sku, version, rows)
        outcomes.append(
            Outcome(
                sku,
                Stage.FEATURE_TABLE,
                Status.FRESH if check.passed else Status.FAILED,
                reason,
                data_version=version if check.passed else None,
                inputs=inputs,
                seconds=(time.perf_counter() - began) / len(due),
                metadata={
                    "days": len(rows),
                    "days_observed": int(rows[OBSERVED].sum()),
                    "days_carried_forward": int((~rows[OBSERVED]).sum()),
                    "features": len(FEATURE_COLUMNS),
                },
                error=None if check.passed else f"SKU {sku!r}: {check.description}. Correct these days in the source.",
                checks=(check, features_recomputed(rows)) if check.passed else (check,),
            )
        )
    return outcomes


def feature_frame(histories: "Mapping[str, pd.DataFrame]", calendar: HolidayCalendar) -> "pd.DataFrame":
    """The feature tables of some SKUs as one long frame, each SKU from its first to its last observed day."""
    import pandas as pd

    from pricecast_dagster.forecasting.features import feature_cube
    from pricecast_dagster.forecasting.panel import build_panel

    panel = build_panel(pd.concat(histories.values(), ignore_index=True))
    # Absurd quantities overflow to infinity here; the schema names the day and the column, a warning would not.
    with np.errstate(over="ignore", invalid="ignore"):
        cube = feature_cube(panel, calendar)
    positions = np.arange(panel.n_days)
    inside = (positions >= panel.first[:, None]) & (positions <= panel.last[:, None])
    rows, columns = np.nonzero(inside)
    values = {
        SKU: pd.array(np.asarray(panel.skus, dtype=object)[rows], dtype="str"),
        DATE: panel.days[columns].astype("datetime64[s]"),
        PRICE: panel.price[inside],
        QUANTITY: panel.quantity[inside],
        OBSERVED: panel.observed[inside],
    }
    features = pd.DataFrame(cube[inside], columns=list(FEATURE_COLUMNS))
    return pd.concat([pd.DataFrame(values), features], axis=1)


def _spans(skus: "Sequence[str] | np.ndarray") -> dict[str, tuple[int, int]]:
    skus = np.asarray(skus)
    starts = [0, *(index + 1 for index in (skus[1:] != skus[:-1]).nonzero()[0]), len(skus)]
    return {str(skus[start]): (start, end) for start, end in pairwise(starts)}
