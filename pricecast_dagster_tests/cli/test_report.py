"""The report of a batch: its rows for programs, its table and summary for people."""

import csv
import json
from pathlib import Path

from rich.console import Console

from pricecast_dagster.cli.report import COLUMNS, METRICS, fell_back, rows, summary, table, write
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.outcome import Ingested, Outcome, Report, Status
from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import Shop

TRAINED = Outcome(
    "A-1",
    Stage.PRICE_MODEL,
    Status.FRESH,
    "data changed",
    data_version="20251016T193000Z",
    seconds=0.123456,
    metadata={"rmse": 0.5, "mae": 0.4, "mape": 3.2, "training_samples": 335, "validation_samples": 30, "features_count": 45},
)
FAILED = Outcome("[red]", Stage.PRICE_MODEL, Status.FAILED, "new", error="SKU '[red]': it cannot be fitted.")
FALLEN_BACK = Outcome("C", Stage.FORECAST, Status.FRESH, "new", "f1", metadata={"model_used": "MovingAverage_7d"})
ANSWERED = Outcome(
    "A-1", Stage.FORECAST, Status.FRESH, "data changed", "f2", metadata={"model_used": "LightGBM_v20251016T193000Z"}
)
UNCHANGED = Outcome("B", Stage.RAW_HISTORY, Status.UNCHANGED, "same rows as before", "h1")
REPORT = Report(Ingested(read=False), (UNCHANGED, TRAINED, FAILED, FALLEN_BACK, ANSWERED))


def drawn(report: Report) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(table(report))
    return capture.get()


def test_a_row_has_the_columns_of_the_contract_and_a_models_row_its_metrics_besides() -> None:
    told = rows(REPORT.outcomes)
    assert list(told[0]) == list(COLUMNS) == ["sku", "stage", "outcome", "reason", "data_version", "seconds", "error"]
    assert list(told[1]) == [*COLUMNS, *METRICS]
    assert told[1]["seconds"] == 0.1235
    assert (told[1]["rmse"], told[1]["training_samples"]) == (0.5, 335)


def test_every_outcome_is_a_row_of_the_json_file(tmp_path: Path) -> None:
    write(tmp_path / "report.json", REPORT)
    assert json.loads((tmp_path / "report.json").read_text()) == rows(REPORT.outcomes)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_every_outcome_is_a_row_of_the_csv_file_with_empty_cells_for_what_it_has_not(tmp_path: Path) -> None:
    write(tmp_path / "report.csv", REPORT)
    with (tmp_path / "report.csv").open(newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["sku"] for row in told] == ["B", "A-1", "[red]", "C", "A-1"]
    assert told[0]["rmse"] == told[0]["error"] == ""
    assert told[1]["rmse"] == "0.5"


def test_the_table_shows_failed_products_first_and_a_sku_is_never_markup() -> None:
    lines = drawn(REPORT).splitlines()
    assert lines[1].startswith("[red]")
    assert "it cannot be fitted" in lines[1]
    assert [line.split()[0] for line in lines[2:4]] == ["C", "A-1"]
    assert "335" in lines[3]
    assert not any(line.startswith("B ") for line in lines)


def test_a_long_batch_shows_a_screen_of_products_and_says_how_many_more_there_are() -> None:
    many = tuple(Outcome(f"S{number:03}", Stage.FORECAST, Status.FRESH, "new", "v") for number in range(100))
    text = drawn(Report(Ingested(read=False), many))
    assert "and 60 more" in text


def test_a_forecast_by_a_simple_method_counts_as_fallen_back() -> None:
    assert [fell_back(outcome) for outcome in (FALLEN_BACK, ANSWERED, TRAINED)] == [True, False, False]
    assert "1 forecast by a simple method." in summary(REPORT)


def test_a_batch_that_computed_nothing_says_so() -> None:
    assert summary(Report(Ingested(read=True), (UNCHANGED,))) == "Everything is up to date: nothing was computed."
    assert table(Report(Ingested(read=True), (UNCHANGED,))) is None


def test_the_summary_counts_products_by_reason_and_stage() -> None:
    told = summary(REPORT)
    assert "new (2), data changed (1)" in told
    assert "price_model: 1 fresh, 1 failed." in told


def test_every_row_of_a_second_ingest_has_the_version_that_is_held(shop: Shop, pricecast: Pricecast) -> None:
    told = []
    for name in ("first.json", "second.json"):
        pricecast("ingest", "--report", name)
        told.append({row["sku"]: row for row in json.loads(Path(name).read_text())})
    first, second = told
    assert len(second) == 3
    assert {row["outcome"] for row in second.values()} == {"unchanged"}
    assert {sku: row["data_version"] for sku, row in second.items()} == {sku: row["data_version"] for sku, row in first.items()}
    assert all(row["data_version"] for row in second.values())
