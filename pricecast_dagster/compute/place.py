"""The place where work runs: this machine or a cluster, as the setting says.

Belongs here: the choice. Not here: either of them.
"""

from pricecast_dagster.compute.local import LocalCompute
from pricecast_dagster.compute.protocol import Compute
from pricecast_dagster.settings import LOCAL


def open_compute(where: str, jobs: int) -> Compute:
    """The place that `PRICECAST_COMPUTE` names; a cluster is connected with the first batch.

    Args:
        where: `local`, or the address of a Dask scheduler.
        jobs: processes of local computing, 0 for one a core; a cluster has its own number.
    """
    if where == LOCAL:
        return LocalCompute(jobs)
    from pricecast_dagster.compute.dask import DaskCompute

    return DaskCompute(where)
