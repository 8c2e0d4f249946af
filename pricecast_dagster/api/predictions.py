"""Predictions: answers as bytes, kept in memory for as long as they are the right ones; and the quick way to them.

Belongs here: keeping, revalidating, handing out before any routing. Not here: the documented call (`routes.predicting`), which
takes everything that is not plain.

An answer is kept under the version of its forecast, and every request looks at the database whether that is still the one
(`gathering`); so a promotion, a rollback or new rows are seen by the next request, in whatever process they happened.
"""

import re
from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Final

from fastapi import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from pricecast_dagster.api import models
from pricecast_dagster.api.gathering import Gatherer
from pricecast_dagster.api.parameters import LONGEST_HORIZON_DAYS
from pricecast_dagster.api.services import Services
from pricecast_dagster.errors import PricecastError
from pricecast_dagster.operations import forecasts, serving
from pricecast_dagster.operations.forecasts import Prediction
from pricecast_dagster.schemas import LEVELS
from pricecast_dagster.stages.versions import digest
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.standing import Standing

ANSWERS_IN_MEMORY: Final = 20_000
"""An answer has about 1.2 KB."""

PATH: Final = "/ml/predict/{sku:path}"
DAYS: Final = 14
_PREFIX: Final = "/ml/predict/"
_DAYS: Final = re.compile(rb"days_ahead=([1-9][0-9]?)")
_Question = tuple[str, int]
_Key = tuple[str, str | None, int, bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its bytes, its tag, and whether a model gave it."""

    body: bytes
    tag: str
    by_model: bool


class Predictions:
    """The answers of one application."""

    def __init__(self, services: Services) -> None:
        self._context = services.context
        self._kept: OrderedDict[_Key, Answer] = OrderedDict()
        self._gatherer: Gatherer[_Question, Answer | Standing] = Gatherer(self._look)
        counter = services.metrics.answers
        self._counted = {True: counter.labels("model"), False: counter.labels("simple")}

    async def answer(self, sku: str, days: int) -> Answer:
        """The forecast of a product, from memory where it is there and still right.

        Raises:
            UnknownSkuError: there is no such product in the source.
            NoUsableHistoryError, ForecastError: see `operations.forecasts.predict`.
        """
        found = await self._gatherer.ask((sku, days))
        if found is None:
            raise serving.refuse_unknown(sku)
        return found if isinstance(found, Answer) else await run_in_threadpool(self._computed, sku, days)

    def _look(self, questions: list[_Question]) -> dict[_Question, Answer | Standing]:
        """The answers that are kept or stored; how it stands with products whose stored forecast does not reach so far."""
        standing = serving.standing_of(self._context, [sku for sku, _ in questions])
        found: dict[_Question, Answer | Standing] = {}
        missing: dict[int, dict[str, Standing]] = {}
        for sku, days in questions:
            if sku not in standing:
                continue
            one = standing[sku]
            kept = self._kept.get((sku, one.version, days, one.stale is not None))
            if kept is None and one.horizon_days >= days:
                missing.setdefault(days, {})[sku] = one
            found[sku, days] = kept or one
        for days, ones in missing.items():
            for sku, stored in serving.stored_forecasts(self._context, ones).items():
                if stored.horizon_days >= days:
                    prediction = serving.as_prediction(stored, days, stale=ones[sku].stale is not None)
                    # Under the version that was read, which may be newer by now than the one that was looked at.
                    found[sku, days] = self._keep((sku, stored.version, days, prediction.stale), prediction)
        return found

    def _keep(self, key: _Key, prediction: Prediction) -> Answer:
        answer = _packed(prediction, str(key[1]), len(prediction.dates))
        self._kept[key] = answer
        if len(self._kept) > ANSWERS_IN_MEMORY:
            self._kept.popitem(last=False)
        return answer

    def _computed(self, sku: str, days: int) -> Answer:
        prediction = forecasts.predict(self._context, sku, days)
        # Not the version of the stored forecast: this one is made from rows and model as they are now.
        return _packed(prediction, digest(as_answer(prediction)), days)

    def response(self, answer: Answer, if_none_match: str | None) -> Response:
        """The answer, or that it is the one the reader has."""
        headers = {"ETag": answer.tag, "Cache-Control": "private, no-cache"}
        if if_none_match is not None and answer.tag in (given.strip().removeprefix("W/") for given in if_none_match.split(",")):
            return Response(status_code=304, headers=headers)
        self._counted[answer.by_model].inc()
        return Response(answer.body, media_type="application/json", headers=headers)


def _packed(prediction: Prediction, version: str, days: int) -> Answer:
    stale = "-stale" if prediction.stale else ""
    by_model = prediction.model_used.startswith("LightGBM")
    return Answer(to_json(as_answer(prediction)).encode(), f'"{version}-{days}{stale}"', by_model)


class Quick:
    """Answers plain questions for forecasts without routing and parameter parsing, which cost three times the answer itself."""

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
        await self._predictions.response(answer, None)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Route:
    """What the log and the figures call it."""

    path_format: str


_ROUTE: Final = _Route("/ml/predict/{sku}")


def _plain(scope: Scope) -> tuple[str, int] | None:
    """SKU and days of a question that has nothing else in it; None for all others."""
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_PREFIX):
        return None
    if any(name == b"if-none-match" for name, _ in scope["headers"]):
        return None
    sku = scope["path"][len(_PREFIX) :]
    if not sku.isprintable() or not 0 < len(sku) <= 100:
        return None
    if not scope["query_string"]:
        return sku, DAYS
    days = _DAYS.fullmatch(scope["query_string"])
    return (sku, int(days[1])) if days and int(days[1]) <= LONGEST_HORIZON_DAYS else None


def as_answer(prediction: Prediction) -> dict[str, object]:
    """A prediction in the form of `models.PredictionAnswer`."""
    found = asdict(prediction)
    found["metrics"] = {name: prediction.metrics.get(name) for name in ("rmse", "mae")}
    found["coverage"] = {str(level): prediction.coverage.get(str(level)) for level in LEVELS}
    return {name: found[name] for name in models.PredictionAnswer.model_fields}
