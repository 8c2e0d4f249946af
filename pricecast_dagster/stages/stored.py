"""Stored parts of a product: read back one product at a time, so that a lost or damaged file stops nobody else.

Belongs here: what a chunk does where a file that it needs cannot be read. Not here: the files (`storage.frames`,
`storage.artifacts`), and the stages themselves.

Rows can be had again from the source, features from the rows, a champion's fit from its recipe in the registry; so each is made
again where it is next needed, and the product says why.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pricecast_dagster.errors import DamagedArtifactError, UnknownVersionError
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import DATE, OBSERVED, PRICE, QUANTITY, STAGES, Stage
from pricecast_dagster.stages import features
from pricecast_dagster.stages.bundles import load_model
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Outcome, Status
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.state_records import Inputs, StageState

if TYPE_CHECKING:
    import pandas as pd

    from pricecast_dagster.forecasting.model import Model

UNREADABLE = (DamagedArtifactError, UnknownVersionError)

ROWS_LOST = "its stored rows could not be read"
"""Why rows are stored again although the source holds the same as before."""


def rows_of(context: StageContext, sku: str, version: str) -> "pd.DataFrame":
    """The raw history of a SKU.

    Raises:
        DamagedArtifactError, UnknownVersionError: it cannot be read.
    """
    try:
        return context.frames.read(Stage.RAW_HISTORY, sku, version)
    except UNREADABLE as error:
        error.remedy = f"`pricecast ingest --sku {sku}` stores its rows again from the source, then `pricecast refresh`."
        raise


def rows_lost(context: StageContext, states: Mapping[tuple[str, Stage], StageState], sku: str) -> bool:
    """Whether the raw history of a SKU cannot be read; looked at where one of its stages has failed, a look costs a read."""
    own = [state for stage in STAGES if (state := states.get((sku, stage))) is not None]
    if not own or own[0].stage is not Stage.RAW_HISTORY or all(state.error is None for state in own):
        return False
    version = own[0].data_version
    if version is None:
        return False
    try:
        context.frames.read(Stage.RAW_HISTORY, sku, version)
    except UNREADABLE:
        return True
    return False


def lost(sku: str, stage: Stage, why: str, inputs: Inputs, error: Exception) -> Outcome:
    """The outcome of a stage whose input cannot be read."""
    return Outcome(sku, stage, Status.FAILED, why, inputs=inputs, error=str(error))


def panel_of(context: StageContext, sku: str, feature_version: str) -> Panel:
    """The panel of one SKU as its feature_table has it, from its first to its last observed day.

    Raises:
        DamagedArtifactError, UnknownVersionError: it cannot be read.
    """
    frame = context.frames.read(Stage.FEATURE_TABLE, sku, feature_version)
    return Panel(
        skus=(sku,),
        first_day=frame[DATE].to_numpy()[0].astype("datetime64[D]"),
        price=frame[PRICE].to_numpy()[None, :],
        quantity=frame[QUANTITY].to_numpy()[None, :],
        observed=frame[OBSERVED].to_numpy()[None, :],
    )


def panel_or_rebuilt(context: StageContext, sku: str, feature_version: str, built_from: Inputs) -> Panel:
    """The panel of one SKU; a feature_table that cannot be read is made again from what it was built from, under its name.

    Raises:
        DamagedArtifactError, UnknownVersionError: the rows cannot be read either.
    """
    try:
        return panel_of(context, sku, feature_version)
    except UNREADABLE:
        rows = rows_of(context, sku, built_from.upstream_version)
        features.build(context, {sku: rows}, {sku: ("its file could not be read", built_from)})
        return panel_of(context, sku, feature_version)


def model_if_readable(context: StageContext, sku: str, version: str) -> "Model | None":
    """A stored model; None where its files cannot be read."""
    try:
        return load_model(context, sku, version)
    except UNREADABLE:
        return None


def recipe_alone(row: ModelVersion) -> "Model":
    """What is left of a model without its files: its recipe, as the registry has it."""
    from pricecast_dagster.forecasting.model import Model
    from pricecast_dagster.forecasting.recipe import Recipe

    return Model(Recipe.from_json(dict(row.recipe)), {}, {}, {})
