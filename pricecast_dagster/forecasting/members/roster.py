"""The roster: every member there is, by name.

Belongs here: the list. Not here: which of them a SKU has (`recipe.Recipe`).
"""

from typing import Final

from pricecast_dagster.forecasting.members.additional import ADDITIONAL_LEARNERS
from pricecast_dagster.forecasting.members.autoregressive import Autoregressive
from pricecast_dagster.forecasting.members.comeback import Comeback
from pricecast_dagster.forecasting.members.direct import DIRECT_MEMBERS
from pricecast_dagster.forecasting.members.pooled import PooledMember
from pricecast_dagster.forecasting.members.protocol import Member, Rule
from pricecast_dagster.forecasting.members.seasonal import ADDITIONAL_METHODS
from pricecast_dagster.forecasting.members.smoothing import Smoothing

_RULES: Final[tuple[Rule, ...]] = (Smoothing(), Comeback())
_LEARNERS: Final[tuple[Member, ...]] = (
    Autoregressive(),
    *DIRECT_MEMBERS,
    *ADDITIONAL_METHODS,
    *ADDITIONAL_LEARNERS,
    PooledMember(),
)

RULES: Final = {rule.name: rule for rule in _RULES}
MEMBERS: Final[dict[str, Member]] = {**RULES, **{learner.name: learner for learner in _LEARNERS}}
