"""One person, one hash: every spelling of a value is undone or refused, never another value."""

from __future__ import annotations

import re
import sys
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.contracts.load import load_contracts
from fastfeast_assets.contracts.model import Canonical
from fastfeast_assets.ingest.judge.canonical import canonical
from fastfeast_assets.ingest.judge.digits import written_out

CONTRACTS = load_contracts()
PATTERNS: dict[Canonical, str] = {
    "phone": CONTRACTS["customers"].column("phone").pattern or "",
    "digits": CONTRACTS["drivers"].column("national_id").pattern or "",
    "email": CONTRACTS["customers"].column("email").pattern or "",
}
FORMS = st.sampled_from(sorted(PATTERNS))
EMAIL = "mona.adel@mail.com"
ID = "312345678901234"
PHONE = "01012345678"
INVISIBLE = ["\u200b", "\u200e", "\u202a", "\u2069", "\u00ad", "\ufeff", "\ufe0f", "\u3164"]
BLANKS = ["", " ", "\u00a0", "\u3000", "\t"]


def accepted(text: str, form: Canonical) -> str | None:
    """What is hashed of a cell, or None when it is refused."""
    value = canonical(text, form)
    return value if re.fullmatch(PATTERNS[form], value) else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PHONE, PHONE),
        ("1012345678", PHONE),
        ("1012345678.0", PHONE),
        ("1012345678.00", PHONE),
        ("01012345678.0", PHONE),
        (" 01012345678\u00a0", PHONE),
        ("\u202a01012345678\u202c", PHONE),
        ("010\u200b12345678\ufeff", PHONE),
        ("1.012345678E+09", PHONE),
        ("1.012345678e9", PHONE),
        ("1.0123456780E+09", PHONE),
        ("1.01E+09", None),
        ("1E9", None),
        ("1.01234568E+09", None),
        ("1.0123456789e9", None),
        ("1.0123456785E+09", None),
        ("10123456780E-1", None),
        ("10.12345678E+08", None),
        ("1012345678.5", None),
        ("+1012345678.0", None),
        ("+1.012345678E+09", None),
        ("001012345678.0", None),
        ("+201012345678", None),
        ("00201012345678", None),
        ("1,012,345,678", None),
        ("'01012345678", None),
        ('="01012345678"', None),
        ("=01012345678", None),
        ("010 1234 5678", None),
        ("\u0660\u0661\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", None),
        ("\u0661\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668.0", None),
        ("\uff10\uff11\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", None),
        ("1312345678", None),
        ("true", None),
        ("", None),
        ("\u200b", None),
    ],
)
def test_a_phone_is_one_number_or_none(text: str, expected: str | None) -> None:
    assert accepted(text, "phone") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ID, ID),
        (f"{ID}.0", ID),
        ("3.12345678901234E+14", ID),
        ("\u200e312345678901234 ", ID),
        ("12345678901234.0", "012345678901234"),
        ("12345678901234", None),
        ("2.98E+14", None),
        ("3.1234567890123E+14", None),
        ("00312345678901234.0", None),
        (f"{ID}.5", None),
        (f"'{ID}", None),
        ("312-345-678-901-234", None),
        ("9" * 10_000 + ".0", None),
    ],
)
def test_a_national_id_is_one_number_or_none(text: str, expected: str | None) -> None:
    assert accepted(text, "digits") == expected


def test_a_float_that_skips_whole_numbers_says_none() -> None:
    assert canonical("9007199254740991.0", "digits") == "9007199254740991"
    assert canonical("9007199254740993.0", "digits") == "9007199254740993.0"
    assert canonical("1.2345678901234568e16", "digits") == "1.2345678901234568e16"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Mona.Adel@Mail.COM ", EMAIL),
        ("mailto:mona.adel@mail.com", EMAIL),
        ("MailTo: mona.adel@mail.com", EMAIL),
        ("<mailto:mona.adel@mail.com>", EMAIL),
        ('"mona.adel@mail.com"', EMAIL),
        ("'mona.adel@mail.com'", EMAIL),
        ("< mona.adel@mail.com >", EMAIL),
        ("\"'<mona.adel@mail.com>'\"", EMAIL),
        ("\u00a0mona.adel@mail.com\u2003", EMAIL),
        ("mona\u200b.adel@mail.com", EMAIL),
        ("\u202amona.adel@mail.com\u202c", EMAIL),
        ("mona\u00ad.adel@ma\ufe0fil.com\ufeff", EMAIL),
        ("\uff4dona\uff0eadel\uff20mail.com", EMAIL),
        ("\uff1cmona.adel@mail.com\uff1e", EMAIL),
        ("rene\u0301@mail.com", "ren\u00e9@mail.com"),
        ("REN\u00c9@mail.com", "ren\u00e9@mail.com"),
        ("H\u0331ani@mail.com", "\u1e96ani@mail.com"),
        ("\u0645\u0646\u0649@mail.com", "\u0645\u0646\u0649@mail.com"),
        ("o'brien+x_y-z@mail-2.eg.com", "o'brien+x_y-z@mail-2.eg.com"),
        ("'mona.adel@mail.com", None),
        ("mona.adel'@mail.com", None),
        ('"mona.adel@mail.com', None),
        ('"mona adel"@mail.com', None),
        ("Mona Adel <mona.adel@mail.com>", None),
        ("mona.adel@mail.com, adel@mail.com", None),
        ("mona.adel@mail.com;a.com", None),
        ("mona.adel%40mail.com", None),
        ("mona%2eadel@mail.com", None),
        ("mona=2eadel@mail.com", None),
        ("mailto:mona.adel@mail.com?cc=a@b.com", None),
        ("mailto:mona.adel@mail.com?subject=x.com", None),
        ("mailto:", None),
        ("email:mona.adel@mail.com", None),
        ("=mona.adel@mail.com", None),
        ("mona.adel@mail.com.", None),
        (".mona@mail.com", None),
        ("mona.@mail.com", None),
        ("mona..adel@mail.com", None),
        ("m**a@mail.com", None),
        ("m?na@mail.com", None),
        ("mona\\adel@mail.com", None),
        ("mona\x07@mail.com", None),
        ("mona\u2028adel@mail.com", None),
        ("mona\u0662@mail.com", None),
        ("mona@m\u00e4il.com", None),
        ("mona@-mail.com", None),
        ("mona@mail_x.com", None),
        ("mona@[10.0.0.1].com", None),
        ("mona@@mail.com", None),
        ("\u0600mona@mail.com", None),
        ("true", None),
    ],
)
def test_an_address_is_one_address_or_none(text: str, expected: str | None) -> None:
    assert accepted(text, "email") == expected


CLEAN_EMAILS = st.from_regex(
    r"[a-z0-9]{1,8}([._+-][a-z0-9]{1,5}){0,2}@[a-z0-9]{1,8}\.com", fullmatch=True
)


@given(CLEAN_EMAILS)
def test_the_hash_of_a_clean_address_stays_what_it_was(email: str) -> None:
    assert accepted(email, "email") == email
    assert accepted(email.upper(), "email") == email


@given(
    email=CLEAN_EMAILS,
    marks=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(INVISIBLE)), max_size=4),
    around=st.lists(st.sampled_from([*'"<', "'", "mailto:", "MAILTO:", *BLANKS]), max_size=4),
    is_wide=st.booleans(),
    is_upper=st.booleans(),
    close=st.booleans(),
)
def test_all_spellings_of_an_address_that_are_taken_are_one(
    *,
    email: str,
    marks: list[tuple[int, str]],
    around: list[str],
    is_wide: bool,
    is_upper: bool,
    close: bool,
) -> None:
    text = email.upper() if is_upper else email
    if is_wide:
        text = "".join(chr(ord(c) + 0xFEE0) for c in text)
    for place, mark in marks:
        text = text[:place] + mark + text[place:]
    for wrapper in around:
        closing = {"<": ">", '"': '"', "'": "'"}.get(wrapper, "") if close else ""
        text = f"{wrapper}{text}{closing}"
    assert accepted(text, "email") in (email, None)
    if close or not {"<", '"', "'"} & {*around}:
        assert accepted(text, "email") == email


@given(
    number=st.integers(10**8, 3 * 10**9 - 1),
    digits=st.integers(0, 12),
    style=st.sampled_from(["{:.{n}E}", "{:.{n}e}", "{:.{n}f}", "{:.1f}", "0{}", "+{}", "{}"]),
)
def test_no_spelling_of_a_number_becomes_the_phone_of_somebody_else(
    number: int, digits: int, style: str
) -> None:
    phone = accepted(style.format(number, n=digits), "phone")
    assert phone in (f"0{number}", None)


@given(st.integers(0, 10**15), st.integers(0, 20))
def test_an_exponent_form_is_written_out_only_with_all_its_digits(number: int, digits: int) -> None:
    text = f"{number:.{digits}E}"
    if digits >= len(str(number)) - 1:
        assert written_out(text) == str(number)
    else:
        assert written_out(text) == text


@given(st.text() | st.text(st.sampled_from("0123456789.eE+-'\"<> @mailto:")), FORMS)
def test_a_canonical_form_is_its_own(text: str, form: Canonical) -> None:
    once = canonical(text, form)
    assert canonical(once, form) == once
    if form == "email":
        assert once.isascii() or unicodedata.is_normalized("NFKC", once)


def test_no_character_of_unicode_gives_an_address_two_forms() -> None:
    """In an address, its form is stable, and only what shows as nothing is left out."""
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        category = unicodedata.category(character)
        is_plain = category == "Lo" and unicodedata.is_normalized("NFKC", character)
        if is_plain or category in {"Cn", "Co", "Cs"}:
            continue
        once = canonical(f"a{character}b@mail.com", "email")
        assert canonical(once, "email") == once, hex(code)
        assert once != "ab@mail.com" or category in {"Cf", "Mn", "Lo"}, hex(code)


@pytest.mark.parametrize("text", ["<" * 2_000_000 + ">" * 2_000_000, "mailto:" * 500_000])
def test_what_stands_around_an_address_is_taken_off_in_linear_time(text: str) -> None:
    assert canonical(text, "email") == ""


def test_decimals_of_any_length_are_read() -> None:
    assert written_out("1." + "0" * 40 + "E+01") == "10"
    assert written_out("1." + "0" * 41 + "E+01") == "1." + "0" * 41 + "E+01"
    assert Decimal(written_out("0E+0")) == 0
