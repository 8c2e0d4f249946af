"""Specs: what Dagster shows of the four assets: descriptions, owners, kinds, columns, and what is below what.

Belongs here: how the assets present themselves. Not here: what they do (`assets`).
"""

import warnings
from collections.abc import Mapping

import dagster as dg

from pricecast_dagster.orchestration.partitions import skus_partitions
from pricecast_dagster.schemas import (
    CALENDAR_FEATURES,
    DATE,
    FEATURE_COLUMNS,
    FORECAST_COLUMNS,
    HISTORY_COLUMNS,
    HORIZON,
    OBSERVED,
    PRICE,
    QUANTITY,
    SKU,
    STAGES,
    Stage,
)
from pricecast_dagster.stages import features, forecast, history, training
from pricecast_dagster.stages.versions import CODE_VERSIONS

GROUP = "pricecast"

DESCRIPTIONS = {
    Stage.RAW_HISTORY: "The rows of the source, cleaned, per product. Its version is its content: the same rows, in whatever "
    "order, file or encoding, are the same version.",
    Stage.FEATURE_TABLE: "45 features of every day, each from what was known before that day.",
    Stage.PRICE_MODEL: "The model that answers for the product: the champion's recipe fitted on all there is. A new recipe takes "
    "over only where it was at least as good on the same held-out days.",
    Stage.FORECAST: "The coming days with prediction intervals, and by which model or fallback.",
}
COLUMNS = {
    Stage.RAW_HISTORY: HISTORY_COLUMNS,
    Stage.FEATURE_TABLE: (*HISTORY_COLUMNS, OBSERVED, *FEATURE_COLUMNS),
    Stage.FORECAST: FORECAST_COLUMNS,
}
KINDS = {
    Stage.RAW_HISTORY: {"parquet", "pandas"},
    Stage.FEATURE_TABLE: {"parquet", "numpy"},
    Stage.PRICE_MODEL: {"lightgbm", "optuna"},
    Stage.FORECAST: {"table", "numpy"},
}


def asset_specs() -> list[dg.AssetSpec]:
    """The four assets, each below the one before it."""
    return [
        dg.AssetSpec(
            stage.value,
            deps=[stage.upstream.value] if stage.upstream else [],
            description=DESCRIPTIONS[stage],
            code_version=CODE_VERSIONS[stage],
            partitions_def=skus_partitions,
            group_name=GROUP,
            owners=["team:pricing"],
            kinds=KINDS[stage],
            skippable=True,
            metadata=_metadata(stage),
        )
        for stage in STAGES
    ]


def with_code_versions(assets: dg.AssetsDefinition, in_force: Mapping[Stage, str]) -> dg.AssetsDefinition:
    """The assets with the code versions of the settings in force.

    Events carry those (a horizon or a holiday calendar is part of them); held against the code's own alone, the web page would
    mark every partition as unsynced.
    """
    return assets.map_asset_specs(lambda spec: spec.replace_attributes(code_version=in_force[Stage(spec.key.to_user_string())]))


CODE = {
    Stage.RAW_HISTORY: (history, "comparing rows with what is stored"),
    Stage.FEATURE_TABLE: (features, "one pass over a chunk"),
    Stage.PRICE_MODEL: (training, "which way a product is trained"),
    Stage.FORECAST: (forecast, "who answers"),
}


def _metadata(stage: Stage) -> dict[str, object]:
    """Columns and where they come from, and the code that makes them."""
    module, label = CODE[stage]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(file_path=str(module.__file__), line_number=1, label=label)
        told: dict[str, object] = {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
    if stage in COLUMNS:
        told["dagster/column_schema"] = _columns(stage)
    if stage in _UPSTREAM_COLUMNS:
        told["dagster/column_lineage"] = dg.TableColumnLineage(
            {name: [dg.TableColumnDep(*source) for source in sources] for name, sources in _UPSTREAM_COLUMNS[stage].items()}
        )
    return told


def _made_of(feature: str) -> tuple[str, ...]:
    """The columns of raw_history that a column of feature_table is made of."""
    if feature in (SKU, DATE, PRICE, QUANTITY):
        return (feature,)
    if feature in CALENDAR_FEATURES:
        return (DATE,)
    return (QUANTITY,) if feature.startswith(QUANTITY) else (PRICE,)


_UPSTREAM_COLUMNS = {
    Stage.FEATURE_TABLE: {
        column: [(Stage.RAW_HISTORY.value, source) for source in _made_of(column)] for column in COLUMNS[Stage.FEATURE_TABLE]
    },
}


def _columns(stage: Stage) -> dg.TableSchema:
    types = {SKU: "string", DATE: "date", OBSERVED: "bool", HORIZON: "int"}
    return dg.TableSchema(columns=[dg.TableColumn(name, types.get(name, "float")) for name in COLUMNS[stage]])
