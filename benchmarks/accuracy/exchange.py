"""The way to the peers and back: they need pandas 2, so they run in an environment of their own and are met through files.

Belongs here: what is written for them, starting them, and reading their answers. Not here: the peers (`peers`).
"""

import subprocess
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.accuracy.answers import Answer
from benchmarks.accuracy.sets import Cases, DataSet
from pricecast_dagster.schemas import LEVELS

_PEERS: Final = Path(__file__).with_name("peers.py")


def peers_of(data: DataSet, cases: Cases, python: Path, folder: Path, chosen: tuple[str, ...]) -> dict[str, Answer]:
    """Every peer's answers.

    Args:
        data: the set.
        cases: what is forecast.
        python: the interpreter of the peers' environment.
        folder: where files are exchanged; answers that are there for the same cases are not computed again.
        chosen: which peers.

    Raises:
        subprocess.CalledProcessError: a peer failed; what it said is on standard error.
    """
    here = folder / f"{data.name}-{cases.horizon_days}-{data.panel.n_skus}"
    here.mkdir(parents=True, exist_ok=True)
    _write(data, cases, here)
    answers = {}
    for name in chosen:
        path = here / f"{name}.parquet"
        if not path.exists():
            subprocess.run([str(python), str(_PEERS), str(here), name], check=True)
        answers[name] = _read(path, cases)
    return answers


def _write(data: DataSet, cases: Cases, here: Path) -> None:
    """The histories of the cases, carried forward over days without a price, and the origins."""
    panel = data.panel
    frames = [
        pd.DataFrame(
            {"unique_id": panel.skus[row], "ds": panel.days[panel.first[row] :], "y": panel.price[row, panel.first[row] :]}
        )
        for row in np.unique(cases.rows)
    ]
    pd.concat(frames, ignore_index=True).astype({"ds": "datetime64[s]"}).to_parquet(here / "history.parquet", index=False)
    frame = pd.DataFrame({"unique_id": cases.skus, "origin": cases.origins.astype("datetime64[s]")})
    frame.assign(horizon=cases.horizon_days).to_parquet(here / "cases.parquet", index=False)


def _read(path: Path, cases: Cases) -> Answer:
    """A peer's answers in the order of the cases; a case that it does not answer is NaN."""
    frame = pd.read_parquet(path)
    wanted = pd.MultiIndex.from_product(
        [range(len(cases.skus)), range(1, cases.horizon_days + 1)], names=["case", "ahead"]
    ).to_frame(index=False)
    wanted["unique_id"] = cases.skus[wanted["case"]]
    wanted["origin"] = cases.origins[wanted["case"]].astype("datetime64[s]")
    frame["origin"] = frame["origin"].astype("datetime64[s]")
    found = wanted.merge(frame, on=["unique_id", "origin", "ahead"], how="left", validate="one_to_one")
    shape = cases.actual.shape
    price = found["price"].to_numpy(dtype=float).reshape(shape)
    if "lower_80" not in found:
        return Answer(price)
    ends = [found[f"{end}_{level}"].to_numpy(dtype=float).reshape(shape) for level in LEVELS for end in ("lower", "upper")]
    return Answer(price, np.stack(ends).reshape(len(LEVELS), 2, *shape))
