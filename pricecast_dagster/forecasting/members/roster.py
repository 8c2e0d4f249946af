"""The roster: every member there is, by name.

Belongs here: the list. Not here: which of them a SKU uses (`recipe.Recipe.members`).
"""

from typing import Final

from pricecast_dagster.forecasting.members.autoregressive import Autoregressive
from pricecast_dagster.forecasting.members.direct import DIRECT_MEMBERS
from pricecast_dagster.forecasting.members.protocol import Member
from pricecast_dagster.forecasting.members.smoothing import Smoothing

MEMBERS: Final[dict[str, Member]] = {member.name: member for member in (Autoregressive(), *DIRECT_MEMBERS, Smoothing())}
