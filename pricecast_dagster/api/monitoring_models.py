"""Models of monitoring: the JSON of what the monitor and the alerts have on record, with what each field means.

Belongs here: shapes and descriptions of these two calls. Not here: those of the other calls (`models`), where values come from
(`routes.monitoring`).
"""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class FromRecord(BaseModel):
    """Read off a record that has attributes of the same names."""

    model_config = ConfigDict(from_attributes=True)


class ServedAccuracy(FromRecord):
    """How far a product's served forecasts were off, against prices that came since."""

    sku: str = Field(examples=["SKU0001"])
    until: date = Field(description="the last day scored")
    window_days: int = Field(description="days looked back on: 7, 28 or 90", examples=[28])
    horizon: int = Field(description="days ahead; 0 is all of them together", examples=[0])
    forecasts: int = Field(description="pairs of a forecast day and a price that happened")
    days: int = Field(description="days with a price that were forecast")
    mae: float = Field(description="price units", examples=[0.31])
    rmse: float = Field(description="price units", examples=[0.42])
    wape: float | None = Field(description="share of the summed prices, 0 to 1", examples=[0.03])
    scaled: float | None = Field(
        description="own error over that of the last price known at the same origins; under 1 is better", examples=[0.81]
    )
    naive_mae: float = Field(description="error of the last price on the same days, price units")
    bias: float = Field(description="price units; positive where forecasts were too high")
    coverage_80: float = Field(description="share of days inside the 80 % band, 0 to 1", examples=[0.81])
    coverage_95: float = Field(description="share of days inside the 95 % band, 0 to 1", examples=[0.95])
    small: bool = Field(description="whether these are so few days that they say little")


class MonitorFinding(FromRecord):
    """What the monitor found of a product; `ok` once it is over."""

    sku: str
    kind: str = Field(description="accuracy, shift, noise, drift, correction or trial", examples=["drift"])
    verdict: str = Field(description="in words, or `ok`")
    measures: dict[str, Any] = Field(description="the figures it rests on")
    measured_at: datetime
    day: date | None = Field(description="the last day of the rows it was measured on")


class RequestLine(FromRecord):
    """A request to train a product again."""

    id: int
    sku: str
    reason: str = Field(description="the rule, or `by hand`", examples=["accuracy"])
    evidence: dict[str, Any]
    severity: float = Field(description="how far over its rule's limit; the worst goes first")
    status: str = Field(description="waiting (for the day's budget), open, answered or cancelled", examples=["waiting"])
    created_at: datetime
    version: str | None = Field(description="the model that answered it")


class TrialLine(FromRecord):
    """A model whose forecasts were stored beside the champion's, and what came of it."""

    sku: str
    role: str = Field(description="of the model that is not served: challenger, or predecessor of the champion")
    version: str
    rival: str = Field(description="the champion when the trial began")
    status: str = Field(description="open, promoted, rolled back, kept or cancelled")
    decision: str = Field(description="in words")
    began_on: date
    ends_on: date
    ended_at: datetime | None


class AlertLine(FromRecord):
    """Something that is wrong now."""

    subject: str = Field(examples=["failed:SKU0001"])
    kind: str = Field(description="failed, source, run or monitor", examples=["failed"])
    sku: str | None
    severity: str = Field(description="info, warning or error", examples=["error"])
    told: str = Field(description="what is wrong, in words")
    remedy: str = Field(description="what to do")
    since: datetime


class PassLine(FromRecord):
    """One pass of the monitor."""

    day: date = Field(description="the last day of the portfolio's rows")
    started_at: datetime
    finished_at: datetime
    counts: dict[str, int]
    portfolio: dict[str, Any] = Field(description="served accuracy by window, mix, missing days, rejected rows; `found` in words")


class MonitoringAnswer(BaseModel):
    """The portfolio in service; lists are cut at 100, counts are whole."""

    last_pass: PassLine | None = Field(description="null before the first pass")
    drifting: int = Field(description="products of which something is not well")
    finding_count: int
    findings: list[MonitorFinding]
    worst: list[ServedAccuracy] = Field(description="furthest behind the last price over 28 days, the worst first")
    requests: list[RequestLine] = Field(description="waiting, worst first, then open")
    request_counts: dict[str, int]
    open_trials: int
    decided: list[TrialLine] = Field(description="trials that ended within a week")
    alert_counts: dict[str, int] = Field(description="by severity: info, warning, error")
    alerts: list[AlertLine]
    letters: dict[str, int] = Field(description="messages to receivers: waiting, delivered, dead")


class ProductMonitoringAnswer(BaseModel):
    """One product in service."""

    sku: str
    scores: list[ServedAccuracy] = Field(description="the newest, by window and days ahead")
    curve: list[ServedAccuracy] = Field(description="28-day scores over time, oldest first")
    findings: list[MonitorFinding] = Field(description="what is not well now")
    past: list[MonitorFinding] = Field(description="earlier results, newest first")
    requests: list[RequestLine]
    trials: list[TrialLine]
    alerts: list[AlertLine]
