"""Drifting: what a pass measures of each product, and what of it is worth telling.

Belongs here: from panels and scores to the signals of every rule, with what they rest on; findings in words. Not here: the tests
(`forecasting.signals`), the rules (`forecasting.policy`), the pass (`operations.monitoring`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import StorageError
from pricecast_dagster.forecasting import signals
from pricecast_dagster.forecasting.drift import Drift
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.policy import Rule
from pricecast_dagster.forecasting.served import ALL_HORIZONS, Served, ServedScores
from pricecast_dagster.operations.scoring import EPOCH
from pricecast_dagster.schemas import DATE, PRICE, Stage
from pricecast_dagster.stages.bundles import CODE_FACT
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.versions import code_of_features_and_models
from pricecast_dagster.storage.monitor_results import GOOD, MonitorResult
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.served_scores import WINDOWS

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]

JUDGED_WINDOW = WINDOWS.index(28)
NAMED_FEATURES = 5


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of some products; n of them, s series each (`signals.MONITORED`).

    Attributes:
        served_mae: (n,) over the last 28 days, price units; lost: over the held-out error; naive: over the last price's error.
        shift: (n,) see `shift.Shifts.severity`; upwards: (n,).
        noise: (n,) see `noise.Noise.severity`; times: (n,).
        p_value, psi, usual_psi: (n, s) see `drift.Drift`; small: (n, s).
        age, new_days, corrected, code: (n,) see `policy.TELLS`.
        mix: (n, 4) columns of `mix.COLUMNS`.
    """

    skus: tuple[str, ...]
    served_mae: Values
    lost: Values
    naive: Values
    coverage_80: Values
    shift: Values
    upwards: NDArray[np.bool_]
    noise: Values
    times: Values
    p_value: Values
    psi: Values
    usual_psi: Values
    small: NDArray[np.bool_]
    age: Values
    new_days: Values
    corrected: Values
    code: Values
    mix: Values

    @classmethod
    def joined(cls, parts: Sequence["Self"]) -> "Self":
        """Several chunks as one: the correction for looking at many is over all products."""
        arrays = {
            one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls) if one.name != "skus"
        }
        return cls(skus=tuple(sku for part in parts for sku in part.skus), **arrays)

    def moved(self) -> NDArray[np.bool_]:
        """(n, s) which series have drifted."""
        empty = np.zeros(self.psi.size)
        whole = Drift(empty, self.p_value.ravel(), self.psi.ravel(), self.usual_psi.ravel(), empty, self.small.ravel())
        return whole.moved().reshape(self.psi.shape)

    def signals(self) -> dict[Rule, Values]:
        """Rule -> (n,) what it judges."""
        return {
            Rule.AGE: self.age,
            Rule.NEW_DAYS: self.new_days,
            Rule.ACCURACY: self.lost,
            Rule.NAIVE: self.naive,
            Rule.DRIFT: self.moved().mean(axis=1),
            Rule.SHIFT: self.shift,
            Rule.CORRECTION: self.corrected,
            Rule.FEATURES: self.code,
        }


def measure(
    context: StageContext,
    panel: Panel,
    served: Served,
    scores: ServedScores,
    champions: Mapping[str, ModelVersion],
    studied: Mapping[str, ModelVersion],
    histories: "Mapping[str, pd.DataFrame]",
) -> Measured:
    """Measure a chunk of products.

    Args:
        panel: histories; its last column is the present.
        served, scores: of its products.
        champions: SKU -> its champion.
        studied: SKU -> the version for which a recipe was last looked for.
        histories: SKU -> its raw_history.
    """
    first = (panel.days[0].item() - EPOCH).days
    columns = np.array([_until(studied.get(sku), first, panel.n_days) for sku in panel.skus], dtype=np.intp)
    # What was promised when the recipe was found: weighed again every fortnight, a champion's own level follows any trouble.
    held_out = np.array([_held_out(studied.get(sku) or champions.get(sku)) for sku in panel.skus])
    lost, naive = signals.in_service(scores, JUDGED_WINDOW, held_out)
    shifts = signals.shifted(panel, served, first + panel.n_days - 1, columns)
    noise = signals.noisy(panel, served, first + panel.n_days - 1)
    drift = signals.drifted(panel, context.calendar, columns)
    shape = (panel.n_skus, len(signals.MONITORED))
    seen = np.cumsum(panel.observed, axis=1)
    before = seen[np.arange(panel.n_skus), np.minimum(columns, panel.n_days - 1)].astype(np.float64)
    corrected, code = _against_studied(context, panel.skus, studied, histories)
    return Measured(
        skus=panel.skus,
        served_mae=scores.measures["mae"][:, JUDGED_WINDOW, ALL_HORIZONS],
        lost=lost,
        naive=naive,
        coverage_80=scores.measures["coverage_80"][:, JUDGED_WINDOW, ALL_HORIZONS],
        shift=shifts.severity,
        upwards=shifts.upwards,
        noise=noise.severity,
        times=noise.times,
        p_value=drift.p_value.reshape(shape),
        psi=drift.psi.reshape(shape),
        usual_psi=drift.usual_psi.reshape(shape),
        small=drift.small.reshape(shape),
        age=(panel.last - columns).astype(np.float64),
        new_days=(seen[:, -1] - before) / np.maximum(before, 1),
        corrected=corrected,
        code=code,
        mix=_mix(panel),
    )


def findings(whole: Measured, limits: Mapping[str, float], day: date, now: datetime) -> list[MonitorResult]:
    """One result a product and kind (accuracy, shift, noise, drift, correction), `ok` or what was found in words."""
    moved = whole.moved()
    results = []
    for position, sku in enumerate(whole.skus):
        told = {
            "accuracy": _accuracy(whole, position, limits),
            "shift": _shift(whole, position, limits),
            "noise": _noise(whole, position),
            "drift": _drift(whole, position, moved[position], limits),
            "correction": _correction(whole, position, limits),
        }
        results += [MonitorResult(sku, kind, verdict, facts, now, day) for kind, (verdict, facts) in told.items()]
    return results


Told = tuple[str, dict[str, object]]


def _accuracy(whole: Measured, position: int, limits: Mapping[str, float]) -> Told:
    lost, naive = float(whole.lost[position]), float(whole.naive[position])
    facts: dict[str, object] = {"over_held_out": _number(lost), "over_last_price": _number(naive)}
    facts["coverage_80"] = _number(float(whole.coverage_80[position]))
    if 0 < limits["accuracy"] <= lost:
        return f"off by {lost:.2f} times what held-out days promised, over the last 28 days", facts
    if 0 < limits["naive"] <= naive:
        return f"off by {naive:.2f} times what the last price would have been, over the last 28 days", facts
    return GOOD, facts


def _shift(whole: Measured, position: int, limits: Mapping[str, float]) -> Told:
    severity = float(whole.shift[position])
    facts: dict[str, object] = {"severity": _number(severity)}
    if not 0 < limits["shift"] <= severity:
        return GOOD, facts
    side = "above" if whole.upwards[position] else "below"
    return f"the price stays {side} its forecasts, {severity:.1f} times as long and far as it ever did", facts


def _noise(whole: Measured, position: int) -> Told:
    """No rule, so no limit in the settings: nothing is trained for it, a person is told."""
    severity, times = float(whole.noise[position]), float(whole.times[position])
    facts: dict[str, object] = {"severity": _number(severity), "times_usual": _number(times)}
    if not severity >= 1:
        return GOOD, facts
    return (
        f"the price jumps about its forecasts {times:.1f} times as far as usual, {severity:.1f} times as long as it ever did",
        facts,
    )


def _drift(whole: Measured, position: int, moved: NDArray[np.bool_], limits: Mapping[str, float]) -> Told:
    share = float(moved.mean())
    order = np.argsort(-np.where(moved, whole.psi[position], -1.0), kind="stable")
    names = [signals.MONITORED[column] for column in order if moved[column]]
    facts: dict[str, object] = {
        "share": round(share, 3),
        "features": names[:NAMED_FEATURES],
        "largest_psi": _number(float(whole.psi[position].max())),
        "small_samples": int(whole.small[position].sum()),
        "series": len(signals.MONITORED),
    }
    if not 0 < limits["drift"] <= share:
        return GOOD, facts
    return f"{len(names)} of {len(moved)} series have left the days the recipe was found on: {', '.join(names[:3])}", facts


def _correction(whole: Measured, position: int, limits: Mapping[str, float]) -> Told:
    share = float(whole.corrected[position])
    if not 0 < limits["correction"] <= share:
        return GOOD, {"share": _number(share)}
    return f"{share:.0%} of the days the recipe was found on have another price now", {"share": round(share, 4)}


def _against_studied(
    context: StageContext, skus: Sequence[str], studied: Mapping[str, ModelVersion], histories: "Mapping[str, pd.DataFrame]"
) -> tuple[Values, Values]:
    """(n,) share of the days learnt from whose price is another one now; (n,) 1 where code has changed since."""
    present = code_of_features_and_models()
    corrected, code = np.full(len(skus), np.nan), np.zeros(len(skus))
    for position, sku in enumerate(skus):
        version = studied.get(sku)
        if version is None:
            continue
        known = version.facts.get(CODE_FACT)
        code[position] = float(known is not None and known != present)
        corrected[position] = _corrected(context, version, histories[sku])
    return corrected, code


def _corrected(context: StageContext, version: ModelVersion, history: "pd.DataFrame") -> float:
    try:
        then = context.frames.read(Stage.RAW_HISTORY, version.sku, version.history_version)
    except StorageError:
        return float("nan")  # put away for good by the retention: there is nothing to compare with
    now = history.set_index(DATE)[PRICE].reindex(then[DATE])
    # A day that is gone counts as well: NaN differs from every price.
    return float((now.to_numpy() != then[PRICE].to_numpy()).mean())


def _mix(panel: Panel) -> Values:
    """(n, 4) last price, share of days without a record in the last 28 and in the 90 before, mean quantity of the last 28."""
    recent, earlier = panel.observed[:, -28:], panel.observed[:, -118:-28]
    missing = 1 - recent.mean(axis=1)
    before = 1 - earlier.mean(axis=1) if earlier.shape[1] else np.full(panel.n_skus, np.nan)
    sold = np.nan_to_num(panel.quantity[:, -28:]).mean(axis=1)
    return np.stack([panel.price[:, -1], missing, before, sold], axis=1)


def _until(version: ModelVersion | None, first: int, n_days: int) -> int:
    """The column up to which a recipe was found; the last one where there is none, so that nothing of it is old."""
    told = None if version is None else version.facts.get("trained_until")
    return n_days - 1 if told is None else max((date.fromisoformat(str(told)) - EPOCH).days - first, 0)


def _held_out(champion: ModelVersion | None) -> float:
    known = None if champion is None else champion.metrics.get("mae_multi")
    return float("nan") if known is None else float(str(known))


def _number(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
