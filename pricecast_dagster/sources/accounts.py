"""Accounts: every line of the source in a count, and every line not taken in a frame that says where it is and why.

Belongs here: the telling. Not here: deciding (`parsing`, `cleaning`, `products`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.schemas import FILE, LINE, REASON, REJECTED_COLUMNS, ROW, SKU
from pricecast_dagster.sources.columns import Kind, Layout
from pricecast_dagster.sources.reasons import TAKEN, Reason, reason_of
from pricecast_dagster.sources.sheet import Sheet
from pricecast_dagster.sources.values import as_texts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """One sheet and what became of its records.

    Attributes:
        reason: (n,) int8, TAKEN or the code of a reason.
    """

    sheet: Sheet
    layout: Layout
    reason: NDArray[np.int8]


def rejected_frame(accounts: Sequence[Account]) -> "pd.DataFrame":
    """Every record not taken: REJECTED_COLUMNS, in the order of the files and of their lines."""
    import pandas as pd

    frames = [_rejected(account) for account in accounts]
    empty = pd.DataFrame({column: pd.Series([], dtype="str") for column in REJECTED_COLUMNS}).astype({LINE: "int64"})
    return pd.concat([empty, *frames], ignore_index=True)


def count_lines(accounts: Sequence[Account]) -> dict[str, int]:
    """`{"lines": n, "taken": n, "rejected: <reason>": n, ...}`; taken and rejected add up to lines."""
    reasons: Counter[Reason] = Counter()
    lines = taken = 0
    for account in accounts:
        lines += len(account.reason) + len(account.sheet.malformed)
        taken += int((account.reason == TAKEN).sum())
        for code, count in zip(*np.unique(account.reason[account.reason != TAKEN], return_counts=True), strict=True):
            reasons[reason_of(int(code))] += int(count)
        reasons[Reason.MALFORMED_LINE] += len(account.sheet.malformed)
    told = {f"rejected: {reason}": reasons[reason] for reason in Reason if reasons[reason]}
    return {"lines": lines, "taken": taken, **told}


def count_by_kind(accounts: Sequence[Account]) -> Mapping[str, Mapping[str, int]]:
    """The same for each kind of file that there is."""
    kinds = {kind: [account for account in accounts if account.layout.kind is kind] for kind in Kind}
    return {kind.value: count_lines(members) for kind, members in kinds.items() if members}


def count_rejected(accounts: Sequence[Account]) -> int:
    """How many records were not taken: the rows of `rejected_frame`."""
    counts = count_lines(accounts)
    return counts["lines"] - counts["taken"]


def _rejected(account: Account) -> "pd.DataFrame":
    import pandas as pd

    sheet = account.sheet
    positions = np.flatnonzero(account.reason != TAKEN)
    texts = as_texts(sheet.table.column(account.layout.columns[SKU]))
    skus = texts.distinct.take(texts.codes[positions]).to_pylist()
    bad = sheet.malformed
    reasons = [reason_of(int(code)).value for code in account.reason[positions]]
    frame = pd.DataFrame(
        {
            FILE: pd.Series([sheet.file] * (len(positions) + len(bad)), dtype="str"),
            LINE: np.concatenate([sheet.lines[positions], np.array([record.line for record in bad], dtype=np.int64)]),
            ROW: pd.Series([*map(sheet.row_text, positions.tolist()), *(record.text for record in bad)], dtype="str"),
            SKU: pd.Series([*skus, *("" for _ in bad)], dtype="str"),
            REASON: pd.Series([*reasons, *(Reason.MALFORMED_LINE.value for _ in bad)], dtype="str"),
        }
    )
    return frame.sort_values(LINE, kind="stable")
