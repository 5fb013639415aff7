"""Landing zones for tests: good rows of every source, written as FastFeast exports them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import fsspec

Row = dict[str, Any]

DAY = "2026-11-19"

MEMBERS: Mapping[str, Row] = {
    "cities": {"city_id": 1, "city_name": "Cairo", "country": "Egypt", "timezone": "Africa/Cairo"},
    "regions": {"region_id": 1, "region_name": "Maadi", "city_id": 1, "delivery_base_fee": 16.89},
    "segments": {
        "segment_id": 1,
        "segment_name": "Regular",
        "discount_pct": 0,
        "priority_support": False,
    },
    "categories": {"category_id": 1, "category_name": "Pizza"},
    "teams": {"team_id": 1, "team_name": "Refunds"},
    "reason_categories": {"reason_category_id": 1, "category_name": "Food"},
    "reasons": {
        "reason_id": 1,
        "reason_name": "Cold Food",
        "reason_category_id": 1,
        "severity_level": 2,
        "typical_refund_pct": 0.25,
    },
    "channels": {"channel_id": 1, "channel_name": "app"},
    "priorities": {
        "priority_id": 1,
        "priority_code": "P1",
        "priority_name": "Critical",
        "sla_first_response_min": 1,
        "sla_resolution_min": 15,
    },
    "customers": {
        "customer_id": 1,
        "full_name": "Mona Adel",
        "email": "mona.adel@mail.com",
        "phone": "01012345678",
        "region_id": 1,
        "segment_id": 1,
        "signup_date": "2024-05-01",
        "gender": "female",
        "created_at": "2024-05-01 00:00:00",
        "updated_at": "2026-11-18 21:36:42.201629",
    },
    "restaurants": {
        "restaurant_id": 1,
        "restaurant_name": "Slice House",
        "region_id": 1,
        "category_id": 1,
        "price_tier": "Mid",
        "rating_avg": 4.2,
        "prep_time_avg_min": 18,
        "is_active": True,
        "created_at": "2020-10-30 00:00:00",
        "updated_at": "2026-11-18 21:36:42.201629",
    },
    "drivers": {
        "driver_id": 1,
        "driver_name": "Samir Nabil",
        "driver_phone": "01112345678",
        "national_id": "312345678901234",
        "region_id": 1,
        "shift": "night",
        "vehicle_type": "bike",
        "hire_date": "2022-10-29",
        "rating_avg": 3.9,
        "on_time_rate": 0.85,
        "cancel_rate": 0.02,
        "completed_deliveries": 600,
        "is_active": True,
        "created_at": "2022-10-29 00:00:00",
        "updated_at": "2026-11-18 21:36:42.201629",
    },
    "agents": {
        "agent_id": 1,
        "agent_name": "Ayman Saleh",
        "agent_email": "ayman.saleh@fastfeast.com",
        "agent_phone": "01212345678",
        "team_id": 1,
        "skill_level": "Senior",
        "hire_date": "2021-05-23",
        "avg_handle_time_min": 4,
        "resolution_rate": 0.88,
        "csat_score": 4.4,
        "is_active": True,
        "created_at": "2021-05-23 00:00:00",
        "updated_at": "2026-11-18 21:36:42.201629",
    },
}
JSON_SOURCES = frozenset({"cities", "restaurants", "orders", "ticket_events"})


def order(number: int = 1, **changes: Any) -> Row:
    """A delivered order of the members above."""
    return {
        "order_id": f"00000000-0000-4000-8000-{number:012d}",
        "customer_id": 1,
        "restaurant_id": 1,
        "driver_id": 1,
        "region_id": 1,
        "order_amount": 100.5,
        "delivery_fee": 12.0,
        "discount_amount": 0,
        "total_amount": 112.5,
        "order_status": "Delivered",
        "payment_method": "card",
        "order_created_at": f"{DAY} 08:10:00",
        "delivered_at": f"{DAY} 08:55:00",
        **changes,
    }


def ticket(number: int = 1, **changes: Any) -> Row:
    """A resolved ticket about the order of the same number."""
    return {
        "ticket_id": f"00000000-0000-4000-9000-{number:012d}",
        "order_id": f"00000000-0000-4000-8000-{number:012d}",
        "customer_id": 1,
        "driver_id": 1,
        "restaurant_id": 1,
        "agent_id": 1,
        "reason_id": 1,
        "priority_id": 1,
        "channel_id": 1,
        "status": "Resolved",
        "refund_amount": 25.25,
        "created_at": f"{DAY} 09:00:00",
        "first_response_at": f"{DAY} 09:00:45",
        "resolved_at": f"{DAY} 09:20:30",
        "sla_first_due_at": f"{DAY} 09:01:00",
        "sla_resolve_due_at": f"{DAY} 09:15:00",
        **changes,
    }


def event(number: int = 1, **changes: Any) -> Row:
    """The first event of the ticket of the same number."""
    return {
        "event_id": f"00000000-0000-4000-a000-{number:012d}",
        "ticket_id": f"00000000-0000-4000-9000-{number:012d}",
        "agent_id": 1,
        "event_ts": f"{DAY} 09:00:00",
        "old_status": None,
        "new_status": "Open",
        "notes": "Ticket created",
        **changes,
    }


def on(day: str, row: Callable[..., Row], number: int = 1, **changes: Any) -> Row:
    """A row whose moments lie on a day."""
    made = row(number)
    moments = {
        name: f"{day}{value[10:]}"
        for name, value in made.items()
        if isinstance(value, str) and value[4:5] == "-" and value[10:11] == " "
    }
    return {**made, **moments, **changes}


def csv_text(rows: Sequence[Row], columns: Sequence[str] | None = None) -> str:
    """Rows as CSV; null is an empty field."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def json_text(rows: Sequence[Row]) -> str:
    """Rows as an indented JSON array."""
    return json.dumps(list(rows), indent=2, ensure_ascii=False)


class LandingZone:
    """Writes files where FastFeast would.

    Args:
        root: The landing root; it is created.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def put(self, relative_path: str, content: str | bytes) -> Path:
        """Write a file, replacing it, and give its path."""
        path = self.root / relative_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def batch(self, source: str, *rows: Row, day: str = DAY, **changes: Any) -> Path:
        """Write a daily snapshot: the given rows, or the one good member with changes."""
        chosen = list(rows) or [{**MEMBERS[source], **changes}]
        return self._write(f"batch/{day}/{source}", source, chosen)

    def all_batch(self, *, day: str = DAY) -> None:
        """Write the daily snapshot of all 13 dimension sources."""
        for source in MEMBERS:
            self.batch(source, day=day)

    def stream(self, source: str, *rows: Row, hour: int = 8, day: str = DAY) -> Path:
        """Write an hour's file of a stream source."""
        return self._write(f"stream/{day}/{hour:02d}/{source}", source, list(rows))

    def _write(self, stem: str, source: str, rows: Sequence[Row]) -> Path:
        if source in JSON_SOURCES:
            return self.put(f"{stem}.json", json_text(rows))
        return self.put(f"{stem}.csv", csv_text(rows))


class ObjectZone(LandingZone):
    """The same in an object store.

    Args:
        address: URL of the prefix.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.store, self.root = fsspec.core.url_to_fs(address, use_listings_cache=False)

    def put(self, relative_path: str, content: str | bytes) -> Path:
        """Write an object, replacing it, and give its path below the prefix."""
        body = content.encode() if isinstance(content, str) else content
        self.store.pipe_file(f"{self.root}/{relative_path}", body)
        return Path(relative_path)

    def remove(self, relative_path: str) -> None:
        """Take an object out."""
        self.store.rm_file(f"{self.root}/{relative_path}")
