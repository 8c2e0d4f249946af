"""`why`: from a product's forecast back to the rows of the source.

Belongs here: how a lineage reads on a terminal. Not here: putting it together (`operations.lineage`).
"""

from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pricecast_dagster.operations.lineage import Lineage, Step


@click.command()
@click.argument("sku")
def why(sku: str) -> None:
    """Explain a product's forecast: versions, runs, decisions and times, back to the rows of the source."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.operations.lineage import why as lineage_of

    for line in _lines(lineage_of(context_with(), sku)):
        click.echo(line)


def _lines(lineage: "Lineage") -> list[str]:
    product = lineage.product
    named = f" ({product.name})" if product.name not in ("", product.sku) else ""
    lines = [f"{product.sku}{named}"]
    if not product.active:
        lines.append(f"  gone from the source since {_time(product.removed_at)}; its forecast is not served")
    if product.model_hold is not None:
        lines.append(f"  nothing trains it until it is asked for: {product.model_hold}")
    for step in lineage.steps:
        lines += ["", *_step(step)]
    lines += [f"  read from {lineage.source} at {_time(lineage.read_at)}"]
    lines += [f"  not taken: {row}" for row in lineage.rejected]
    if lineage.pooled is not None:
        facts, by = lineage.pooled.facts, lineage.pooled.run_id
        lines += ["", f"pooled model in force  {lineage.pooled.version}"]
        lines.append(f"  made at {_time(lineage.pooled.made_at)} by {f'run {by}' if by else 'the command line'}")
        lines.append(f"  from {facts['skus']:,} of {facts['of_skus']:,} products until {lineage.pooled.until}")
    if lineage.models:
        lines += ["", "models, newest first"]
    for model in lineage.models:
        word = "champion" if model.champion else "deleted" if model.deleted_at else "stored"
        lines.append(f"  {model.version}  {word}; trained because: {model.reason}; {model.decision}")
    if lineage.requests:
        lines += ["", "retrain requests, newest first"]
    for request in lineage.requests:
        answered = f", answered by {request.version}" if request.version else ""
        lines.append(f"  {request.id}  {request.reason}: {request.status} since {_time(request.created_at)}{answered}")
        if request.evidence.get("told"):
            lines.append(f"      {request.evidence['told']}")
    lines += _service(lineage)
    return lines


def _service(lineage: "Lineage") -> list[str]:
    """What happened to the forecasts that were served, what the monitor found, models on trial."""
    lines: list[str] = []
    if lineage.served:
        lines += ["", "forecasts that were served, against what happened"]
    for score in lineage.served:
        scaled = "" if score.scaled is None else f", {score.scaled:.3g} of the last price's"
        small = "; few days" if score.small else ""
        lines.append(
            f"  {score.window_days} days until {score.until}: off by {score.mae:.4g}{scaled}, "
            f"{score.coverage_80:.0%} inside the 80 % band{small}"
        )
    if lineage.findings:
        lines += ["", "found by the monitor, newest first"]
    lines += [f"  {found.day}  {found.kind}: {found.verdict}" for found in lineage.findings]
    if lineage.trials:
        lines += ["", "models on trial, newest first"]
    lines += [f"  {trial.version}  {trial.role} of {trial.rival}: {trial.status}; {trial.decision}" for trial in lineage.trials]
    return lines


def _step(step: "Step") -> list[str]:
    lines = [f"{step.stage}  {step.version or 'holds nothing'}"]
    if step.when is None:
        return [*lines, f"  {step.reason}"]
    run = f"run {step.run_id}" if step.run_id else "the command line"
    lines.append(f"  computed at {_time(step.when)} by {run}, because: {step.reason}")
    if step.made_from is not None:
        lines.append(f"  from {step.made_from}, code {step.code_version}")
    if step.error is not None:
        lines.append(f"  the last attempt failed: {step.error}")
    if step.stale is not None:
        lines.append(f"  out of date now: {step.stale}")
    lines += [
        f"  {name}: {_shown(value)}" for name, value in step.facts.items() if value not in ("", None) and name != "traceback"
    ]
    return lines


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _time(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
