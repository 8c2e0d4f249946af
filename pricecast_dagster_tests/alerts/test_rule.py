"""What is told and what is kept in silence: the rule held against a plain reading of its sentences, over random days."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pricecast_dagster.operations import digests
from pricecast_dagster.operations.digests import PARTS, compare
from pricecast_dagster.operations.findings import Finding
from pricecast_dagster.storage.alerts import Alert, Severity

START = datetime(2026, 6, 1, tzinfo=UTC)
SILENCE = timedelta(hours=24)
SUBJECTS = ("a", "b", "c")
looks = st.lists(
    st.tuples(st.integers(1, 30), st.dictionaries(st.sampled_from(SUBJECTS), st.sampled_from(Severity))), min_size=1, max_size=12
)


def finding(subject: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding("failed", subject, severity, f"{subject} is wrong", "mend it")


def look(known: dict[str, Alert], found: list[Finding], now: datetime, **rule: object) -> digests.Digest | None:
    given_rule = {"silence": SILENCE, "least": Severity.WARNING} | rule
    kept, digest = compare(known, found, now, **given_rule)  # type: ignore[arg-type]
    known.update({one.subject: one for one in kept})
    return digest


@given(looks)
def test_over_any_days_a_subject_is_told_when_it_comes_or_grows_and_again_only_after_the_silence(days: list) -> None:
    known: dict[str, Alert] = {}
    told: dict[str, tuple[datetime, Severity]] = {}
    open_and_told: set[str] = set()
    now = START
    for hours, found in days:
        now += timedelta(hours=hours)
        digest = look(known, [finding(subject, severity) for subject, severity in found.items()], now)
        parts = {part: {one.subject for one in getattr(digest, part)} if digest else set() for part in PARTS}
        for subject in SUBJECTS:
            severity = found.get(subject)
            if severity is None:
                assert (subject in parts["resolved"]) == (subject in open_and_told)
                open_and_told.discard(subject)
                continue
            mentioned = subject in parts["new"] | parts["graver"] | parts["lasting"]
            before = told.get(subject)
            if severity is Severity.INFO:
                assert not mentioned
                continue
            must = before is None or severity.rank > before[1].rank or now - before[0] >= SILENCE
            may = before is not None and now - before[0] >= SILENCE / 2
            assert mentioned or not must
            assert must or may or not mentioned
            assert (subject in parts["new"]) == (mentioned and subject not in open_and_told)
            if mentioned:
                told[subject] = (now, severity)
                open_and_told.add(subject)


def test_reminders_go_together_so_that_they_do_not_trickle_in() -> None:
    known: dict[str, Alert] = {}
    look(known, [finding("a")], START)
    look(known, [finding("a"), finding("b")], START + timedelta(hours=11))
    digest = look(known, [finding("a"), finding("b")], START + timedelta(hours=24))
    assert digest is not None
    assert [one.subject for one in digest.lasting] == ["a", "b"]


def test_ten_thousand_findings_are_a_message_of_twenty_lines_that_counts_the_others() -> None:
    digest = look({}, [finding(f"failed:{number}") for number in range(10_000)], START)
    assert digest is not None
    text = digests.text(digest)
    assert len(text.splitlines()) < 30
    assert "9,980 more of kind failed" in text
    content = digests.content(digest, START)
    assert content["counts"]["new"] == 10_000
    assert len(content["new"]) == 20


def test_the_title_says_how_many_of_what() -> None:
    known: dict[str, Alert] = {}
    look(known, [finding("a", Severity.WARNING), finding("b")], START)
    digest = look(known, [finding("a"), finding("c")], START + timedelta(hours=1))
    assert digest is not None
    assert digests.title(digest) == "pricecast: 1 new, 1 graver, 1 resolved"
    assert digest.severity is Severity.ERROR
