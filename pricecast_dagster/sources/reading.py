"""Reading: the retailer's data, clean, with every line accounted for.

Belongs here: the one way in, from settings to `SourceData`. Not here: each step of it (the other modules of `sources`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pricecast_dagster.errors import MissingColumnsError, SourceUnavailableError
from pricecast_dagster.schemas import CATEGORY, NAME, SKU
from pricecast_dagster.settings import Settings
from pricecast_dagster.sources.accounts import Account, count_by_kind, count_lines, count_rejected, rejected_frame
from pricecast_dagster.sources.cleaning import clean
from pricecast_dagster.sources.columns import Kind, Layout, check_mapping, completed, kind_by_name, lay_out
from pricecast_dagster.sources.fingerprint import cheap_fingerprint, is_database
from pricecast_dagster.sources.folder import find_files, read_file
from pricecast_dagster.sources.formats import find_formats
from pricecast_dagster.sources.modified import modified_at
from pricecast_dagster.sources.parsing import parse
from pricecast_dagster.sources.plain import with_plain_columns
from pricecast_dagster.sources.products import clean_products, products_of
from pricecast_dagster.sources.reasons import TAKEN, Reason
from pricecast_dagster.sources.sheet import Sheet
from pricecast_dagster.sources.values import as_texts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class SourceData:
    """What one read of the source brought.

    Attributes:
        products: PRODUCT_COLUMNS, sorted by SKU; made from the history where the retailer has no list.
        history: HISTORY_COLUMNS, sorted by SKU and date, one row a SKU and day that has a price.
        rejected: REJECTED_COLUMNS, one row for every line not taken; those of the product list come first.
        listing_rejected: how many of them are of the product list: they cost no price and no sale.
        counts: `{"lines": n, "taken": n, "rejected: <reason>": n, ...}` over all files; taken and rejected add up to lines.
        counts_by_kind: the same for products, prices, sales and history (price and quantity in one row).
        fingerprint: of the source as it was when the read began, see `fingerprint.cheap_fingerprint`.
        notes: what a person should know: files that were ignored and why.
    """

    products: "pd.DataFrame"
    history: "pd.DataFrame"
    rejected: "pd.DataFrame"
    listing_rejected: int
    counts: Mapping[str, int]
    counts_by_kind: Mapping[str, Mapping[str, int]]
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered:
    sheets: Sequence[Sheet]
    layouts: Sequence[Layout]
    notes: Sequence[str]


def read_source(settings: Settings, *, today: date, skus: Collection[str] | None = None) -> SourceData:
    """Read and clean the whole source, or what it has of some SKUs.

    Args:
        settings: where the source is and how it is written.
        today: days after it are in the future.
        skus: only these; None means all. Their rows are the same as in a read of all.

    Raises:
        SourceUnavailableError: the source is not there, or has nothing that can be used.
        MissingColumnsError: a file or table lacks columns; names both sides.
        SettingsError: a setting of the source has no meaning.
        UnreadableFileError: a file is damaged or not in the encoding that was set.
    """
    check_mapping(settings.columns)
    fingerprint = cheap_fingerprint(settings)
    gathered = _from_database(settings) if is_database(settings.source) else _from_folder(settings)
    found = list(zip(gathered.sheets, gathered.layouts, strict=True))
    listed = [(sheet, layout) for sheet, layout in found if layout.kind is Kind.PRODUCTS]
    others = [(sheet, layout) for sheet, layout in found if layout.kind is not Kind.PRODUCTS]
    products, product_reasons = clean_products(listed)
    known = frozenset(products[SKU]) if len(products) else None

    formats, doubts = find_formats(others, settings)
    lines = [parse(sheet, layout, one, today) for (sheet, layout), one in zip(others, formats, strict=True)]
    list_accounts = [Account(*pair, reason) for pair, reason in zip(listed, product_reasons, strict=True)]
    unread = [note for sheet_lines in lines for note in sheet_lines.notes]
    unread += [note for sheet, layout in listed for note in modified_at(sheet, layout, day_first=True)[1]]
    if skus is not None:
        lines = [sheet_lines.of(frozenset(skus)) for sheet_lines in lines]
        list_accounts = [_of(account, frozenset(skus)) for account in list_accounts]
        products = products[products[SKU].isin(list(skus))].reset_index(drop=True)
    cleaned = clean(lines, known, settings.absurd_factor)
    line_accounts = [Account(one.sheet, one.layout, reason) for one, reason in zip(lines, cleaned.reasons, strict=True)]
    accounts = [*list_accounts, *line_accounts]
    counts = count_lines(accounts)
    return SourceData(
        products=products_of(cleaned.history, _with_names(line_accounts)) if known is None else products,
        history=cleaned.history,
        rejected=rejected_frame(accounts),
        listing_rejected=count_rejected(list_accounts),
        counts=counts,
        counts_by_kind=count_by_kind(accounts),
        fingerprint=fingerprint,
        notes=(*gathered.notes, *doubts, *unread, *_remarks(found, known, counts)),
    )


def _remarks(found: Sequence[tuple[Sheet, Layout]], known: frozenset[str] | None, counts: Mapping[str, int]) -> list[str]:
    listed = [layout for _, layout in found if layout.kind is Kind.PRODUCTS]
    remarks = [remark for sheet, layout in found for remark in _told_twice(sheet, layout)]
    remarks += [
        f"{sheet.file} has no rows."
        for sheet, layout in found
        if layout.kind is not Kind.PRODUCTS and not sheet.table.num_rows and not sheet.malformed
    ]
    if listed and known is None:
        remarks.append("The product list is empty: every SKU with a price is a product.")
    unknown = counts.get(f"rejected: {Reason.UNKNOWN_SKU}", 0)
    if unknown > counts["lines"] / 2:
        remarks.append(
            f"{unknown:,} of {counts['lines']:,} lines are of SKUs that the product list does not have: "
            "are they written the same way there, with the same leading zeros?"
        )
    return remarks


def _told_twice(sheet: Sheet, layout: Layout) -> list[str]:
    """Of our columns those that the sheet has several of, in any case."""
    names = [name.strip().casefold() for name in sheet.names]
    return [
        f"{sheet.file} has {names.count(names[taken])} columns called {sheet.names[taken]}; column {taken + 1} is taken."
        for taken in dict.fromkeys(layout.columns.values())
        if names.count(names[taken]) > 1
    ]


def _with_names(accounts: Sequence[Account]) -> list[tuple[Sheet, Layout]]:
    """What was taken of the files that also name products; a rejected line's "damaged, thrown away" names nothing."""
    return [
        (account.sheet.only(account.reason == TAKEN), account.layout)
        for account in accounts
        if NAME in account.layout.columns or CATEGORY in account.layout.columns
    ]


def _of(account: Account, skus: frozenset[str]) -> Account:
    texts = as_texts(account.sheet.table.column(account.layout.columns[SKU]))
    chosen = np.array([sku in skus for sku in texts.distinct.to_pylist()], dtype=np.bool_)[texts.codes]
    return Account(account.sheet.only(chosen), account.layout, account.reason[chosen])


def _from_folder(settings: Settings) -> _Gathered:
    filesystem, files, notes = find_files(settings)
    sheets, layouts, unused, empty = [], [], [], []
    for file in files:
        sheet = read_file(filesystem, file, settings)
        if sheet is None:
            empty.append(file.name)
            notes.append(f"{file.name} is ignored: it is empty.")
            continue
        layout = lay_out(f"File {file.name}", sheet.names, kind_by_name(file.name, settings.tables), settings.columns)
        if layout is None:
            unused.append(sheet)
            notes.append(f"{file.name} is ignored: neither its name nor its columns tell products, prices or sales.")
            continue
        sheet = with_plain_columns(sheet, layout)
        sheets.append(sheet)
        layouts.append(layout)
        notes.extend(sheet.notes)
    _require_prices(settings, layouts, unused, empty)
    final = completed(layouts)
    notes.extend(_told_as_both(sheets, layouts, final))
    return _Gathered(sheets, final, notes)


def _require_prices(settings: Settings, layouts: Sequence[Layout], unused: Sequence[Sheet], empty: Sequence[str]) -> None:
    if any(layout.kind in (Kind.PRICES, Kind.HISTORY) or layout.has_both for layout in layouts):
        return
    named = [name for name in empty if kind_by_name(name, settings.tables) in (Kind.PRICES, Kind.HISTORY)]
    if named or (empty and not unused):
        raise SourceUnavailableError(
            f"The source {settings.source} has no prices: {', '.join(named or empty)} is empty.",
            remedy="Write the file again, with a header and rows; nothing was taken.",
        )
    if unused:
        names = settings.columns
        wanted = [names.get(ours, ours) for ours in ("sku", "date", "price")]
        missing = [name for name in wanted if name not in unused[0].names]
        raise MissingColumnsError(f"File {unused[0].file}, and no other file of {settings.source},", missing, unused[0].names)
    raise SourceUnavailableError(f"The source {settings.source} has no prices.")


def _told_as_both(sheets: Sequence[Sheet], before: Sequence[Layout], after: Sequence[Layout]) -> list[str]:
    return [
        f"{sheet.file} serves as prices and sales: it has both, and no other file has the one its name does not say."
        for sheet, old, new in zip(sheets, before, after, strict=True)
        if old.kind is not new.kind
    ]


def _from_database(settings: Settings) -> _Gathered:
    from pricecast_dagster.sources.sql import read_tables

    found, layouts, notes = read_tables(settings)
    sheets = [with_plain_columns(sheet, layout) for sheet, layout in zip(found, layouts, strict=True)]
    return _Gathered(sheets, layouts, [*notes, *(note for sheet in sheets for note in sheet.notes)])
