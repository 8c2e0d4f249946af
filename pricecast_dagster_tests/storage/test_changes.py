"""Marks: the same while nothing was written, another one once a writer knows that its transaction is through."""

import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from pricecast_dagster.errors import DatabaseUnavailableError
from pricecast_dagster.storage import changes, products
from pricecast_dagster.storage.database import Database, open_database
from pricecast_dagster_tests.databases import KINDS, empty, new_database_url

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def write(database: Database, sku: str) -> None:
    with database.write() as connection:
        products.upsert(connection, [(sku, sku, "")], NOW)


def cut_connections(url: str) -> None:
    """Have the server end every connection to this database but ours."""
    with create_engine(url).begin() as connection:
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = :name"
        assert connection.scalar(text(cut), {"name": make_url(url).database})


def test_a_mark_stays_while_only_reading_goes_on(database: Database, database_url: str) -> None:
    before = database.mark()
    other = open_database(database_url)
    for reader in (database, other):
        with reader.read() as connection:
            assert products.count(connection) == 0
    assert database.mark() == before
    other.close()


def test_a_write_that_writes_nothing_does_not_move_the_mark(database: Database) -> None:
    before = database.mark()
    with database.write() as connection:
        assert products.count(connection) == 0
    assert database.mark() == before


def test_a_write_of_this_process_moves_the_mark_and_one_that_fails_does_not(database: Database) -> None:
    before = database.mark()
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        products.upsert(connection, [("A", "A", "")], NOW)
        raise ZeroDivisionError
    assert database.mark() == before
    write(database, "A")
    after = database.mark()
    assert after != before
    assert database.mark() == after


def test_a_write_of_another_process_moves_it_too(database: Database, database_url: str) -> None:
    before = database.mark()
    code = (
        "from pricecast_dagster_tests.storage.test_changes import write, open_database; import sys;"
        "write(open_database(sys.argv[1]), 'A')"
    )
    subprocess.run([sys.executable, "-c", code, database_url], check=True, timeout=60, cwd=Path(__file__).parents[2])
    assert database.mark() != before


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_seen_a_commit_return_sees_another_mark_at_once(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No example may find an old mark: it would be an old answer, handed out as if it were right."""
    url = new_database_url(kind, tmp_path_factory.mktemp("at-once"))
    watching, writing = open_database(url), open_database(url)

    @settings(max_examples=25)
    @given(writes=st.lists(st.booleans(), min_size=1, max_size=20))
    def look(writes: list[bool]) -> None:
        empty(writing)
        mark = watching.mark()
        for number, writes_now in enumerate(writes):
            if writes_now:
                write(writing, str(number))
            found = watching.mark()
            assert (found != mark) is writes_now
            mark = found

    look()
    watching.close()
    writing.close()


def test_closing_moves_the_mark_and_the_next_one_works(database: Database) -> None:
    before = database.mark()
    database.close()
    after = database.mark()
    assert after != before
    write(database, "A")
    assert database.mark() != after


def test_another_file_in_the_place_of_the_old_one_is_seen_with_what_is_in_it(tmp_path: Path) -> None:
    old, new = (open_database(new_database_url("sqlite", tmp_path / name)) for name in ("old", "new"))
    write(new, "A")
    new.close()
    before = old.mark()
    (tmp_path / "new" / "pricecast.db").rename(tmp_path / "old" / "pricecast.db")
    assert old.mark() != before
    with old.read() as connection:
        assert products.count(connection) == 1
    old.close()


def test_without_its_file_there_is_no_mark(tmp_path: Path) -> None:
    database = open_database(new_database_url("sqlite", tmp_path))
    before = database.mark()
    hidden = (tmp_path / "pricecast.db").rename(tmp_path / "hidden.db")
    with pytest.raises(DatabaseUnavailableError, match="does not answer"):
        database.mark()
    hidden.rename(tmp_path / "pricecast.db")
    assert database.mark() != before
    database.close()


def test_while_somebody_keeps_the_file_to_himself_no_two_marks_are_the_same(tmp_path: Path) -> None:
    """Not an error, for nothing is wrong; and not the same mark, for anything may be written meanwhile."""
    url = new_database_url("sqlite", tmp_path)
    database = open_database(url)
    database.close()
    connection = sqlite3.connect(tmp_path / "pricecast.db")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("INSERT INTO product (sku, name, category, first_seen) VALUES ('A', 'A', '', '2026-01-01')")
    connection.commit()
    marks = [database.mark() for _ in range(3)]
    connection.close()
    assert len(set(marks)) == 3
    assert database.mark() == database.mark()
    database.close()


def test_what_is_changed_by_hand_is_seen_when_the_server_has_counted_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    minutes = chain([0.0, 1.0, 60.0, 120.0, 121.0], count(180.0, 60.0))
    url = new_database_url("postgresql", tmp_path)
    ends = time.monotonic() + 30
    now = time.monotonic
    monkeypatch.setattr(changes, "time", SimpleNamespace(monotonic=lambda: next(minutes)))
    database = open_database(url)
    before = database.mark()
    assert database.mark() == before
    while (quiet := database.mark()) != (quiet_again := database.mark()):
        assert now() < ends  # the tables were made just now: their counts may still arrive
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO product (sku, name, category, first_seen) VALUES ('A', 'A', '', now())"))
    engine.dispose()
    while database.mark() == quiet_again == quiet:
        assert now() < ends
    database.close()


def test_a_connection_that_was_cut_is_made_anew_and_its_mark_is_another_one(tmp_path: Path) -> None:
    url = new_database_url("postgresql", tmp_path)
    database = open_database(url)
    before = database.mark()
    cut_connections(url)
    after = database.mark()
    assert after != before
    assert database.mark() == after
    write(database, "A")
    assert database.mark() != after
    database.close()


def test_the_mark_at_once_moves_with_a_write_of_this_process(database: Database) -> None:
    database.mark()
    before = database.mark_at_once()
    assert before == database.mark()
    assert database.mark_at_once() == before
    write(database, "A")
    assert database.mark_at_once() != before


def test_the_mark_at_once_moves_when_the_word_of_another_writer_arrives(database: Database, database_url: str) -> None:
    before = database.mark()
    other = open_database(database_url)
    write(other, "A")
    other.close()
    ends = time.monotonic() + 10
    while database.mark_at_once() == before:
        assert time.monotonic() < ends
    after = database.mark()
    assert database.mark_at_once() == after != before


def test_a_mark_at_once_is_not_made_up_when_the_connection_was_cut(tmp_path: Path) -> None:
    url = new_database_url("postgresql", tmp_path)
    database = open_database(url)
    before = database.mark()
    cut_connections(url)
    ends = time.monotonic() + 10
    while database.mark_at_once() == before:
        assert time.monotonic() < ends
    assert database.mark_at_once() is None
    assert database.mark_at_once() is None
    after = database.mark()
    assert database.mark_at_once() == after != before
    database.close()
    assert database.mark_at_once() is None
