"""Bundles: models as they lie in the store, and the registry rows that tell of them.

Belongs here: a model's way into the store and out again. Not here: the files (`storage.artifacts`), fitting, deciding.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pricecast_dagster.errors import SupersededError
from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.versions import code_of_features_and_models
from pricecast_dagster.storage.registry import VERSION_FORMAT, ModelVersion, version_name

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.model import Model

MODEL_NAME = "LightGBM"
"""The type of a model in the registry; a member of it that boosts does so with LightGBM."""

CODE_FACT = "code"
"""Under which the registry keeps the code that features and model were made with; a recipe of older code may be looked for
again."""

REGISTRY_FACTS = (
    "blend",
    "member_errors",
    "coverage",
    "trained_from",
    "trained_until",
    "weighed_until",
    "features",
    "tuning",
    POOLED,
)
"""What the registry shows of a model's facts; all of them are in its metadata.json."""


def load_model(context: StageContext, sku: str, version: str) -> "Model":
    """A stored model.

    Raises:
        UnknownVersionError: it is not there.
        DamagedArtifactError: its bytes are not those that were stored.
    """
    from pricecast_dagster.forecasting.model import Model
    from pricecast_dagster.forecasting.recipe import Recipe

    bundle = context.artifacts.load(sku, version)
    kept: Mapping[str, Any] = bundle.metadata
    return Model(Recipe.from_json(kept["recipe"]), bundle.texts, dict(bundle.arrays), kept["facts"])


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from: all that is kept beside it so that it can be explained and made again.

    Attributes:
        reason: why it was trained; decision: why it answers, or why not; way: how it was trained.
        fingerprint: of everything the training depended on; seed: what was derived from it.
        predecessor: version of the champion that it was trained from or against; None where there was none.
    """

    sku: str
    reason: str
    decision: str
    fingerprint: str
    seed: int
    way: str
    trials: int
    predecessor: str | None
    feature_version: str
    history_version: str
    code_version: str


def store_model(context: StageContext, model: "Model", origin: Origin, now: datetime) -> ModelVersion:
    """Store a model under the version of that time; nothing refers to it before its row is in the registry.

    A second in which a killed run, or another process just now, has left another model of the product is passed over.
    """
    while True:
        try:
            return _stored(context, model, origin, now)
        except SupersededError:
            now += timedelta(seconds=1)


def _stored(context: StageContext, model: "Model", origin: Origin, now: datetime) -> ModelVersion:
    version = version_name(now)
    recipe = model.recipe.to_json()
    kept = {**asdict(origin), "version": version, "trained_at": now.isoformat(), "recipe": recipe, "facts": model.facts}
    saved = context.artifacts.save(origin.sku, version, model.texts, model.arrays, kept)
    facts = model.facts
    return ModelVersion(
        sku=origin.sku,
        version=version,
        model_type=MODEL_NAME,
        recipe=recipe,
        metrics=facts["metrics"],
        facts={name: facts[name] for name in REGISTRY_FACTS if name in facts} | {CODE_FACT: code_of_features_and_models()},
        reason=origin.reason,
        decision=origin.decision,
        fingerprint=origin.fingerprint,
        feature_version=origin.feature_version,
        history_version=origin.history_version,
        trained_at=now,
        training_samples=int(facts["training_samples"]),
        validation_samples=int(facts["validation_samples"]),
        features_count=int(facts["features_count"]),
        artifact=saved.path,
        sha256=saved.sha256,
    )


def next_version_time(now: datetime, newest: str | None) -> datetime:
    """A time whose version name is later than that of the newest version, deleted or not: versions are named by the second."""
    now = now.replace(microsecond=0)
    if newest is None or version_name(now) > newest:
        return now
    return datetime.strptime(newest, VERSION_FORMAT).replace(tzinfo=UTC) + timedelta(seconds=2)
