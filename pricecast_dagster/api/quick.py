"""Quick: plain questions for a forecast, answered before any routing, which costs more than the answer itself.

Belongs here: what is plain, and the answer's two messages. Not here: the documented call (`routes.predicting`), which takes
everything else, and says what is wrong with it; finding the answer (`predictions`).
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from pricecast_dagster.api.parameters import LONGEST_HORIZON_DAYS
from pricecast_dagster.api.predictions import Answer, Predictions
from pricecast_dagster.errors import PricecastError

PATH: Final = "/ml/predict/{sku:path}"
DAYS: Final = 14
LONGEST_SKU: Final = 100
_PREFIX: Final = "/ml/predict/"
_DAYS: Final = re.compile(rb"days_ahead=([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class _Route:
    """What the log and the figures call it."""

    path_format: str


_ROUTE: Final = _Route("/ml/predict/{sku}")


class Quick:
    """Answers plain questions, and hands all others on."""

    def __init__(self, app: ASGIApp, predictions: Predictions) -> None:
        self._app = app
        self._predictions = predictions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or hand it on."""
        asked = _plain(scope)
        if asked is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._predictions.answer(*asked)
        except PricecastError:
            # The documented call says what is wrong, and to whom.
            await self._app(scope, receive, send)
            return
        scope["route"] = _ROUTE
        self._predictions.count(answer)
        await send({"type": "http.response.start", "status": 200, "headers": list(answer.headers)})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def is_known(answer: Answer, if_none_match: str) -> bool:
    """Whether it is one of the answers that a reader says to have."""
    return answer.tag in (given.strip().removeprefix("W/") for given in if_none_match.split(","))


def _plain(scope: Scope) -> tuple[str, int] | None:
    """SKU and days of a question that has nothing else in it; None for all others."""
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_PREFIX):
        return None
    for name, _ in scope["headers"]:
        if name == b"if-none-match":
            return None
    sku = scope["path"][len(_PREFIX) :]
    if not sku.isprintable() or not 0 < len(sku) <= LONGEST_SKU:
        return None
    if not scope["query_string"]:
        return sku, DAYS
    days = _DAYS.fullmatch(scope["query_string"])
    return (sku, int(days[1])) if days and int(days[1]) <= LONGEST_HORIZON_DAYS else None
