"""What must not be before something else is compared as instants, where these are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.ingest.judge.mask import Masker
from fastfeast_assets.ingest.judge.verdict import Judge
from fastfeast_assets.ingest.read.chunks import TextChunk
from fastfeast_assets_tests.landing import order, ticket

CONTRACTS = load_contracts()
CAIRO = ZoneInfo("Africa/Cairo")
JUDGES = {
    (source, zone): Judge(
        CONTRACTS[source], Masker(b"k" * 32, "hkdf"), ZoneInfo(zone), is_json=False
    )
    for source in ("orders", "tickets")
    for zone in ("Africa/Cairo", "UTC", "Australia/Lord_Howe")
}
RULE = "delivered_at_not_before_created"
AUTUMN = datetime(2026, 10, 29, 21, tzinfo=UTC)
SPRING = datetime(2026, 4, 23, 22, tzinfo=UTC)


def refused(*pairs: tuple[str, str], zone: str = "Africa/Cairo") -> list[bool]:
    """Of each pair of creation and delivery in one chunk: whether it breaks the rule."""
    rows = [order(n, order_created_at=a, delivered_at=b) for n, (a, b) in enumerate(pairs)]
    chunk = TextChunk(1, {name: [str(row[name]) for row in rows] for name in rows[0]})
    verdict = JUDGES["orders", zone].judge(chunk)
    rules = {n: [reason.rule for reason in reasons] for n, reasons in verdict.reasons.items()}
    assert set(map(tuple, rules.values())) <= {(RULE,)}
    return [n in rules for n in range(len(pairs))]


@pytest.mark.parametrize(
    ("created", "delivered", "is_refused"),
    [
        # Autumn: at midnight of summer time Cairo's clock goes back to 23:00.
        ("2026-10-29T23:50:00+03:00", "2026-10-29T23:10:00+02:00", False),
        ("2026-10-29T23:10:00+02:00", "2026-10-29T23:50:00+03:00", True),
        ("2026-10-29T20:50:00Z", "2026-10-29T21:10:00Z", False),
        ("2026-10-29T21:10:00Z", "2026-10-29T20:50:00Z", True),
        # One without an offset, or both: some reading has to fit.
        ("2026-10-29 23:50:00", "2026-10-29T23:10:00+02:00", False),
        ("2026-10-29 23:50:00", "2026-10-29T23:10:00+03:00", True),
        ("2026-10-29T23:50:00+03:00", "2026-10-29 23:10:00", False),
        ("2026-10-29T23:50:00+02:00", "2026-10-29 23:10:00", True),
        ("2026-10-29T23:10:00+02:00", "2026-10-29 23:20:00", False),
        ("2026-10-29 23:50:00", "2026-10-29 23:10:00", False),
        ("2026-10-29 23:50:00", "2026-10-29 22:59:00", True),
        ("2026-10-30 00:10:00", "2026-10-29 23:59:00", True),
        # Spring: from midnight to one o'clock there is no time.
        ("2026-04-24T00:30:00", "2026-04-24T01:10:00+03:00", False),
        ("2026-04-24T00:30:00", "2026-04-23T23:20:00+02:00", True),
        ("2026-04-24 00:30:00", "2026-04-24 01:10:00", False),
        # Another day, other offsets: the clock alone would say the opposite.
        ("2026-11-20T10:00:00+02:00", "2026-11-20T09:30:00Z", False),
        ("2026-11-20T09:30:00Z", "2026-11-20T10:00:00+02:00", True),
        ("2026-11-20T10:00:00", "2026-11-20T08:30:00Z", False),
        ("2026-11-20T10:00:00", "2026-11-20T07:59:59Z", True),
        ("2026-11-20 10:00:00", "2026-11-20 10:00:00", False),
        ("2026-11-20 10:00:00", "2026-11-20 09:59:59.999999", True),
    ],
)
def test_in_cairo(created: str, delivered: str, *, is_refused: bool) -> None:
    assert refused((created, delivered)) == [is_refused]
    plain = ("2026-11-20 10:00:00", "2026-11-20 10:30:00")
    wrong = (plain[1], plain[0])
    assert refused(plain, (created, delivered), wrong) == [False, is_refused, True]


def test_half_an_hour_repeated() -> None:
    """Lord Howe puts its clocks back by 30 minutes, at 2:00 of summer time."""
    zone = "Australia/Lord_Howe"
    assert refused(("2026-04-05 01:45:00", "2026-04-05 01:35:00"), zone=zone) == [False]
    assert refused(("2026-04-05 01:45:00", "2026-04-05 01:29:00"), zone=zone) == [True]


def test_without_changes_of_the_clock_there_is_one_reading() -> None:
    pair = ("2026-10-29 23:50:00", "2026-10-29 23:10:00")
    assert refused(pair, zone="UTC") == [True]


INSTANTS = st.builds(
    lambda base, minutes: base + timedelta(minutes=minutes),
    st.sampled_from([AUTUMN, SPRING, datetime(2026, 11, 20, 12, tzinfo=UTC)]),
    st.integers(-150, 150),
)
SPELLINGS = st.sampled_from([None, CAIRO, UTC, timezone(timedelta(hours=-3, minutes=-30))])


def spelled(instant: datetime, zone: datetime | object) -> str:
    if zone is None:
        return instant.astimezone(CAIRO).replace(tzinfo=None).isoformat(sep=" ")
    return instant.astimezone(zone).isoformat()  # type: ignore[arg-type]


@settings(deadline=None, max_examples=60)
@given(INSTANTS, INSTANTS, SPELLINGS, SPELLINGS)
@example(AUTUMN - timedelta(minutes=10), AUTUMN + timedelta(minutes=10), None, None)
def test_what_is_in_order_is_never_refused(
    first: datetime, second: datetime, one: object, other: object
) -> None:
    earlier, later = sorted((first, second))
    assert refused((spelled(earlier, one), spelled(later, other))) == [False]
    if one is not None and other is not None:
        assert refused((spelled(later, one), spelled(earlier, other))) == [earlier < later]


def test_each_rule_of_a_ticket_is_judged_by_itself() -> None:
    autumn = {"created_at": "2026-10-29T23:50:00+03:00", "resolved_at": "2026-10-29T23:55:00+02:00"}
    rows = [
        ticket(1, first_response_at="2026-11-19 08:59:59"),
        ticket(2, resolved_at="2026-11-19 08:00:00"),
        ticket(3, **autumn, first_response_at="2026-10-29T23:10:00+02:00"),
        ticket(4, **autumn, first_response_at="2026-10-29T23:10:00+03:00"),
        ticket(5, first_response_at=None, resolved_at=None, status="Open"),
    ]
    cells = {
        name: [None if row[name] is None else str(row[name]) for row in rows] for name in rows[0]
    }
    verdict = JUDGES["tickets", "Africa/Cairo"].judge(TextChunk(1, cells))
    found = {n: [(r.column, r.rule) for r in reasons] for n, reasons in verdict.reasons.items()}
    assert found == {
        0: [("first_response_at", "first_response_at_not_before_created")],
        1: [("resolved_at", "resolved_at_not_before_created")],
        3: [("first_response_at", "first_response_at_not_before_created")],
    }
