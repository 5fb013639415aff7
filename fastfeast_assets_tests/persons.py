"""Persons as people and programs write them, for tests that look for what is left of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from hypothesis import strategies as st

ARABIC_DIGITS = {ord("0") + n: chr(0x660 + n) for n in range(10)}
WIDE_DIGITS = {ord("0") + n: chr(0xFF10 + n) for n in range(10)}
GAPS = (" ", "-", "\u00a0", "\u2011", "\u2013", "\u202f", "\u2212")
LOCALS = ("zwimo", "Qadwy.Zed", "x_quvzek-7", "\u0632\u064a\u0648\u0642\u0633", "z.\u00fcvq+tag")
DOMAINS = (
    "mail.com",
    "fastfeast.example.com",
    "\u0628\u0631\u064a\u062f.\u0645\u0635\u0631",
    "m\u00fcx.de",
)


@dataclass(frozen=True)
class Spelled:
    """One spelling of a person's mobile, id or address.

    Attributes:
        text: As it stands in a file.
        secrets: What must be found nowhere, when all but letters and digits is left out.
    """

    text: str
    secrets: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


def mobile_numbers() -> st.SearchStrategy[str]:
    """The 10 digits of mobiles, without anything in front."""
    return st.builds(
        lambda operator, rest: f"1{operator}{rest:08}",
        st.sampled_from("0125"),
        st.integers(20_000_000, 99_999_999),
    )


def _spelled_mobiles(number: str) -> st.SearchStrategy[str]:
    grouped = [(number[:2], number[2:6], number[6:]), (number[:3], number[3:6], number[6:])]
    plain = [
        number,
        f"0{number}",
        f"20{number}",
        f"+20{number}",
        f"0020{number}",
        f"+2 0{number}",
        f"{number}.0",
        f"0{number}.0",
        f"{number[0]}.{number[1:]}E+09",
        f"tel:+20{number}",
        f"{number[0]},{number[1:4]},{number[4:7]},{number[7:]}",
    ]
    parts = st.sampled_from(grouped)
    spelled = st.builds(
        lambda prefix, gap, groups: prefix + gap.join(groups),
        st.sampled_from(["", "0", "20 ", "20-", "2 0", "+20 ", "0020-", "+2 0", "(+20) "]),
        st.sampled_from([*GAPS, ".", "/", "_"]),
        parts,
    )
    bracketed = parts.map(lambda groups: f"(0{groups[0]}) {groups[1]} {groups[2]}")
    return st.sampled_from(plain) | spelled | bracketed


def _spelled_ids(number: str) -> st.SearchStrategy[str]:
    cut = (number[:3], number[3:7], number[7:11], number[11:])
    plain = [number, f"{number}.0", f"{number[0]}.{number[1:]}E+{len(number) - 1}"]
    return st.sampled_from(plain) | st.sampled_from(GAPS).map(lambda gap: gap.join(cut))


def _spelled_addresses(local: str, domain: str) -> st.SearchStrategy[str]:
    address = f"{local}@{domain}"
    return st.sampled_from(
        [
            address,
            address.upper(),
            f"mailto:{address}",
            f"<{address}>",
            f'"{local}"@{domain}',
            f"{local} @ {domain}",
            f"{local} @ {domain.replace('.', ' . ')}",
            f"{local}\uff20{domain}",
            f"{local}%40{domain}",
            f"{local}&#64;{domain}",
            f"{local}\u200b@{domain}",
            quote(address),
        ]
    )


def _disguised(text: str) -> st.SearchStrategy[str]:
    """The text as it is, or its digits in another script, or with invisible characters."""
    disguises: list[Callable[[str], str]] = [
        lambda t: t,
        lambda t: t.translate(ARABIC_DIGITS),
        lambda t: t.translate(WIDE_DIGITS),
        lambda t: "\u200b".join(t),
        lambda t: f"\u202a{t}\u202c",
        lambda t: t.replace(" ", "%20").replace("+", "%2B"),
    ]
    return st.sampled_from(disguises).map(lambda disguise: disguise(text))


@st.composite
def spelled_persons(draw: st.DrawFn) -> Spelled:
    """A mobile, an id of 14 or 15 digits, or an address, in one of its usual spellings."""
    kind = draw(st.sampled_from(["mobile", "id", "address"]))
    if kind == "mobile":
        number = draw(mobile_numbers())
        return Spelled(draw(_spelled_mobiles(number).flatmap(_disguised)), (number, number[2:]))
    if kind == "id":
        number = str(
            draw(
                st.integers(2 * 10**13, 4 * 10**14 - 1).filter(
                    lambda n: n < 4 * 10**13 or n >= 2 * 10**14
                )
            )
        )
        return Spelled(draw(_spelled_ids(number).flatmap(_disguised)), (number, number[3:11]))
    local, domain = draw(st.sampled_from(LOCALS)), draw(st.sampled_from(DOMAINS))
    secret = "".join(c for c in local.partition("+")[0].casefold() if c.isalnum())
    return Spelled(draw(_spelled_addresses(local, domain)), (secret,))
