"""Models: the JSON of every answer, with what each field means.

Belongs here: shapes, descriptions, examples. Not here: where the values come from (`routes`), problems (`problems`). The names
of the reference's five calls are the reference's, exactly.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pricecast_dagster.api.parameters import MOST_SKUS, Sku, Version

Price = Annotated[float, Field(ge=0, description="in the currency of the source")]


class PredictionMetrics(BaseModel):
    """One step ahead on the last 30 days, in price units; null where a simple method answers."""

    rmse: float | None = Field(examples=[0.42])
    mae: float | None = Field(examples=[0.31])


class Coverage(BaseModel):
    """Measured share of past days inside each band, 0 to 1; null where it was not measured."""

    model_config = ConfigDict(populate_by_name=True)

    level_80: float | None = Field(alias="80", examples=[0.81])
    level_95: float | None = Field(alias="95", examples=[0.95])


class PredictionAnswer(BaseModel):
    """One product's forecast; the lists have one element a day."""

    sku: str = Field(examples=["SKU0001"])
    dates: list[date] = Field(description="the days, the first is the day after `origin`", examples=[["2026-06-01"]])
    prices: list[Price] = Field(examples=[[12.49]])
    model_used: str = Field(
        description="`LightGBM_v<version>` where a model answered, else the simple method's name",
        examples=["LightGBM_v20251016T193000Z"],
    )
    metrics: PredictionMetrics
    lower_80: list[Price]
    upper_80: list[Price]
    lower_95: list[Price]
    upper_95: list[Price]
    coverage: Coverage
    origin: date = Field(description="the last known day")
    stale: bool = Field(description="whether rows, code or settings have changed since; the next refresh brings it up to date")


class PredictMany(BaseModel):
    """Several products at once."""

    model_config = ConfigDict(extra="forbid")

    skus: list[Sku] = Field(min_length=1, max_length=MOST_SKUS, description="products", examples=[["SKU0001", "SKU0002"]])
    days_ahead: int = Field(14, ge=1, le=60, description="days ahead")


class NotForecast(BaseModel):
    """A product that has no answer, and why."""

    sku: str
    status: int = Field(description="what a call for it alone would answer", examples=[404])
    detail: str


class PredictionList(BaseModel):
    """Forecasts in the order of the products asked for."""

    forecasts: list[PredictionAnswer]
    failed: list[NotForecast]
    count: int = Field(description="forecasts in this answer")


class TrainingMetrics(BaseModel):
    """On the last 30 days, held out; null where there is no model. MAPE in percent."""

    rmse: float | None = Field(examples=[0.42])
    mae: float | None = Field(examples=[0.31])
    mape: float | None = Field(examples=[3.1])


class TrainingResult(BaseModel):
    """How a training ended."""

    sku: str
    success: bool
    metrics: TrainingMetrics
    training_samples: int = Field(examples=[335])
    validation_samples: int = Field(examples=[30])
    features_count: int = Field(examples=[45])
    message: str = Field(description="what came of it, in words")
    version: str | None = Field(None, description="the version that answers now", examples=["20251016T193000Z"])


JobStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]


class JobAccepted(BaseModel):
    """A training that was asked for, and is under way."""

    sku: str
    job_id: str = Field(description="the Dagster run")
    status: JobStatus
    status_url: str = Field(description="where to ask how it goes", examples=["/ml/jobs/4b2c4a5e-8d6e-4a0c-a0cf-64c8ec5a3d52"])


class Job(JobAccepted):
    """A training, and how it ended if it has."""

    result: TrainingResult | None = None


class ModelVersionAnswer(BaseModel):
    """One version in the registry."""

    version: str
    champion: bool
    trained_at: datetime
    reason: str = Field(description="why it was trained")
    decision: str = Field(description="why it became champion, or why not")
    metrics: dict[str, float | None]
    training_samples: int
    deleted_at: datetime | None


class ModelAnswer(BaseModel):
    """A product's model; without one, `exists` is false and the fields about it are null."""

    sku: str
    exists: bool
    model_type: str | None = Field(examples=["LightGBM"])
    version: str | None = Field(examples=["20251016T193000Z"])
    metrics: dict[str, float | None]
    trained_at: datetime | None
    training_samples: int | None
    champion_since: datetime | None
    reason: str | None = Field(description="why it was trained, or why there is no model")
    versions: list[ModelVersionAnswer] = Field(description="newest first, the deleted ones too")


class ModelLine(BaseModel):
    """A champion in the list."""

    sku: str
    model_type: str
    version: str
    metrics: dict[str, float | None]
    trained_at: datetime
    training_samples: int
    champion_since: datetime | None
    reason: str


class ModelList(BaseModel):
    """A page of champions, by SKU."""

    models: list[ModelLine]
    count: int = Field(description="on all pages")


class RollbackOrder(BaseModel):
    """Which version shall answer."""

    model_config = ConfigDict(extra="forbid")

    version: Version | None = Field(None, description="the one before the champion unless given", examples=["20251016T193000Z"])


class RollbackAnswer(BaseModel):
    """What was changed."""

    sku: str
    version_before: str | None
    version: str
    model_used: str = Field(description="who answers now")


class HistoryDay(BaseModel):
    """One recorded day."""

    date: date
    price: Price
    quantity: float | None


class HistoryAnswer(BaseModel):
    """A product's recorded days, oldest first; days without a record are left out."""

    sku: str
    currency: str = Field(examples=["BRL"])
    days: list[HistoryDay]
    count: int


class Influence(BaseModel):
    """What one feature does to one day's forecast."""

    feature: str = Field(examples=["price_lag_7"])
    effect: float = Field(description="price units that it adds or takes away")
    value: float | None = Field(description="of the feature on that day")


class Move(BaseModel):
    """How far one member of the model moves one day's forecast from the last price."""

    member: str = Field(examples=["direct_step"])
    weight: float = Field(description="its share in the blend, 0 to 1")
    effect: float = Field(description="price units that it adds or takes away")


class ExplainedDay(BaseModel):
    """One day, by feature and by member: base + influences + others = price, and last_price + members + settling = price."""

    date: date
    price: Price
    influences: list[Influence] = Field(description="the strongest, strongest first")
    others: float = Field(description="sum of the effects of all other features, price units")
    base: float = Field(description="the forecast without any feature's effect: level of the price, simple methods, clipping")
    last_price: Price
    members: list[Move] = Field(
        description="what each member adds to the last price: its move by its weight, longer where a change is likely"
    )
    settling: float = Field(description="price units from staying at the last price or being drawn to one that was there before")


class ExplainAnswer(BaseModel):
    """What moved the forecast, by day."""

    sku: str
    model_used: str
    origin: date
    days: list[ExplainedDay]


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What works; Dagster is needed for training only."""

    status: Literal["ready", "not ready"]
    database: str = Field(examples=["ok"])
    store: str = Field(examples=["ok"])
    dagster: str = Field(examples=["ok"])
