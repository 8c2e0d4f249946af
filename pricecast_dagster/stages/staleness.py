"""Staleness inside a chunk: what a stage would be built from now, and how that differs from what it was built from.

Belongs here: the rule over states in memory, while a chunk's own results are not yet committed. The same rule as one SQL
statement over the whole portfolio is `storage.states.out_of_date`; a test holds the two against each other.
"""

from collections.abc import Mapping

from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage.staleness import (
    CODE_CHANGED,
    DATA_CHANGED,
    MODEL_CHANGED,
    NEW,
    NO_MODEL_YET,
    POOLED_CHANGED,
    REQUESTED,
    SETTINGS_CHANGED,
    SETTINGS_MARK,
    SHARED_MARK,
)
from pricecast_dagster.storage.state_records import Inputs, StageState

States = Mapping[tuple[str, Stage], StageState]


def present_inputs(sku: str, stage: Stage, states: States, codes: Mapping[Stage, str], request_id: int | None) -> Inputs | None:
    """What the stage would be built from now; None while its upstream has never succeeded, or failed on what it has now.

    A forecast hangs on its SKU's rows and on its model, and can do without the model: a simple method answers then.
    raw_history is not here: its inputs are in the source.
    """
    history = _version(states, sku, Stage.RAW_HISTORY)
    if history is None:
        return None
    if stage is Stage.FORECAST:
        model = _version(states, sku, Stage.PRICE_MODEL) or NO_MODEL_YET
        return Inputs(f"{history}/{model}", codes[stage], None)
    assert stage.upstream is not None
    upstream = states.get((sku, stage.upstream))
    if upstream is None or upstream.data_version is None or upstream.error is not None:
        return None
    return Inputs(upstream.data_version, codes[stage], request_id if stage is Stage.PRICE_MODEL else None)


def why_stale(state: StageState | None, present: Inputs) -> str | None:
    """Why a stage is out of date, in words read off the part that differs; None where it is not.

    A stage that failed on exactly these inputs is not out of date: it is tried again when one of them changes. One that
    succeeded on them and failed on others since (a correction that was taken back) is built again, so that it shows as well.
    """
    if state is None or (state.inputs is None and state.failed_inputs is None):
        return NEW
    if state.error is not None:
        if state.failed_inputs == present:
            return None
        recorded = state.failed_inputs
    else:
        if state.inputs == present:
            return None
        recorded = state.inputs
    assert recorded is not None
    return difference(recorded, present)


def difference(recorded: Inputs, present: Inputs) -> str:
    """Which part of the inputs differs, in words."""
    if recorded.request_id != present.request_id:
        return REQUESTED
    if recorded.code_version != present.code_version:
        return _of_code(recorded.code_version, present.code_version)
    history, _, model = present.upstream_version.partition("/")
    if model and recorded.upstream_version.partition("/")[0] == history:
        return MODEL_CHANGED
    return DATA_CHANGED


def _of_code(recorded: str, present: str) -> str:
    own, before = present.partition(SHARED_MARK)[0], recorded.partition(SHARED_MARK)[0]
    if own == before:
        return POOLED_CHANGED
    (program, mark, _), (program_before, mark_before, _) = own.partition(SETTINGS_MARK), before.partition(SETTINGS_MARK)
    return SETTINGS_CHANGED if mark and mark_before and program == program_before else CODE_CHANGED


def _version(states: States, sku: str, stage: Stage) -> str | None:
    state = states.get((sku, stage))
    return state.data_version if state else None
