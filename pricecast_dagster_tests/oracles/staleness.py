"""Oracle of staleness: the rule as a person would explain it, one SKU at a time, without SQL.

Belongs here: the slow, obvious form. It shares no code with `storage.staleness` and `stages.staleness`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage.state_records import StageState


class Request(NamedTuple):
    """A retrain request that was let through and not cancelled."""

    id: int
    reason: str


def first_out_of_date(
    sku: str,
    states: Mapping[tuple[str, Stage], StageState],
    codes: Mapping[Stage, str],
    request: Request | None,
    hold: str | None,
) -> tuple[Stage, str] | None:
    """The first stage of an active SKU that is out of date, and why.

    Args:
        request: the newest one.
        hold: why the model is held; None where it is not.
    """
    history = states.get((sku, Stage.RAW_HISTORY))
    features = states.get((sku, Stage.FEATURE_TABLE))
    model = states.get((sku, Stage.PRICE_MODEL))
    forecast = states.get((sku, Stage.FORECAST))
    if history is None or history.data_version is None:
        return None  # nothing of it was ever taken up

    if history.error is None:
        why = _why(features, (history.data_version, codes[Stage.FEATURE_TABLE], None), None)
        if why:
            return Stage.FEATURE_TABLE, why

    if features is not None and features.data_version is not None and features.error is None:
        asked = None if request is None else request.id
        why = _why(model, (features.data_version, codes[Stage.PRICE_MODEL], asked), request)
        if why and (hold is None or (request is not None and why.startswith("retrain request"))):
            return Stage.PRICE_MODEL, why

    answers = model.data_version if model is not None and model.data_version is not None else "none"
    wanted = (f"{history.data_version}/{answers}", codes[Stage.FORECAST], None)
    why = _why(forecast, wanted, None)
    if why == "data changed" and _recorded(forecast)[0].startswith(f"{history.data_version}/"):
        why = "model changed"
    return (Stage.FORECAST, why) if why else None


def _recorded(state: StageState | None) -> tuple[str, str, int | None]:
    """What was tried last."""
    assert state is not None
    inputs = state.failed_inputs if state.error is not None else state.inputs
    assert inputs is not None
    return inputs.upstream_version, inputs.code_version, inputs.request_id


def _why(state: StageState | None, present: tuple[str, str, int | None], request: Request | None) -> str | None:
    if state is None:
        return "new"
    if state.error is None and state.inputs is None:
        return "new"
    upstream, code, asked = _recorded(state)
    if asked != present[2]:
        return "retrain request" if request is None else f"retrain request: {request.reason}"
    if code != present[1]:
        (program, *settings), (now, *settings_now) = code.split("@")[0].split(".", 1), present[1].split("@")[0].split(".", 1)
        if (program, settings) == (now, settings_now):
            return "pooled model changed"
        return "settings changed" if program == now and settings and settings_now else "code changed"
    if upstream != present[0]:
        return "data changed"
    return None
