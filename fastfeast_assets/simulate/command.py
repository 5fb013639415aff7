"""The command `fastfeast simulate`: options in, progress and a summary table out."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich import progress as bars
from rich.console import Console

from fastfeast_assets.simulate.dirt import DirtKind, DirtRates
from fastfeast_assets.simulate.plan import PlanError, SimulationPlan, parse_hours
from fastfeast_assets.simulate.report import Progress, SimulationReport
from fastfeast_assets.simulate.simulator import simulate_days
from fastfeast_assets.simulate.summary import dirt_summary, summary

_DEFAULT = DirtRates()
_COMPANY = "Company"
_DIRT = "Dirt (shares from 0 to 1)"
_DIRT_HELP = {
    DirtKind.NULL_REQUIRED: "Rows with a null in a required column.",
    DirtKind.UNKNOWN_CATEGORY: "Rows with a value outside a fixed set.",
    DirtKind.NEGATIVE_AMOUNT: "Rows with a negative amount.",
    DirtKind.BAD_DATE: "Rows with `N/A`, `invalid` or nothing for a date.",
    DirtKind.BAD_PHONE: "Members with a wrong phone.",
    DirtKind.BAD_EMAIL: "Members with a wrong e-mail.",
    DirtKind.BAD_NATIONAL_ID: "Drivers with a short national id.",
    DirtKind.DUPLICATE_ROW: "Rows repeated in their file.",
    DirtKind.ORPHAN: "Stream rows whose parent exists nowhere.",
    DirtKind.NULL_OPTIONAL: "Rows with a null in an optional column.",
    DirtKind.PHONE_FLOAT: "Members whose phone is a float (`1012345678.0`).",
    DirtKind.PHONE_LOST_ZERO: "Chance that a daily agents file lost all leading zeros.",
    DirtKind.FLOAT_IDS: "Chance that an integer column with a null is all floats (`35.0`).",
    DirtKind.BARE_NAN: "Share of nulls put into JSON that are a bare NaN.",
}


def _rate(kind: DirtKind) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{kind.value.replace('_', '-')}",
        help=_DIRT_HELP[kind],
        rich_help_panel=_DIRT,
        show_default=str(_DEFAULT.rate(kind)),
    )
    return option


Rate = float | None


def _directory(value: str) -> Path:
    """The directory to write into."""
    path = value.removeprefix("file://")
    if "://" in path:
        raise typer.BadParameter("an object store is only read; name a local directory with --out")
    return Path(path)


def simulate(
    day: Annotated[str, typer.Option("--date", help="First day to write, like 2026-11-20.")],
    out: Annotated[
        Path,
        typer.Option(
            envvar="FASTFEAST_LANDING",
            help="Landing zone to write into, a local directory; made if absent.",
            parser=_directory,
        ),
    ],
    hours: Annotated[
        str, typer.Option(help="Hours of stream files: 8, 8-10 or 0,8-10,23.")
    ] = "0-23",
    days: Annotated[int, typer.Option(help="Days to write, from --date on.")] = 1,
    seed: Annotated[int, typer.Option(help="Another seed is another company.")] = 1,
    orders_per_hour: Annotated[
        int, typer.Option(help="Orders in a mean hour; the hours of a day differ.")
    ] = 200,
    flat: Annotated[bool, typer.Option("--flat", help="The same demand in every hour.")] = False,
    updates: Annotated[
        float,
        typer.Option(
            help="Share of orders and tickets that come again 1 or 2 hours later, moved on."
        ),
    ] = 0.0,
    late: Annotated[
        float,
        typer.Option(help="Share of orders of customers and drivers listed only the next day."),
    ] = 0.01,
    tickets: Annotated[float, typer.Option(help="Share of orders that lead to a ticket.")] = 0.1,
    master: Annotated[
        bool | None,
        typer.Option(
            "--master/--no-master", help="Write master files.", show_default="those absent"
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="The company's first day, to go on from an earlier simulation.",
            rich_help_panel=_COMPANY,
            show_default="--date",
        ),
    ] = None,
    customers: Annotated[int, typer.Option(rich_help_panel=_COMPANY)] = 500,
    drivers: Annotated[int, typer.Option(rich_help_panel=_COMPANY)] = 100,
    restaurants: Annotated[int, typer.Option(rich_help_panel=_COMPANY)] = 50,
    agents: Annotated[int, typer.Option(rich_help_panel=_COMPANY)] = 30,
    late_customers: Annotated[
        int, typer.Option(help="Customers who join in a day.", rich_help_panel=_COMPANY)
    ] = 5,
    late_drivers: Annotated[
        int, typer.Option(help="Drivers who join in a day.", rich_help_panel=_COMPANY)
    ] = 2,
    dirt: Annotated[
        float,
        typer.Option(help="Factor on all rates below: 0 is clean.", rich_help_panel=_DIRT),
    ] = 1.0,
    null_required: Annotated[Rate, _rate(DirtKind.NULL_REQUIRED)] = None,
    unknown_category: Annotated[Rate, _rate(DirtKind.UNKNOWN_CATEGORY)] = None,
    negative_amount: Annotated[Rate, _rate(DirtKind.NEGATIVE_AMOUNT)] = None,
    bad_date: Annotated[Rate, _rate(DirtKind.BAD_DATE)] = None,
    bad_phone: Annotated[Rate, _rate(DirtKind.BAD_PHONE)] = None,
    bad_email: Annotated[Rate, _rate(DirtKind.BAD_EMAIL)] = None,
    bad_national_id: Annotated[Rate, _rate(DirtKind.BAD_NATIONAL_ID)] = None,
    duplicate_row: Annotated[Rate, _rate(DirtKind.DUPLICATE_ROW)] = None,
    orphan: Annotated[Rate, _rate(DirtKind.ORPHAN)] = None,
    null_optional: Annotated[Rate, _rate(DirtKind.NULL_OPTIONAL)] = None,
    phone_float: Annotated[Rate, _rate(DirtKind.PHONE_FLOAT)] = None,
    phone_lost_zero: Annotated[Rate, _rate(DirtKind.PHONE_LOST_ZERO)] = None,
    float_ids: Annotated[Rate, _rate(DirtKind.FLOAT_IDS)] = None,
    bare_nan: Annotated[Rate, _rate(DirtKind.BARE_NAN)] = None,
    per_file: Annotated[
        bool, typer.Option("--per-file", help="Summarise each file, not each source.")
    ] = False,
) -> None:
    """Writes days of FastFeast into a landing zone: members, orders, tickets, and their dirt.

    The same arguments write the same bytes, and an hour's files do not depend on the other hours.

    [bold]Examples[/bold]

    One day:  fastfeast simulate --date 2026-11-20 --out landing

    Two hours without dirt:  fastfeast simulate --date 2026-11-20 --hours 8-9 --dirt 0 --out landing

    The next day of the same company:
    fastfeast simulate --date 2026-11-21 --since 2026-11-20 --out landing

    A million orders in one file:
    fastfeast simulate --date 2026-11-20 --hours 12 --orders-per-hour 1000000 --flat --out landing
    """
    given = {
        DirtKind.NULL_REQUIRED: null_required,
        DirtKind.UNKNOWN_CATEGORY: unknown_category,
        DirtKind.NEGATIVE_AMOUNT: negative_amount,
        DirtKind.BAD_DATE: bad_date,
        DirtKind.BAD_PHONE: bad_phone,
        DirtKind.BAD_EMAIL: bad_email,
        DirtKind.BAD_NATIONAL_ID: bad_national_id,
        DirtKind.DUPLICATE_ROW: duplicate_row,
        DirtKind.ORPHAN: orphan,
        DirtKind.NULL_OPTIONAL: null_optional,
        DirtKind.PHONE_FLOAT: phone_float,
        DirtKind.PHONE_LOST_ZERO: phone_lost_zero,
        DirtKind.FLOAT_IDS: float_ids,
        DirtKind.BARE_NAN: bare_nan,
    }
    try:
        plan = SimulationPlan(
            out=out,
            start=_date("--date", day),
            days=days,
            hours=parse_hours(hours),
            seed=seed,
            orders_per_hour=orders_per_hour,
            since=_date("--since", since) if since else None,
            customers=customers,
            drivers=drivers,
            restaurants=restaurants,
            agents=agents,
            late_customers=late_customers,
            late_drivers=late_drivers,
            late_rate=late,
            ticket_rate=tickets,
            update_rate=updates,
            is_flat=flat,
            write_master=master,
            dirt=_rates(dirt, given),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    console = Console()
    try:
        report = _with_progress_bar(plan)
    except OSError as error:
        console.print(f"[red]Cannot write {error.filename}: {error.strerror}[/red]")
        raise typer.Exit(1) from error
    console.print(summary(report, is_per_file=per_file), dirt_summary(report))
    console.print(f"{report.rows:,} rows in {len(report.files)} files under {report.out}")


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PlanError(f"{option} is a day like 2026-11-20, not {text!r}") from error


def _rates(factor: float, given: dict[DirtKind, float | None]) -> DirtRates:
    """Scales the default rates, then sets those that were given as they are."""
    scaled = _DEFAULT.scaled(factor)
    rates = {item.name: getattr(scaled, item.name) for item in fields(scaled)}
    return DirtRates(
        **rates | {kind.value: rate for kind, rate in given.items() if rate is not None}
    )


def _with_progress_bar(plan: SimulationPlan) -> SimulationReport:
    columns = (
        bars.TextColumn("{task.description:<17}"),
        bars.BarColumn(),
        bars.TextColumn("{task.completed:,} of {task.total:,} orders"),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("members", total=0)

        def show(step: Progress) -> None:
            progress.update(
                task,
                description=step.description,
                completed=step.orders_done,
                total=step.orders_total,
            )

        return simulate_days(plan, show)
