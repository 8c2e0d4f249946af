"""Predictions: answers as bytes, kept in memory for as long as they are the right ones.

Belongs here: keeping, finding out whether it is still right, making it anew. Not here: HTTP (`routes.predicting`, `quick`),
which forecast answers (`operations.serving`).

An answer is kept with the mark of the database (`storage.changes`) under which it was read. While the mark is the same nothing
was written, and the answer is right. When it is another one, the version of the stored forecast is looked up; mostly it is the
same, and the answer is right under the new mark. So a promotion, a deletion, a rollback or new rows are seen by the first request
that comes after their transaction is through; on PostgreSQL, where another process made it, after its notification has arrived.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool

from pricecast_dagster.api import models
from pricecast_dagster.api.gathering import Gatherer
from pricecast_dagster.api.services import Services
from pricecast_dagster.operations import forecasts, serving
from pricecast_dagster.operations.forecasts import Prediction
from pricecast_dagster.schemas import LEVELS
from pricecast_dagster.stages.versions import digest
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.standing import Standing

BYTES_IN_MEMORY: Final = 96_000_000
"""An answer has 1.2 KB, and half a KB around it: about 50,000 of them."""

_AROUND: Final = 600
_JSON: Final = b"application/json"
_Question = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its bytes, its headers, the forecast it tells of, and whether a model gave it."""

    body: bytes
    tag: str
    headers: tuple[tuple[bytes, bytes], ...]
    version: str
    stale: bool
    by_model: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and the mark under which it is right."""

    answer: Answer
    mark: int


class Predictions:
    """The answers of one application; used by its event loop alone, which hands looking and computing to threads."""

    def __init__(self, services: Services) -> None:
        self._context = services.context
        self._kept: OrderedDict[_Question, _Kept] = OrderedDict()
        self._bytes = 0
        self._gatherer: Gatherer[_Question, _Kept | Standing] = Gatherer(self._look)
        counter = services.metrics.answers
        self._counted = {True: counter.labels("model"), False: counter.labels("simple")}

    async def answer(self, sku: str, days: int) -> Answer:
        """The forecast of a product, from memory where it is there and still right.

        Raises:
            UnknownSkuError: there is no such product in the source.
            NoUsableHistoryError, ForecastError: see `operations.forecasts.predict`.
            DatabaseUnavailableError: the database does not answer.
        """
        question = (sku, days)
        kept = self._kept.get(question)
        if kept is not None and kept.mark == self._context.database.mark_at_once():
            self._kept.move_to_end(question)
            return kept.answer
        found = await self._gatherer.ask(question)
        if found is None:
            raise await run_in_threadpool(serving.absent, self._context, sku)
        if isinstance(found, Standing):
            found = await run_in_threadpool(self._computed, sku, days)
        self._keep(question, found)
        return found.answer

    def count(self, answer: Answer) -> None:
        """Count a forecast that was handed out."""
        self._counted[answer.by_model].inc()

    def _keep(self, question: _Question, kept: _Kept) -> None:
        before = self._kept.get(question)
        self._kept[question] = kept
        self._kept.move_to_end(question)
        self._bytes += len(kept.answer.body) + _AROUND
        if before is not None:
            self._bytes -= len(before.answer.body) + _AROUND
        while self._bytes > BYTES_IN_MEMORY:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.answer.body) + _AROUND

    def _look(self, questions: list[_Question]) -> dict[_Question, _Kept | Standing]:
        """The answers that are kept or stored; how it stands with products whose stored forecast does not reach so far."""
        mark = self._context.database.mark()
        found: dict[_Question, _Kept | Standing] = {}
        for question in questions:
            kept = self._kept.get(question)
            if kept is not None and kept.mark == mark:
                found[question] = kept
        if len(found) < len(questions):
            found |= self._looked_up([question for question in questions if question not in found], mark)
        return found

    def _looked_up(self, questions: list[_Question], mark: int) -> dict[_Question, _Kept | Standing]:
        standing = serving.standing_of(self._context, [sku for sku, _ in questions])
        found: dict[_Question, _Kept | Standing] = {}
        missing: dict[int, dict[str, Standing]] = {}
        for sku, days in questions:
            if sku not in standing:
                continue
            one = standing[sku]
            kept = self._kept.get((sku, days))
            if kept is not None and (kept.answer.version, kept.answer.stale) == (one.version, one.stale is not None):
                found[sku, days] = _Kept(kept.answer, mark)
                continue
            found[sku, days] = one
            if one.horizon_days >= days:
                missing.setdefault(days, {})[sku] = one
        for days, ones in missing.items():
            for sku, stored in serving.stored_forecasts(self._context, ones).items():
                if stored.horizon_days >= days:
                    prediction = forecasts.as_prediction(stored, days, stale=ones[sku].stale is not None)
                    # Under the version that was read, which may be newer by now than the one that was looked at.
                    found[sku, days] = _Kept(_packed(prediction, stored.version, days), mark)
        return found

    def _computed(self, sku: str, days: int) -> _Kept:
        """One that reaches further than what is stored: right until anything changes, for it has no version to compare."""
        mark = self._context.database.mark()
        prediction = forecasts.predict(self._context, sku, days)
        return _Kept(_packed(prediction, digest(as_answer(prediction)), days), mark)


def _packed(prediction: Prediction, version: str, days: int) -> Answer:
    body = to_json(as_answer(prediction)).encode()
    tag = f'"{version}-{days}{"-stale" if prediction.stale else ""}"'
    headers = (
        (b"content-length", str(len(body)).encode()),
        (b"content-type", _JSON),
        (b"etag", tag.encode("latin-1")),
        (b"cache-control", b"private, no-cache"),
    )
    return Answer(body, tag, headers, version, prediction.stale, prediction.model_used.startswith("LightGBM"))


def as_answer(prediction: Prediction) -> dict[str, object]:
    """A prediction in the form of `models.PredictionAnswer`."""
    found = {name: getattr(prediction, name) for name in models.PredictionAnswer.model_fields}
    found["metrics"] = {name: prediction.metrics.get(name) for name in ("rmse", "mae")}
    found["coverage"] = {str(level): prediction.coverage.get(str(level)) for level in LEVELS}
    return found
