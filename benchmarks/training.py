"""Training a SKU without tuning, with all members and weights, and refitting it: seconds per SKU on one core.

The peer is what a plain script does: scikit-learn's LGBMRegressor with its defaults and one thread, fitted once on the same
45 features. The products are the synthetic retailer's. Run: python -m benchmarks.training
"""

import time
from collections.abc import Callable
from datetime import date

import numpy as np

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.features import feature_cube
from pricecast_dagster.forecasting.model import Model, refit, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.schemas import DATE, HISTORY_COLUMNS, SKU
from pricecast_dagster.sources.synthetic import make_retailer

N_SKUS, N_DAYS = 40, 365
TARGET_TRAINING, TARGET_REFIT = 0.25, 0.06


def retailer_panels(n_skus: int) -> list[Panel]:
    """The synthetic retailer's products, one panel each."""
    retailer = make_retailer(days=N_DAYS, products=n_skus, seed=42, last_day=date(2026, 6, 30))
    history = retailer.prices.merge(retailer.sales, on=[SKU, DATE])[list(HISTORY_COLUMNS)]
    panel = build_panel(history)
    return [panel.select([row]) for row in range(panel.n_skus)]


def seconds_each(work: Callable[[Panel], object], panels: list[Panel]) -> float:
    """Process time of one product, the mean of all."""
    began = time.process_time()
    for panel in panels:
        work(panel)
    return (time.process_time() - began) / len(panels)


def plain(panel: Panel, calendar: HolidayCalendar) -> object:
    """One LGBMRegressor with its defaults."""
    from lightgbm import LGBMRegressor

    features = feature_cube(panel, calendar)[0, 30:]
    return LGBMRegressor(n_jobs=1, verbose=-1).fit(features, panel.price[0, 30:])


def main() -> None:
    """Print what training and refitting take, beside the plain way and the targets."""
    calendar = HolidayCalendar("BR")
    panels = retailer_panels(N_SKUS)
    models: dict[str, Model] = {}

    def trained(panel: Panel) -> None:
        models[panel.skus[0]] = train(panel, calendar, tuning=None, seed=1)

    trained(panels[0])  # imports, and the holidays of these years
    plain_seconds = seconds_each(lambda panel: plain(panel, calendar), panels)
    training = seconds_each(trained, panels)
    refitting = seconds_each(lambda panel: refit(panel, calendar, models[panel.skus[0]], seed=1), panels)
    print(f"{N_SKUS} products of the synthetic retailer x {N_DAYS} days, one core, seconds a product")
    print(f"one LGBMRegressor with defaults   {plain_seconds:.3f}   1.0 x")
    for name, seconds, target in (
        ("train, all members and weights", training, TARGET_TRAINING),
        ("refit", refitting, TARGET_REFIT),
    ):
        verdict = "met" if seconds < target else "missed"
        print(f"{name:<33} {seconds:.3f}   {seconds / plain_seconds:.1f} x   target {target} s: {verdict}")
    moved = np.mean([float(np.ptp(panel.price[0])) > 0 for panel in panels])
    print(f"({moved:.0%} of the products moved their price at all)")


if __name__ == "__main__":
    main()
