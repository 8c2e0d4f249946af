"""Products: the retailer's product list, one row a SKU.

Belongs here: cleaning the list, and making one where the retailer has none. Not here: prices and sales (`cleaning`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.schemas import CATEGORY, MODIFIED_AT, NAME, PRODUCT_COLUMNS, SKU
from pricecast_dagster.sources.columns import Layout
from pricecast_dagster.sources.modified import modified_at
from pricecast_dagster.sources.reasons import TAKEN, Reason, code_of
from pricecast_dagster.sources.sheet import Sheet
from pricecast_dagster.sources.values import as_texts
from pricecast_dagster.storage.keys import why_unusable

if TYPE_CHECKING:
    import pandas as pd

Found: TypeAlias = tuple[Sheet, Layout]

_NUL: Final = r"[\x00\x7f]"
"""What a NUL is in typed columns, and what stands for it in texts (`encodings.INSTEAD_OF_NUL`): a name is kept without."""


def clean_products(found: Sequence[Found]) -> "tuple[pd.DataFrame, tuple[NDArray[np.int8], ...]]":
    """The product list of all its files.

    Returns:
        PRODUCT_COLUMNS, texts, sorted by SKU; a name or category that is not told is empty. For each sheet (n,) int8, TAKEN
        or the code of a reason. Of rows that contradict each other the one modified last is kept, then the last.
    """
    import pandas as pd

    rows = _stacked(found)
    unusable = rows[SKU].map(lambda sku: why_unusable(sku) is not None).to_numpy(dtype=bool)
    reason = np.where(unusable, code_of(Reason.UNUSABLE_SKU), TAKEN).astype(np.int8)
    reason[(rows[SKU] == "").to_numpy(dtype=bool)] = code_of(Reason.EMPTY_SKU)
    good = rows[reason == TAKEN].sort_values([SKU, MODIFIED_AT], kind="stable")
    kept = good.drop_duplicates(SKU, keep="last")
    others = good.index.difference(kept.index)
    compared = good.loc[others].merge(kept, on=SKU, suffixes=("", "_kept"), how="left")
    same = (compared[NAME] == compared[f"{NAME}_kept"]) & (compared[CATEGORY] == compared[f"{CATEGORY}_kept"])
    reason[others] = np.where(same, code_of(Reason.EXACT_DUPLICATE), code_of(Reason.CONFLICTING_DUPLICATE))
    ends = np.cumsum([sheet.table.num_rows for sheet, _ in found])[:-1]
    products: pd.DataFrame = kept[list(PRODUCT_COLUMNS)].reset_index(drop=True)
    return products, tuple(np.split(reason, ends)) if found else ()


def products_of(history: "pd.DataFrame", found: Sequence[Found]) -> "pd.DataFrame":
    """A product list where the retailer has none: the SKUs of the history, named by its files if they have such columns.

    Args:
        history: cleaned.
        found: the files it comes from, only with the lines that were taken; the last name that is told counts.
    """
    import pandas as pd

    skus = pd.DataFrame({SKU: history[SKU].drop_duplicates()})
    rows = _stacked(found)
    for column in (NAME, CATEGORY):
        told = rows[rows[column] != ""].drop_duplicates(SKU, keep="last")[[SKU, column]]
        skus = skus.merge(told, on=SKU, how="left")
        skus[column] = skus[column].fillna("").astype("str")
    return skus[list(PRODUCT_COLUMNS)].reset_index(drop=True)


def _stacked(found: Sequence[Found]) -> "pd.DataFrame":
    import pandas as pd

    frames = [_frame(sheet, layout) for sheet, layout in found]
    nothing = pd.DataFrame({column: pd.Series([], dtype="str") for column in PRODUCT_COLUMNS})
    nothing[MODIFIED_AT] = pd.Series([], dtype="int64")
    return pd.concat([nothing, *frames], ignore_index=True)


def _frame(sheet: Sheet, layout: Layout) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow.compute as pc

    columns: dict[str, object] = {}
    for name in PRODUCT_COLUMNS:
        if name in layout.columns:
            texts = as_texts(sheet.table.column(layout.columns[name]))
            distinct = texts.distinct if name == SKU else pc.replace_substring_regex(texts.distinct, _NUL, "\ufffd")
            columns[name] = pd.array(distinct.to_pylist(), dtype="str").take(texts.codes)
        else:
            columns[name] = pd.array([""], dtype="str").take(np.zeros(sheet.table.num_rows, dtype=np.int64))
    columns[MODIFIED_AT], _ = modified_at(sheet, layout, day_first=True)
    return pd.DataFrame(columns)
