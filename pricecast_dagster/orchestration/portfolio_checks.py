"""Portfolio checks: asset checks about all products at once, beside those of each product (`checks`).

Belongs here: their specs, the op that evaluates them when a person asks, the sensor that tells when an answer changes. Not here:
the questions (`operations.health`).

The sensor writes results without a run: starting one takes seconds, and most looks find the same as before.
"""

from collections.abc import Iterator
from hashlib import blake2b

import dagster as dg

from pricecast_dagster.operations import health
from pricecast_dagster.operations.health import Answer
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.schemas import Stage

SLOWEST_LOOK_SECONDS = 60

_QUESTIONS = {
    health.REJECTED_SHARE: (Stage.RAW_HISTORY, "The share of lines that the last full read did not take is below the limit."),
    health.SOURCE_FRESHNESS: (Stage.RAW_HISTORY, "The newest day of the source is not older than PRICECAST_CHECK_SOURCE_DAYS."),
    health.NONE_FAILED: (Stage.FORECAST, "No product's last attempt is left failed, in any of the four stages."),
    health.NONE_OLD: (Stage.FORECAST, "No product has been without a new day for more than PRICECAST_CHECK_FORECAST_DAYS."),
}


@dg.multi_asset_check(
    name="portfolio",
    specs=[dg.AssetCheckSpec(name, asset=stage.value, description=told) for name, (stage, told) in _QUESTIONS.items()],
    can_subset=True,
)
def portfolio_checks(context: dg.AssetCheckExecutionContext, stores: PricecastResource) -> Iterator[dg.AssetCheckResult]:
    """The chosen portfolio checks, now."""
    chosen = {key.name for key in context.selected_asset_check_keys}
    for answer in health.examine(stores.open()):
        if answer.name not in chosen:
            continue
        yield dg.AssetCheckResult(
            asset_key=answer.stage.value,
            check_name=answer.name,
            passed=answer.passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=answer.told,
            metadata=_facts(answer),
        )


def build_portfolio_checks(seconds: int) -> dg.SensorDefinition:
    """The sensor, looking every so many seconds, and not more often than every minute."""

    @dg.sensor(
        minimum_interval_seconds=max(seconds, SLOWEST_LOOK_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the checks of the whole portfolio when an answer changes; starts no run.",
    )
    def portfolio_health(context: dg.SensorEvaluationContext, stores: PricecastResource) -> dg.SensorResult:
        answers = health.examine(stores.open())
        found = blake2b(
            repr([(answer.name, answer.passed, answer.sample) for answer in answers]).encode(), digest_size=12
        ).hexdigest()
        wrong = [answer.name for answer in answers if not answer.passed]
        state = f"does not hold: {', '.join(wrong)}" if wrong else "all hold"
        if found == context.cursor:
            return dg.SensorResult(skip_reason=f"The checks of the portfolio are as before; {state}.")
        return dg.SensorResult(
            skip_reason=f"The checks of the portfolio have changed and are told; {state}.",
            cursor=found,
            asset_events=[_evaluation(answer) for answer in answers],
        )

    return portfolio_health


def _evaluation(answer: Answer) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(answer.stage.value),
        check_name=answer.name,
        passed=answer.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=answer.told,
        metadata=_facts(answer),
    )


def _facts(answer: Answer) -> dict[str, float | str]:
    return {**answer.counts, **({"products": ", ".join(answer.sample)} if answer.sample else {})}
