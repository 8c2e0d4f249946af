"""Cleaning of a source in plain Python, line by line, written from the specification.

A line is a dictionary: `kind` (prices, sales, history or till), `sku`, `date` (a date or None), `price` and `quantity` (a
Decimal, or None where the field is empty), `modified` (a datetime or None), `text` (the whole line). Lines stand in the order of
files.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from statistics import median
from typing import Any

Line = dict[str, Any]
History = dict[tuple[str, date], tuple[float, float | None]]


def clean_line_by_line(
    lines: Sequence[Line], known: set[str] | None, today: date, absurd_factor: float
) -> tuple[History, list[str]]:
    """The history, and for every line `taken` or the name of its reason."""
    reasons = [_alone(line, known, today) for line in lines]
    priced = [position for position, line in enumerate(lines) if not reasons[position] and line["kind"] != "sales"]
    judged = absurd_by_definition(
        [(lines[position]["sku"], float(lines[position]["price"])) for position in priced], absurd_factor
    )
    for position, absurd in zip(priced, judged, strict=True):
        reasons[position] = "price_absurd" if absurd else None
    seen = set()
    for position, line in enumerate(lines):
        if line["kind"] == "till" and not reasons[position]:
            if line["text"] in seen:
                reasons[position] = "exact_duplicate"
            seen.add(line["text"])

    prices = _days([p for p, line in enumerate(lines) if line["kind"] != "sales" and not reasons[p]], lines, reasons)
    sales = _days([p for p, line in enumerate(lines) if line["kind"] == "sales" and not reasons[p]], lines, reasons)
    history: History = {day: (price, quantity) for day, (price, quantity, _) in prices.items()}
    for day, (_, sold, positions) in sales.items():
        if day not in history:
            verdict = "sale_without_price"
        elif history[day][1] is None:
            history[day] = (history[day][0], sold)
            verdict = None
        else:
            verdict = "exact_duplicate" if history[day][1] == sold else "conflicting_duplicate"
        for position in positions:
            reasons[position] = verdict
    return history, [reason or "taken" for reason in reasons]


def _alone(line: Line, known: set[str] | None, today: date) -> str | None:
    if not line["sku"]:
        return "empty_sku"
    if known is not None and line["sku"] not in known:
        return "unknown_sku"
    if line["date"] is None:
        return "unparsable_date"
    if line["date"].year < 1990:
        return "day_too_long_ago"
    if line["date"] > today:
        return "day_in_the_future"
    price, quantity, kind = line["price"], line["quantity"], line["kind"]
    if kind != "sales" and price is None:
        return "unparsable_number"
    if kind in ("sales", "till") and quantity is None:
        return "unparsable_number"
    if kind == "till" and quantity == 0:
        return "nothing_sold"
    if kind != "sales" and price == 0:
        return "price_zero"
    if kind != "sales" and price < 0:
        return "price_negative"
    if kind != "prices" and quantity is not None and quantity < 0:
        return "returned_goods"
    return None


def absurd_by_definition(prices: Sequence[tuple[str, float]], factor: float) -> list[bool]:
    """Which of (SKU, price) are more than the factor off the SKU's median; none where they are many, or of very few."""
    of_sku = defaultdict(list)
    for sku, price in prices:
        of_sku[sku].append(math.log(price))
    bound = math.log(factor)
    far = [abs(math.log(price) - median(of_sku[sku])) > bound for sku, price in prices]
    many = {
        sku
        for sku, logs in of_sku.items()
        if len(logs) < 5 or sum(f for f, (other, _) in zip(far, prices, strict=True) if other == sku) > 0.2 * len(logs)
    }
    return [is_far and sku not in many for is_far, (sku, _) in zip(far, prices, strict=True)]


def _days(
    positions: list[int], lines: Sequence[Line], reasons: list[str | None]
) -> dict[tuple[str, date], tuple[float, float | None, list[int]]]:
    """(sku, day) -> price, quantity, and the lines they come from; lines of records that are not kept get their reason."""
    records = []
    tills = defaultdict(list)
    for position in positions:
        line = lines[position]
        if line["kind"] == "till":
            tills[line["sku"], line["date"]].append(position)
        else:
            quantity = None if line["kind"] == "prices" or line["quantity"] is None else float(line["quantity"])
            price = float(line["price"]) if line["kind"] != "sales" else 0.0
            records.append(((line["sku"], line["date"]), price, quantity, [position]))
    for day, members in tills.items():
        sold = sum(lines[position]["quantity"] for position in members)
        revenue = sum(lines[position]["quantity"] * lines[position]["price"] for position in members)
        records.append((day, float(round(revenue / sold, 6)), float(sold), members))
    kept: dict[tuple[str, date], tuple[float, float | None, list[int]]] = {}
    for day, price, quantity, members in sorted(records, key=lambda record: _lateness(record[3], lines)):
        kept[day] = (price, quantity, members)
    for day, price, quantity, members in records:
        if members != kept[day][2]:
            same = (price, quantity) == kept[day][:2]
            for position in members:
                reasons[position] = "exact_duplicate" if same else "conflicting_duplicate"
    return kept


def _lateness(members: list[int], lines: Sequence[Line]) -> tuple[datetime, int, int]:
    """When a record was modified last, whether it has a time of day (only tills do), where its last line stands."""
    modified = max(lines[position]["modified"] or datetime.min for position in members)
    return modified, max(lines[position].get("second", 0) for position in members), max(members)
