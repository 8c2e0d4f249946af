"""Validation: a chunk's frame against its Pandera schema in one pass, and the failures told per SKU.

Belongs here: turning Pandera's failure cases into one sentence a SKU. Not here: the schemas (`schemas`).
"""

from typing import TYPE_CHECKING

from pricecast_dagster.schemas import DATE, SKU

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameSchema


def failures(schema: "DataFrameSchema", frame: "pd.DataFrame") -> dict[str, str]:
    """The SKUs whose rows break the schema, each with what is broken and where (at most three places).

    A fault that is not bound to rows (a missing column) is every SKU's.
    """
    from pandera.errors import SchemaErrors

    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        return _by_sku(error.failure_cases, frame)
    return {}


def _by_sku(cases: "pd.DataFrame", frame: "pd.DataFrame") -> dict[str, str]:
    places: dict[str, list[str]] = {}
    for case in cases.to_dict("records"):
        column, check, found, row = (case[name] for name in ("column", "check", "failure_case", "index"))
        # A check over several columns is told under the schema's name; its own words say which columns.
        sentence = f"{column}: {check}" if column in frame.columns else str(check)
        if row is None or row != row:  # NaN: the fault is the frame's, not a row's
            for sku in frame[SKU].unique():
                places.setdefault(str(sku), []).append(f"{sentence} ({found})")
            continue
        sku, day = frame.loc[row, [SKU, DATE]]
        places.setdefault(str(sku), []).append(f"{sentence} on {day:%Y-%m-%d}, found {found}")
    return {sku: _sentence(list(dict.fromkeys(found))) for sku, found in places.items()}


def _sentence(found: list[str]) -> str:
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more
