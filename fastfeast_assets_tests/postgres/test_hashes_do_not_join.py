"""Who drops files and reads what is refused of them learns of no customer whose phone it is."""

from __future__ import annotations

import json
import re

from fastfeast_assets_tests.landing import DAY, MEMBERS, LandingZone, csv_text, event, order, ticket
from fastfeast_assets_tests.postgres.conftest import Load, Query

PHONE, EMAIL, ID = "01012345678", "mona.adel@mail.com", "312345678901234"
PLACES = ("raw.orders", "raw.tickets", "raw.ticket_events", "raw.customers", "raw.drivers",
          "ops.quarantine", "ops.pipeline_file_log")  # fmt: skip
LATER = "2026-11-20"
HASH = re.compile(r"\b[0-9a-f]{64}\b")


def hashes_in(query: Query, path: str) -> set[str]:
    """Every hash that stands anywhere of the files of a day, without regard to its spelling."""
    rows = []
    for place in PLACES:
        column = {"ops.quarantine": "source_file", "ops.pipeline_file_log": "file_path"}
        name = column.get(place, "_source_file")
        rows += query(f"select t::text from {place} t where {name} like %s", path)  # noqa: S608
    return set(HASH.findall(json.dumps(rows).lower()))


def known(query: Query) -> set[str]:
    """The hashes of the persons of the first day."""
    of = (
        query("select email_hash as hash from raw.customers union all"
              " select phone_hash from raw.customers union all"
              " select national_id_hash from raw.drivers union all"
              " select driver_phone_hash from raw.drivers")
    )  # fmt: skip
    return {row["hash"] for row in of}


def test_a_person_hidden_anywhere_joins_with_no_customer(
    landing: LandingZone, load: Load, query: Query
) -> None:
    """A phone in `gender` had the hash of `customers.phone`, for all to read in the quarantine."""
    landing.batch("customers", phone=PHONE, email=EMAIL)
    landing.batch("drivers", national_id=ID)
    load()
    persons = known(query)
    assert len(persons) == 4
    secrets = (PHONE, EMAIL, ID)
    customer = MEMBERS["customers"]
    crossed = [
        {**customer, "customer_id": 10 + n, "email": None, "phone": None, **changes}
        for n, changes in enumerate(
            {column: secret}
            for secret in secrets
            for column in ("gender", "full_name", "region_id", "signup_date", "created_at")
        )
    ]
    crossed += [
        {**customer, "customer_id": 50, "email": PHONE, "phone": None},
        {**customer, "customer_id": 51, "email": None, "phone": ID},
        {**customer, "customer_id": 52, "email": ID, "phone": EMAIL},
        {**customer, "customer_id": EMAIL, "email": None, "phone": None},
    ]
    text = csv_text(crossed)
    torn = ",".join([*secrets, "7,8,9,10,11,12,13,14,15"])
    landing.put(f"batch/{LATER}/customers.csv", f"{text}{torn}\n")
    strange = {"caller": PHONE, EMAIL: [{PHONE: ID}], "of": int(PHONE), "who": {"x": EMAIL}}
    landing.stream("orders", order(1, **strange), order(2, order_amount=-1, **strange), day=LATER)
    landing.stream("tickets", {**ticket(1), PHONE: EMAIL}, day=LATER)
    notes = f"{PHONE} {EMAIL} {ID}"
    landing.stream(
        "ticket_events", event(1, notes=notes), event(2, notes=notes, new_status=PHONE), day=LATER
    )
    reports = load()
    assert sum(report.quarantined for report in reports.values()) == 18
    found = hashes_in(query, f"%{LATER}%")
    assert len(found) > 15
    assert not found & persons


def test_a_person_in_two_loads_has_two_hashes_in_text(
    landing: LandingZone, load: Load, query: Query
) -> None:
    """One hash would lead from the note that somebody drops to the ticket of a customer."""
    for hour in (8, 9):
        landing.stream("ticket_events", event(hour, notes=f"call {PHONE}, {PHONE}"), hour=hour)
        load()
    [one, other] = query("select notes from raw.ticket_events order by event_id")
    assert one != other
    for note in (one["notes"], other["notes"]):
        assert len(set(re.findall("[0-9A-F]{64}", note))) == 1


def test_a_name_that_holds_a_phone_is_the_same_name_every_day(
    landing: LandingZone, load: Load, query: Query
) -> None:
    """With a hash of the day, the customer would have a version a day."""
    for day in (DAY, LATER):
        landing.batch("customers", full_name=f"Mona {PHONE}", day=day)
        landing.batch("customers", {**MEMBERS["customers"], PHONE: 1}, day="2026-11-21")
    reports = load()
    rows = query("select distinct full_name from raw.customers where _partition_at < '2026-11-21'")
    assert rows == [{"full_name": "Mona [personal]"}]
    landing.batch("customers", {**MEMBERS["customers"], PHONE: 2}, day="2026-11-22")
    [again] = load().values()
    assert again.extra_columns == reports["batch/2026-11-21/customers.csv"].extra_columns != []


def test_a_good_value_of_a_refused_row_keeps_its_persons_hash(
    landing: LandingZone, load: Load, query: Query
) -> None:
    landing.batch("customers")
    landing.batch("customers", gender="x", phone="01999", day=LATER)
    load()
    [refused] = query("select raw_data from ops.quarantine")
    [good] = query("select email_hash from raw.customers")
    assert refused["raw_data"]["email"] == good["email_hash"]
    assert re.fullmatch("[0-9A-F]{64}", refused["raw_data"]["phone"])
