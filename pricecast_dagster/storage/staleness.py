"""Staleness: which stages are out of date, as one SQL statement over the whole portfolio.

Belongs here: the rule. Not here: reading and writing states (`storage.states`). `stages.staleness` has the same rule over states
in memory, for a chunk whose results are not committed yet; a slow oracle in the tests holds this one.

A stage is out of date when what it would be built from now differs from what it was built from. Where its last attempt failed,
it is measured against that: it is not tried again on exactly the same. Below a stage that failed nothing is built, but for the
forecast, which a simple method can answer. While a model is held (its product's model was deleted by a person), only a newer
retrain request trains it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, FromClause, Select, and_, case, func, literal, null, or_, select

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.storage.tables import product, retrain_request, stage_state

NO_MODEL_YET: Final = "none"
"""Stands in a forecast's upstream version where the SKU has no model."""

SETTINGS_MARK: Final = "."
"""In a code version between the code and the settings that its results hang on: holidays, days, members."""

SHARED_MARK: Final = "@"
"""In a code version before the version of what models of different products share."""

NEW: Final = "new"
REQUESTED: Final = "retrain request"
CODE_CHANGED: Final = "code changed"
SETTINGS_CHANGED: Final = "settings changed"
POOLED_CHANGED: Final = "pooled model changed"
MODEL_CHANGED: Final = "model changed"
DATA_CHANGED: Final = "data changed"


@dataclass(frozen=True, slots=True)
class OutOfDate:
    """The first stage of a SKU that is out of date, and why: `new`, `data changed`, `retrain request: drift`, ..."""

    sku: str
    stage: Stage
    reason: str


def position(stage: ColumnElement[str]) -> ColumnElement[int]:
    """The order of stages, to sort by."""
    return case({stage.value: index for index, stage in enumerate(STAGES)}, value=stage)


def statement(code_versions: Mapping[Stage, str], only: "BindParameter[Any] | None" = None) -> "Select[tuple[str, str, str]]":
    """Rows (sku, stage, reason), by SKU; a SKU has at most one.

    Args:
        code_versions: those in force, of every stage but raw_history, whose inputs are in the source.
        only: an expanding parameter of SKUs to look at; None looks at all. A condition from outside would not do: SQLite
            judges everybody first (10,000 SKUs: 40 ms instead of 0.3 for a few).
    """
    among = [] if only is None else [product.c.sku.in_(only)]
    asked = [] if only is None else [retrain_request.c.sku.in_(only)]
    history, features, model, forecast = (stage_state.alias(stage.value) for stage in STAGES)
    newest = (
        select(retrain_request.c.sku, func.max(retrain_request.c.id).label("id"))
        .where(retrain_request.c.status.in_(("open", "answered")), *asked)
        .group_by(retrain_request.c.sku)
        .subquery("newest")
    )
    request = retrain_request.alias("request")

    features_why = case(
        (history.c.error.is_not(None), null()),
        else_=_why(features, history.c.data_version, code_versions[Stage.FEATURE_TABLE]),
    )
    model_why = case(
        (or_(features.c.data_version.is_(None), features.c.error.is_not(None)), null()),
        (and_(product.c.model_hold.is_not(None), _asked_before(model, newest.c.id)), null()),
        else_=_why(model, features.c.data_version, code_versions[Stage.PRICE_MODEL], newest.c.id, request.c.reason),
    )
    rows_and_model = history.c.data_version + "/" + func.coalesce(model.c.data_version, NO_MODEL_YET)
    forecast_why = _why(forecast, rows_and_model, code_versions[Stage.FORECAST], rows=history.c.data_version)
    judged = (
        select(
            product.c.sku,
            features_why.label("features_why"),
            model_why.label("model_why"),
            forecast_why.label("forecast_why"),
        )
        .join(history, _of(history, Stage.RAW_HISTORY))
        .outerjoin(features, _of(features, Stage.FEATURE_TABLE))
        .outerjoin(model, _of(model, Stage.PRICE_MODEL))
        .outerjoin(forecast, _of(forecast, Stage.FORECAST))
        .outerjoin(newest, newest.c.sku == product.c.sku)
        .outerjoin(request, request.c.id == newest.c.id)
        .where(product.c.active, history.c.data_version.is_not(None), *among)
        .subquery("judged")
    )
    reason = func.coalesce(judged.c.features_why, judged.c.model_why, judged.c.forecast_why)
    stage = case(
        (judged.c.features_why.is_not(None), Stage.FEATURE_TABLE.value),
        (judged.c.model_why.is_not(None), Stage.PRICE_MODEL.value),
        else_=Stage.FORECAST.value,
    )
    return select(judged.c.sku, stage.label("stage"), reason.label("reason")).where(reason.is_not(None)).order_by(judged.c.sku)


def _of(state: FromClause, stage: Stage) -> ColumnElement[bool]:
    return and_(state.c.sku == product.c.sku, state.c.stage == stage.value)


def _recorded(state: FromClause, name: str) -> ColumnElement[Any]:
    """An input of the last attempt: of the failure where there is one, of the last success otherwise."""
    return case((state.c.error.is_not(None), state.c[f"failed_{name}"]), else_=state.c[name])


def _asked_before(state: FromClause, request_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether no request is newer than the last attempt; without an attempt there is nothing to be newer than."""
    return or_(
        request_id.is_(None),
        request_id.is_not_distinct_from(_recorded(state, "request_id")),
        _recorded(state, "upstream_version").is_(None),
    )


def _why(
    state: FromClause,
    upstream_version: ColumnElement[str],
    code_version: str,
    request_id: ColumnElement[int] | None = None,
    request_reason: ColumnElement[str] | None = None,
    rows: ColumnElement[str] | None = None,
) -> ColumnElement[str | None]:
    """Why a stage is out of date, read off the part that differs; NULL where it is not."""
    recorded = _recorded(state, "upstream_version")
    reasons: list[tuple[ColumnElement[bool], ColumnElement[str]]] = [(recorded.is_(None), literal(NEW))]
    if request_id is not None and request_reason is not None:
        differs = request_id.is_distinct_from(_recorded(state, "request_id"))
        # A cancelled request leaves none, or an older one: the reason is then not that of the present one.
        reasons.append((differs, literal(REQUESTED) + func.coalesce(literal(": ") + request_reason, literal(""))))
    code = _recorded(state, "code_version")
    own = code_version.partition(SHARED_MARK)[0]
    same_code = or_(code == own, func.substr(code, 1, len(own) + 1) == own + SHARED_MARK)
    reasons.append((and_(code != code_version, same_code), literal(POOLED_CHANGED)))
    if SETTINGS_MARK in own:
        same_program = own.partition(SETTINGS_MARK)[0] + SETTINGS_MARK
        same_start = func.substr(code, 1, len(same_program)) == same_program
        reasons.append((and_(code != code_version, same_start), literal(SETTINGS_CHANGED)))
    reasons.append((code != code_version, literal(CODE_CHANGED)))
    if rows is not None:
        same_rows = func.substr(recorded, 1, func.length(rows) + 1) == rows + "/"
        reasons.append((and_(same_rows, recorded != upstream_version), literal(MODEL_CHANGED)))
    reasons.append((recorded != upstream_version, literal(DATA_CHANGED)))
    return case(*reasons, else_=null())
