"""Egyptian mobiles and national ids in running text, in every usual spelling.

Belongs here: which digits are a person's. Dates, times, UUIDs, hashes and numbers with a
fraction are none, however many digits they have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from fastfeast_assets.ingest.judge.canonical import NATIONAL_ID_DIGITS
from fastfeast_assets.ingest.judge.found import Found

ID_DIGITS = (NATIONAL_ID_DIGITS, NATIONAL_ID_DIGITS - 1)
"""Digits of a national id; it has one less where a float took its leading 0."""

MINIMUM_MANTISSA_DIGITS = 8
"""Of an exponent form that may still be a person's number; fewer name nobody."""

_MOBILE_LENGTH = 11
_MOBILE_DIGITS = re.compile(r"(?:(?:00)?20)?0?(1[0125][0-9]{8})")
_HEX = "[0-9A-Fa-f]"
_UUID = rf"(?<![0-9A-Za-z]){_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}(?![0-9A-Za-z])"
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
_DATE = (
    rf"(?<![0-9])(?:(?:19|20)[0-9]{{2}}(?P<s>[-/.]){_MONTH}(?P=s){_DAY}(?:[T\x20]{_CLOCK})?"
    rf"|[0-9]{{4}}-{_MONTH}-{_DAY}[T\x20]{_CLOCK}"
    r"|[0-9]{1,2}(?P<t>[-/.])[0-9]{1,2}(?P=t)(?:19|20)[0-9]{2}(?![-./][0-9]))(?![0-9])"
)
_GAP = r"[\x20./_()\-]{0,3}+"
_LOOSE_GAP = r"[\x20\t./_()\-,|']{0,4}+(?:(?:\r\n?|\n)[\x20\t]{0,2}+)?+"
# Without a telltale 0 or + in front: four digits together, dashes, brackets, or thousands apart.
_UNMARKED = r"(?=[12](?:[0-9\x20./_]{0,20}(?:[0-9]{4}|[()\-])|(?:\x20[0-9]{3}){3}(?![0-9])))"


def _apart(gap: str) -> str:
    """The pattern of a mobile's digits, with or without prefix, with such gaps between them."""
    return (
        rf"(?:(?:0{gap}0{gap})?2{gap}0{gap}(?:0{gap})?|0{gap})?"
        rf"1{gap}[0125](?:{gap}[0-9]){{8}}(?![0-9])"
    )


# Every alternative starts at a boundary, reads a bounded stretch or gives nothing back: linear.
_MOBILE = (
    rf"(?P<mobile>(?<![0-9])(?:(?=[(+]{{0,2}}0|\(?\+)[(+]{{0,2}}+{_apart(_LOOSE_GAP)}"
    rf"|(?:\({{1,2}}+|{_UNMARKED}){_apart(_GAP)}))"
)
_CANDIDATE = re.compile(
    r"(?P<joined>(?<![0-9])(?:01[0125][0-9]{8}){2,}+(?![0-9]))"
    rf"|(?P<other>{_UUID}|(?<!{_HEX}){_HEX}{{32,}}+|{_DATE}|(?<![0-9]){_CLOCK}(?![0-9]))"
    r"|(?P<exponent>(?<![\w.])[0-9]++(?:\.[0-9]++)?[eE][+-]?[0-9]{1,2}(?!\w))"
    r"|(?P<grouped>(?<![\w.])(?<![0-9],)[0-9]{1,3}(?:,[0-9]{3}){3,4}(?!,?[0-9])(?:\.0++(?![0-9]))?)"
    r"|(?P<unbroken>(?<![0-9])[0-9]{10,15}(?![0-9])(?:\.0++(?![0-9]))?)"
    r"|(?P<id>(?<![0-9])[23][0-9]{0,13}(?P<sep>[\x20\t./_-])[0-9]{1,13}"
    r"(?:(?P=sep)[0-9]{1,13}){0,5}(?![0-9]))"
    rf"|{_MOBILE}"
)
_SPELLED_MOBILE = re.compile(_MOBILE)
_DATES = re.compile(_DATE)
_DIGITS = re.compile("[0-9]+")
_LOOSE = re.compile(r"[\t\r\n,|']|.{4}")
_ROW_BEFORE, _ROW_AFTER = re.compile(r"[0-9]\t"), re.compile(r"\t[0-9]")
_FRACTION = re.compile(r"\.[0-9]*[1-9]")


def mobile(digits: str) -> str | None:
    """The canonical form of digits that read as an Egyptian mobile, with or without prefix."""
    match = _MOBILE_DIGITS.fullmatch(digits)
    return "0" + match.group(1) if match else None


def whole_digits(number: str) -> str | None:
    """The digits of an integer in any form (`35.0`, `1.5e3`), without sign; None of no integer.

    Args:
        number: A decimal number of moderate exponent.
    """
    if number.isdigit():
        return number
    value = abs(Decimal(number))
    whole = value.to_integral_value()
    return f"{whole:f}" if value == whole else None


def numbers(text: str, start: int, end: int) -> Iterator[Found]:
    """The mobiles and ids in a stretch of plain text, in their order."""
    while (match := _CANDIDATE.search(text, start, end)) is not None:
        if match["other"] is not None or match["joined"] is not None:
            yield from _joined(match)
            start = match.end()
            continue
        found = _FINDERS[match.lastgroup or ""](match) or _mobile_at(match, end)
        if found is not None:
            yield found
        # What is no person's number may hold one that begins later.
        start = match.start() + 1 if found is None else found.end


def _mobile_at(match: re.Match[str], end: int) -> Found | None:
    """The mobile that begins where something else, which is none, seemed to."""
    if match.lastgroup == "mobile":
        return None
    again = _SPELLED_MOBILE.match(match.string, match.start(), end)
    return _spelled_mobile(again) if again else None


def _joined(match: re.Match[str]) -> Iterator[Found]:
    """Each of the mobiles that follow one another with nothing between."""
    if match["joined"] is not None and not _is_fraction(match):
        for start in range(match.start(), match.end(), _MOBILE_LENGTH):
            end = start + _MOBILE_LENGTH
            yield Found(start, end, match.string[start:end])


def _exponent(match: re.Match[str]) -> Found | None:
    number = match.group()
    mantissa = re.split("[eE]", number)[0].replace(".", "")
    if not MINIMUM_MANTISSA_DIGITS <= len(mantissa) <= NATIONAL_ID_DIGITS:
        return None
    return _of_number(match, whole_digits(number) or "", is_float=True)


def _grouped(match: re.Match[str]) -> Found | None:
    return _of_number(match, match.group().partition(".")[0].replace(",", ""))


def _unbroken(match: re.Match[str]) -> Found | None:
    digits, point, _ = match.group().partition(".")
    if _is_fraction(match) or _goes_on(match):
        return None
    if digits[0] == "1" and mobile(digits) and _touches_a_word(match):
        return None
    return _of_number(match, digits, is_float=bool(point))


def _of_number(match: re.Match[str], digits: str, *, is_float: bool = False) -> Found | None:
    value = mobile(digits)
    if value is None and len(digits) in ID_DIGITS:
        value = digits.zfill(NATIONAL_ID_DIGITS) if is_float else digits
    return Found(match.start(), match.end(), value) if value else None


def _spelled_id(match: re.Match[str]) -> Found | None:
    """An id whose parts stand apart, always by the same mark."""
    text, separator = match.group(), match["sep"]
    if len(text) - text.count(separator) < min(ID_DIGITS):
        return None
    parts = text.split(separator)
    if any(map(mobile, parts)) or _is_fraction(match) or _holds_a_date(match):
        return None
    if separator == "\t" and _is_within_a_row(match):
        return None
    for count in range(len(parts), 1, -1):
        digits = "".join(parts[:count])
        # One point among digits makes a number, not an id.
        if len(digits) in ID_DIGITS and (separator != "." or count > 2):
            length = len(digits) + count - 1
            return Found(match.start(), match.start() + length, digits)
    return None


def _spelled_mobile(match: re.Match[str]) -> Found | None:
    text = match.group()
    parts = _DIGITS.findall(text)
    gaps = [gap for gap in _DIGITS.split(text)[1:-1] if gap]
    digits = "".join(parts)
    if _is_fraction(match) or _holds_a_date(match):
        return None
    is_marked = digits[0] == "0" or "+" in text
    if not is_marked and (_touches_a_word(match) or _goes_on(match) or not _is_likely(parts, gaps)):
        return None
    if any(map(_LOOSE.search, gaps)) and not _is_loose_phone(parts, gaps):
        return None
    if "." in gaps and not _is_dotted_phone(parts, gaps, is_marked=is_marked, text=text):
        return None
    end = match.end()
    if text[0] == "(" and "(" not in text[1:] and match.string[end : end + 1] == ")":
        end += 1
    return Found(match.start(), end, "0" + digits[-10:])


def _is_likely(parts: list[str], gaps: list[str]) -> bool:
    """Whether digits without a telltale 0 or + in front stand as those of a phone do."""
    lengths = [len(part) for part in parts]
    is_apart = any("(" in gap or ")" in gap for gap in gaps) or set(gaps) == {"-"}
    return is_apart or max(lengths) > 3 or lengths == [1, 3, 3, 3]


def _is_loose_phone(parts: list[str], gaps: list[str]) -> bool:
    """Whether what stands apart as in a list or a table is a phone: it shows its network."""
    if "." in gaps:
        return False
    if parts[0][0] == "0":
        return len(parts[0]) > 2
    return "".join(parts).startswith("20") and max(map(len, parts)) > 2


def _is_within_a_row(match: re.Match[str]) -> bool:
    """Whether more numbers than those of an id stand apart by tab: columns of a table."""
    text, start = match.string, match.start()
    if len(match.group()) - match.group().count("\t") not in ID_DIGITS:
        return True
    before = _ROW_BEFORE.match(text, start - 2) if start > 1 else None
    return before is not None or _ROW_AFTER.match(text, match.end()) is not None


def _is_dotted_phone(parts: list[str], gaps: list[str], *, is_marked: bool, text: str) -> bool:
    """Whether points stand between the parts of a phone rather than before a fraction."""
    if len(gaps) == 1:
        return "+" in text or (len(parts[0]) == 3 and parts[0][0] == "0")
    if is_marked:
        return parts[0] != "0" or gaps[0] != "."
    return set(gaps) == {"."}


def _is_fraction(match: re.Match[str]) -> bool:
    """Whether the digits follow the point of a number."""
    text, start = match.string, match.start()
    return start > 1 and text[start - 1] == "." and text[start - 2].isdigit()


def _goes_on(match: re.Match[str]) -> bool:
    """Whether the digits are the whole part of a number with a fraction."""
    return match.group()[0] != "0" and _FRACTION.match(match.string, match.end()) is not None


def _touches_a_word(match: re.Match[str]) -> bool:
    text, start, end = match.string, match.start(), match.end()
    return text[max(start - 1, 0) : start].isalnum() or text[end : end + 1].isalnum()


def _holds_a_date(match: re.Match[str]) -> bool:
    """Whether a date begins within the digits, after their first part."""
    date = _DATES.search(match.string, match.start() + 1, match.end() + 1)
    return date is not None and date.start() < match.end()


_FINDERS = {
    "exponent": _exponent,
    "grouped": _grouped,
    "unbroken": _unbroken,
    "id": _spelled_id,
    "mobile": _spelled_mobile,
}
