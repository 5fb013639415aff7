"""Three answers from the analysts' views; `fastfeast demo` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from rich.console import Console

from fastfeast_assets.commands.console import number, plain, table

if TYPE_CHECKING:
    import psycopg

BAR_WIDTH = 50
AGENTS_AT_EACH_END = 3

COMPLIANCE: LiteralString = """
select coalesce(sum(responses_met), 0), coalesce(sum(responses_met + responses_breached), 0),
       coalesce(sum(resolutions_met), 0), coalesce(sum(resolutions_met + resolutions_breached), 0)
from analytics.sla_compliance_by_agent_day
"""
AGENTS: LiteralString = """
select coalesce(agent_name, 'agent ' || agent_id), sum(resolutions_met + resolutions_breached),
       100 * sum(resolutions_met) / sum(resolutions_met + resolutions_breached) as met_pct
from analytics.sla_compliance_by_agent_day
group by agent_id, agent_name
having sum(resolutions_met + resolutions_breached) > 0
order by met_pct desc, 2 desc, agent_id
"""
HOURS: LiteralString = """
select hour, sum(orders) from analytics.orders_by_hour group by hour order by hour
"""
REFUNDS: LiteralString = """
select coalesce(reason_name, 'reason ' || reason_id), refunded_tickets, refund_amount
from analytics.refunds_by_reason where refunded_tickets > 0 order by refund_amount desc, reason_id
"""


def print_answers(connection: psycopg.Connection, console: Console) -> None:
    """Print SLA compliance, orders by hour and refunds by reason."""
    _print_compliance(connection, console)
    _print_hours(connection, console)
    _print_refunds(connection, console)


def _print_compliance(connection: psycopg.Connection, console: Console) -> None:
    row = connection.execute(COMPLIANCE).fetchone() or (0, 0, 0, 0)
    responded, due_responses, resolved, due_resolutions = row
    if not due_resolutions:
        return
    lines = [
        (name, number(tickets), f"{met:.0f} %")
        for name, tickets, met in connection.execute(AGENTS).fetchall()
    ]
    if len(lines) > 2 * AGENTS_AT_EACH_END:
        lines[AGENTS_AT_EACH_END:-AGENTS_AT_EACH_END] = [("…", "", "")]
    heads = ("agent, best and worst", "tickets", "resolved in time")
    console.print(
        table(
            "1. Are tickets answered in time?",
            heads,
            lines,
            right=heads[1:],
            total=(
                "all agents",
                number(due_resolutions),
                f"{100 * resolved / due_resolutions:.0f} %",
            ),
        )
    )
    share = 100 * responded / due_responses if due_responses else 0.0
    console.print(f"First responses in time: {share:.0f} % of {number(due_responses)}.\n")


def _print_hours(connection: psycopg.Connection, console: Console) -> None:
    hours = connection.execute(HOURS).fetchall()
    if not hours:
        return
    block = "█" if (console.encoding or "").lower().startswith("utf") else "#"
    most = max(orders for _, orders in hours)
    console.print("2. When do people order?", style="italic")
    for hour, orders in hours:
        bar = block * max(1, round(BAR_WIDTH * orders / most))
        console.print(f"  {hour:02d}:00 {bar} {number(orders)}", markup=False, soft_wrap=True)
    console.print()


def _print_refunds(connection: psycopg.Connection, console: Console) -> None:
    heads = ("reason", "tickets", "refunded")
    lines = [
        (plain(reason), number(tickets), f"{amount:,.2f}")
        for reason, tickets, amount in connection.execute(REFUNDS).fetchall()
    ]
    if lines:
        console.print(table("3. What are refunds given for?", heads, lines, right=heads[1:]))
