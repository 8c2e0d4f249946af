"""The database: opened, migrated, reading and writing, and what its errors mean; on SQLite and PostgreSQL."""

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, StatementError

from pricecast_dagster.errors import DatabaseUnavailableError, SettingsError
from pricecast_dagster.storage import migrations, products
from pricecast_dagster.storage.database import Database, open_database
from pricecast_dagster.storage.tables import metadata
from pricecast_dagster_tests.databases import KINDS, new_database_url
from pricecast_dagster_tests.postgres import PostgresMissingError, postgres_server

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def _bare_url(kind: str, folder: Path) -> str:
    """A database nobody has opened yet."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'deep' / 'down' / 'pricecast.db'}"
    from pricecast_dagster_tests.databases import shared_postgres

    try:
        return shared_postgres()()
    except PostgresMissingError as error:
        pytest.skip(str(error))


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(database: Database) -> None:
    with database.write() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"version_table": migrations.VERSION_TABLE}), metadata
        )
    assert [entry for entry in differences if not _is_comment(entry)] == []


def _is_comment(entry: object) -> bool:
    return isinstance(entry, list) and all(change[0] == "modify_comment" for change in entry)


def test_the_version_that_opening_looks_for_is_that_of_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


@pytest.mark.parametrize("kind", KINDS)
def test_several_processes_open_a_new_database_at_once(kind: str, tmp_path: Path) -> None:
    url = _bare_url(kind, tmp_path)
    code = f"from pricecast_dagster.storage.database import open_database; open_database({url!r}).close()"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate()[1].decode() for process in started]
    assert errors == [""] * 4
    database = open_database(url)
    with database.read() as connection:
        assert products.active_skus(connection) == set()
    database.close()


@pytest.mark.parametrize("kind", KINDS)
def test_several_threads_open_a_new_database_at_the_same_moment(kind: str, tmp_path: Path) -> None:
    url = _bare_url(kind, tmp_path)
    together = Barrier(6)

    def opened(_: int) -> set[str]:
        together.wait()
        database = open_database(url)
        with database.read() as connection:
            return products.active_skus(connection)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened, range(6))) == [set()] * 6


def test_opening_again_keeps_what_is_there(database: Database, database_url: str) -> None:
    with database.write() as connection:
        products.upsert(connection, [("A-17", "Soap", "Care")], NOW)
    again = open_database(database_url)
    with again.read() as connection:
        assert products.active_skus(connection) == {"A-17"}
    again.close()


def test_a_write_that_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RuntimeError, match="half way"), database.write() as connection:
        products.upsert(connection, [("A-17", "Soap", "Care")], NOW)
        raise RuntimeError("half way")
    with database.read() as connection:
        assert products.active_skus(connection) == set()


def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises((DatabaseUnavailableError, DBAPIError), match=r"readonly|read-only"), database.read() as connection:
        products.upsert(connection, [("A-17", "Soap", "Care")], NOW)
    with database.write() as connection:  # and the connection is not spoiled for a write
        products.upsert(connection, [("A-17", "Soap", "Care")], NOW)


def test_a_read_sees_one_moment_however_long_it_takes(database: Database) -> None:
    with database.read() as reading:
        assert products.active_skus(reading) == set()
        with database.write() as writing:
            products.upsert(writing, [("A-17", "Soap", "Care")], NOW)
        assert products.active_skus(reading) == set()
    with database.read() as reading:
        assert products.active_skus(reading) == {"A-17"}


def test_many_threads_write_in_turn_and_none_is_lost(database: Database) -> None:
    def add(number: int) -> None:
        with database.write() as connection:
            known = products.active_skus(connection)  # reads before it writes, as commits do
            products.upsert(connection, [(f"SKU-{number}", f"after {len(known)}", "")], NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(40)))
    with database.read() as connection:
        assert len(products.active_skus(connection)) == 40


def test_times_come_back_in_utc_whatever_zone_they_went_in_with(database: Database) -> None:
    in_brazil = NOW.astimezone(timezone(timedelta(hours=-3)))
    with database.write() as connection:
        products.upsert(connection, [("A-17", "Soap", "Care")], in_brazil)
        product = products.get(connection, "A-17")
    assert product.first_seen == NOW
    assert product.first_seen.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"), database.write() as connection:
        products.upsert(connection, [("A-17", "Soap", "Care")], NOW.replace(tzinfo=None))


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_of_a_newer_pricecast_is_not_touched(kind: str, tmp_path: Path) -> None:
    url = new_database_url(kind, tmp_path)
    database = open_database(url)
    with database.write() as connection:
        connection.execute(text("UPDATE pricecast_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(DatabaseUnavailableError, match="newer pricecast"):
        open_database(url)


def test_a_server_that_is_gone_is_told_with_its_address_and_without_the_password() -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"127.0.0.1:1/none.*does not answer.*PRICECAST_DATABASE_URL") as told:
        open_database("postgresql+psycopg2://someone:hidden@127.0.0.1:1/none")
    assert "hidden" not in str(told.value)


def test_a_server_that_goes_away_between_two_reads_is_told() -> None:
    try:
        server = postgres_server()
        new_database = server.__enter__()
    except PostgresMissingError as error:
        pytest.skip(str(error))
    database = open_database(new_database())
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
    server.__exit__(None, None, None)
    with pytest.raises(DatabaseUnavailableError), database.read() as connection:
        connection.execute(text("SELECT 1"))
    database.close()


def test_sessions_that_the_server_cut_off_are_replaced(tmp_path: Path) -> None:
    database = open_database(new_database_url("postgresql", tmp_path))
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
    with database.write() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    with database.read() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    database.close()


def test_a_database_that_is_no_longer_used_holds_no_connections(tmp_path: Path) -> None:
    url = new_database_url("postgresql", tmp_path)
    watching = open_database(url)
    sessions = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    for _ in range(5):
        with open_database(url).read() as connection:
            connection.execute(text("SELECT 1"))
    with watching.read() as connection:
        assert connection.scalar(sessions) <= 2  # ours, and the last one on its way out
    watching.close()


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DatabaseUnavailableError, match=r"cannot be made.*PRICECAST_HOME"):
        open_database(f"sqlite:///{tmp_path / 'file' / 'pricecast.db'}")


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"unable to open database file\. .*may write the file and its folder"):
        open_database(f"sqlite:///{tmp_path}")


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    database = open_database(new_database_url("sqlite", tmp_path))
    many = [(f"A-{number:04}", "Soap" * 50, "Care") for number in range(2000)]
    with pytest.raises(DatabaseUnavailableError, match=r"has no room: .*full\. Make room"), database.write() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count = {pages + 4}"))  # SQLite's own end of the disk
        products.upsert(connection, many, NOW)
    with database.read() as connection:
        assert products.active_skus(connection) == set()
    database.close()


def _damage(file: Path, first: int) -> None:
    """Overwrite a database's file from a byte on, as a bad disk would."""
    size = file.stat().st_size
    with file.open("r+b") as content:
        content.seek(first)
        content.write(bytes(number * 197 % 256 for number in range(1, size - first + 1)))


@pytest.mark.parametrize("first", [0, 4096], ids=["whole file", "all but the first page"])
def test_a_damaged_file_is_told_with_the_way_back_open_or_not(first: int, tmp_path: Path) -> None:
    url = new_database_url("sqlite", tmp_path)
    database = open_database(url)
    database.close()
    _damage(tmp_path / "pricecast.db", first)
    told = r"pricecast\.db is damaged: .*pricecast restore"
    with pytest.raises(DatabaseUnavailableError, match=told):
        open_database(url)
    with pytest.raises(DatabaseUnavailableError, match=told), database.read() as connection:
        products.active_skus(connection)
    with pytest.raises(DatabaseUnavailableError, match=told), database.write() as connection:
        products.upsert(connection, [("A-17", "Soap", "Care")], NOW)
    database.close()


def test_a_file_that_is_no_database_any_more_has_no_mark(tmp_path: Path) -> None:
    database = open_database(new_database_url("sqlite", tmp_path))
    database.mark()
    database.close()
    _damage(tmp_path / "pricecast.db", 0)
    with pytest.raises(DatabaseUnavailableError, match="is damaged"):
        database.mark()


def test_a_wrong_statement_is_not_taken_for_an_outage(tmp_path: Path) -> None:
    """On PostgreSQL: SQLite has one error for that and for a file that does not open."""
    database = open_database(new_database_url("postgresql", tmp_path))
    with pytest.raises(ProgrammingError), database.read() as connection:
        connection.execute(text("SELECT * FROM nothing"))
    database.close()


def test_a_row_that_breaks_a_rule_is_not_taken_for_an_outage(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(text("INSERT INTO product (sku) VALUES (NULL)"))


@pytest.mark.parametrize(("url", "told"), [("mysql://x/y", "of mysql"), ("nonsense", "cannot be read"), ("", "cannot be read")])
def test_another_kind_of_url_is_a_wrong_setting(url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        open_database(url)


def test_the_wheel_brings_its_migrations_along(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r}); import pricecast_dagster;"
        f"assert pricecast_dagster.__file__.startswith({str(tmp_path)!r});"
        "from pricecast_dagster.storage.database import open_database;"
        f"open_database('sqlite:///{tmp_path / 'new.db'}').close()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "new.db").exists()
