"""Columns: which file or table holds what, and which of its columns is which of ours.

Belongs here: recognising by name and by columns, the mapping of settings. Not here: reading, and what the values mean.

A file is recognised by the start of its name or of a folder it lies in (`products`, `prices`, `sales`, or what
PRICECAST_TABLES says), any other one by its columns. PRICECAST_COLUMNS maps our names to theirs, for all files or, as in
`products.sku`, for those of one kind. Three columns are ours only here:

- `revenue`: the amount of a till line, in place of a price; the price is then revenue / quantity.
- `invoice`: what a till line belongs to; says that lines of the same SKU and day are to be added up.
- `modified_at`: decides between conflicting rows of a SKU and day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pricecast_dagster.errors import MissingColumnsError, SettingsError
from pricecast_dagster.schemas import CATEGORY, DATE, MODIFIED_AT, NAME, PRICE, QUANTITY, SKU

REVENUE: Final = "revenue"
INVOICE: Final = "invoice"
OURS: Final = (SKU, NAME, CATEGORY, DATE, PRICE, QUANTITY, REVENUE, INVOICE, MODIFIED_AT)


class Kind(StrEnum):
    """What the rows of a file or table are."""

    PRODUCTS = "products"
    PRICES = "prices"
    SALES = "sales"
    HISTORY = "history"
    """Price and quantity in one row."""


_NAMED: Final = (Kind.PRODUCTS, Kind.PRICES, Kind.SALES)
_NEEDED: Final = {
    Kind.PRODUCTS: (SKU,),
    Kind.PRICES: (SKU, DATE, PRICE),
    Kind.SALES: (SKU, DATE, QUANTITY),
    Kind.HISTORY: (SKU, DATE, PRICE, QUANTITY),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file is.

    Attributes:
        kind: of its rows.
        columns: our name -> position of theirs, for those that are there.
    """

    kind: Kind
    columns: Mapping[str, int]

    @property
    def has_both(self) -> bool:
        """Whether a row tells a price and a quantity, whatever the name of the file says."""
        return QUANTITY in self.columns and (PRICE in self.columns or REVENUE in self.columns)


def kind_by_name(path: str, tables: Mapping[str, str]) -> Kind | None:
    """The kind that the name of a file tells, None where it tells nothing.

    Args:
        path: relative to the source; the file's own name counts before those of its folders.
        tables: `PRICECAST_TABLES`: prices and sales under the same name are rows of both.
    """
    starts = {kind: tables.get(kind.value, kind.value).casefold() for kind in _NAMED}
    for part in reversed(path.casefold().split("/")):
        matching = [kind for kind in _NAMED if part.startswith(starts[kind])]
        if matching:
            longest = max(len(starts[kind]) for kind in matching)
            return _joined([kind for kind in matching if len(starts[kind]) == longest])
    return None


def lay_out(where: str, names: Sequence[str], kind: Kind | None, mapping: Mapping[str, str]) -> Layout | None:
    """Find our columns among theirs.

    Args:
        where: the file or table, for messages.
        names: its columns.
        kind: what its name tells; None leaves it to the columns.
        mapping: `PRICECAST_COLUMNS`.

    Returns:
        None where neither name nor columns tell what it is.

    Raises:
        MissingColumnsError: its name says what it is, and columns for that are missing.
    """
    if kind is None:
        return _by_columns(names, mapping)
    layout = Layout(kind, _find(names, kind, mapping))
    missing = [ours for ours in _NEEDED[kind] if ours not in layout.columns]
    if PRICE in missing and layout.has_both:  # revenue / quantity stands in for it
        missing.remove(PRICE)
        layout = Layout(Kind.HISTORY, layout.columns)
    if missing:
        raise MissingColumnsError(where, [_their_name(ours, kind, mapping) for ours in missing], names)
    return layout


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Refuse a mapping of columns that we do not have: a slip in it would be silently without effect.

    Raises:
        SettingsError: names them, and those there are.
    """
    unknown = [name for name in mapping if name.rpartition(".")[2] not in OURS or name.count(".") > 1]
    unknown += [name for name in mapping if "." in name and name.partition(".")[0] not in [kind.value for kind in Kind]]
    if unknown:
        raise SettingsError(
            f"PRICECAST_COLUMNS names {', '.join(map(repr, dict.fromkeys(unknown)))}; our columns are {', '.join(OURS)}, with or "
            f"without {', '.join(f'`{kind.value}.`' for kind in Kind)} before them."
        )


def expected_names(mapping: Mapping[str, str]) -> set[str]:
    """Every column name that may be ours, to tell a header from a line that is split wrongly."""
    return {*OURS, *mapping.values()}


def completed(layouts: Sequence[Layout]) -> list[Layout]:
    """Let files whose rows tell both prices and quantities serve as both where nothing else does.

    A till export named `sales_2024.csv` has the prices too; without this rule every one of its lines would lack one.
    """
    kinds = {layout.kind for layout in layouts}
    both = Kind.HISTORY in kinds
    lacking = {Kind.SALES: Kind.PRICES, Kind.PRICES: Kind.SALES}
    return [
        Layout(Kind.HISTORY, layout.columns)
        if layout.kind in lacking and lacking[layout.kind] not in kinds and not both and layout.has_both
        else layout
        for layout in layouts
    ]


def _joined(kinds: list[Kind]) -> Kind:
    return Kind.HISTORY if {Kind.PRICES, Kind.SALES} <= set(kinds) else kinds[0]


def _by_columns(names: Sequence[str], mapping: Mapping[str, str]) -> Layout | None:
    for kind in (Kind.HISTORY, Kind.PRICES, Kind.SALES):
        layout = Layout(kind, _find(names, kind, mapping))
        if all(ours in layout.columns or (ours == PRICE and layout.has_both) for ours in _NEEDED[kind]):
            return layout
    columns = _find(names, Kind.PRODUCTS, mapping)
    if SKU in columns and (NAME in columns or CATEGORY in columns) and DATE not in columns:
        return Layout(Kind.PRODUCTS, columns)
    return None


def _find(names: Sequence[str], kind: Kind, mapping: Mapping[str, str]) -> dict[str, int]:
    found = {}
    for ours in OURS:
        # A mapping made for one file must not hide our own name in another.
        for wanted in (_their_name(ours, kind, mapping), ours):
            position = _position(names, wanted)
            if position is not None:
                found[ours] = position
                break
    return found


def _their_name(ours: str, kind: Kind, mapping: Mapping[str, str]) -> str:
    return mapping.get(f"{kind.value}.{ours}", mapping.get(ours, ours))


def _position(names: Sequence[str], wanted: str) -> int | None:
    for position, name in enumerate(names):
        if name == wanted:
            return position
    for position, name in enumerate(names):
        if name.strip().casefold() == wanted.strip().casefold():
            return position
    return None
