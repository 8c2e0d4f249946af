"""Formats: numbers, dates and times the way the reader writes them, Brazilian or English.

Belongs here: choosing and formatting. Not here: what is shown.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

PORTUGUESE: Final = "pt-BR"
ENGLISH: Final = "en"
NONE: Final = "–"


@dataclass(frozen=True, slots=True)
class Format:
    """How one reader writes."""

    locale: str
    currency: str

    def number(self, value: float | None, digits: int = 0) -> str:
        """1,234.5 or 1.234,5; a dash where there is nothing."""
        if value is None:
            return NONE
        text = f"{value:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self.locale == PORTUGUESE else text

    def price(self, value: float | None) -> str:
        """A price with its currency."""
        return NONE if value is None else f"{self.currency} {self.number(value, 2)}"

    def share(self, value: float | None) -> str:
        """0 to 1 as percent."""
        return NONE if value is None else f"{self.number(100 * value)} %"

    def day(self, value: date | None) -> str:
        """31/05/2026, or 31 May 2026."""
        if value is None:
            return NONE
        return f"{value:%d/%m/%Y}" if self.locale == PORTUGUESE else f"{value.day} {value:%b %Y}"

    def time(self, value: datetime | None) -> str:
        """To the minute, UTC."""
        return NONE if value is None else f"{self.day(value.date())}, {value:%H:%M} UTC"


def format_for(accept_language: str, currency: str) -> Format:
    """The format of a reader, by the first language of `Accept-Language` that is one of the two; English otherwise."""
    for language in accept_language.lower().split(","):
        name = language.partition(";")[0].strip()
        if name.startswith("pt"):
            return Format(PORTUGUESE, currency)
        if name.startswith("en"):
            return Format(ENGLISH, currency)
    return Format(ENGLISH, currency)
