"""Models that should never serve: recipes that learn the past by heart, and models of them past every net.

Belongs here: making them. Not here: showing that they are kept out, or thrown out.
"""

from dataclasses import replace

from pricecast_dagster.forecasting.model import Model
from pricecast_dagster.forecasting.recipe import AUTOREGRESSIVE, DIRECT_LEVEL, DIRECT_STEP, Kind, Recipe, default_recipe

BOLD = 2.0


def overfitting_recipe() -> Recipe:
    """Large trees down to single days, a coarse step, nothing held back."""
    recipe = default_recipe()
    for name in (AUTOREGRESSIVE, DIRECT_STEP, DIRECT_LEVEL):
        greedy = replace(
            recipe.learners[name].booster,
            n_estimators=60,
            learning_rate=0.5,
            max_depth=12,
            num_leaves=120,
            min_child_samples=1,
            subsample=1.0,
            colsample_bytree=1.0,
            reg_lambda=0.0,
        )
        recipe = recipe.with_booster(name, greedy)
    return recipe


def smuggled(model: Model) -> Model:
    """A model that answers by one learner alone, twice as boldly as that says: the weights that held it back are forged."""
    kind = Kind(model.facts["blend"]["kind"])
    learner = AUTOREGRESSIVE if kind is Kind.NOISY else DIRECT_STEP
    weights = {name: BOLD * (name == learner) for name in model.facts["blend"]["weights"]}
    return replace(model, facts=model.facts | {"blend": model.facts["blend"] | {"weights": weights}})
