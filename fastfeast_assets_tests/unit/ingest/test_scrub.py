"""Persons in free text: found in every usual spelling, under the hash of their own column."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastfeast_assets.ingest.judge import identities
from fastfeast_assets.ingest.judge.mask import UNNAMED, Masker, scrub_column
from fastfeast_assets.ingest.judge.scrub import person_of
from fastfeast_assets_tests.persons import Spelled, spelled_persons

MASKER = Masker(b"0123456789abcdef0123456789abcdef", "hkdf")
MOBILE, ID, EMAIL = "01012345678", "312345678901234", "mona.adel@mail.com"


@pytest.mark.parametrize(
    "text",
    [
        "01012345678",
        "1012345678",
        "1012345678.0",
        "01012345678.00",
        "1.012345678E+09",
        "2.01012345678e11",
        "201012345678",
        "+201012345678",
        "00201012345678",
        "2001012345678",
        "+20 101 234 5678",
        "+2 010 1234 5678",
        "+2 01012345678",
        "2 010 1234 5678",
        "20 10 1234 5678",
        "20-1012345678",
        "(+20) 10 1234 5678",
        "+20 (10) 1234-5678",
        "+20 (0) 10 1234 5678",
        "0020-10-1234-5678",
        "0 10 1234 5678",
        "(010) 1234 5678",
        "(010)12345678",
        "010 - 1234 - 5678",
        "010.1234.5678",
        "010.12345678",
        "10.1234.5678",
        "010/1234/5678",
        "010_1234_5678",
        "010\u20111234\u20135678",
        "010\u00a01234\u202f5678",
        "010\u00b71234\u00b75678",
        "1 012 345 678",
        "1,012,345,678",
        "\u0660\u0661\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "\uff10\uff11\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "\u200f0\u200b1\u200b0\u200b1\u200b2345678\u200e",
        "0\ufe0f\u20e31\ufe0f\u20e30\ufe0f\u20e312345678",
        "%2B20%20101%20234%205678",
        "010%2D1234%2D5678",
        "010&nbsp;1234&#45;5678",
        "\\u0030\\u0031012345678",
        "0101\x002345678",
        "0101234\u31645678",
        "0101234\u115f5678",
        "0101234\u11605678",
        "0101234\uffa05678",
        "010&amp;nbsp;1234&amp;#45;5678",
        "010\t1234\t5678",
        "010\n1234\n5678",
        "010\r\n1234\r\n5678",
        "010 1234-\n5678",
        "+20\t10\t1234\t5678",
        "010,12345678",
        "0101234,5678",
        "010, 1234, 5678",
        "010\u060c1234\u060c5678",
        "010|12345678",
        "010'1234'5678",
        "010\u20191234\u20195678",
        "+20|10|1234|5678",
        "010 -- 1234 -- 5678",
        "010    1234    5678",
    ],
)
def test_a_mobile_in_any_spelling_has_the_same_hash(text: str) -> None:
    assert person_of(text) == MOBILE
    assert MASKER.hide(MOBILE) in MASKER.scrub(f"call {text}, please")
    assert not set("345678") <= set(MASKER.scrub(text).replace(MASKER.hide(MOBILE), ""))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (ID, ID),
        (f"{ID}.0", ID),
        ("3.12345678901234E+14", ID),
        ("312 3456 7890 1234", ID),
        ("3-12-34-56-78-90-1234", ID),
        ("312,345,678,901,234", ID),
        ("312\t345\t678\t901\t234", ID),
        ("312\u3164345\uffa0678901234", ID),
        ("29801011234567", "29801011234567"),
        ("2 980101 1234567", "29801011234567"),
        ("298_0101_1234567", "29801011234567"),
        ("12345678901234.0", "012345678901234"),
        (
            "\u0663\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0662\u0663\u0664",
            ID,
        ),
    ],
)
def test_an_id_in_any_spelling_has_the_same_hash(text: str, value: str) -> None:
    assert person_of(text) == value
    assert MASKER.scrub(f"id={text};") == f"id={MASKER.hide(value)};"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (EMAIL, EMAIL),
        ("Mona.Adel@Mail.COM", EMAIL),
        ("mona.adel @ mail . com", EMAIL),
        ("mona.adel@ mail.com", EMAIL),
        ("mona.adel\uff20mail.com", EMAIL),
        ("mona.adel%40mail.com", EMAIL),
        ("mona.adel%2540mail.com", EMAIL),
        ("mona.adel&#64;mail.com", EMAIL),
        ("mona.adel&#x40;mail.com", EMAIL),
        ("mona.adel&amp;#64;mail.com", EMAIL),
        ("mona.adel&amp;amp;amp;amp;amp;amp;#64;mail.com", EMAIL),
        ("mona.adel&amp;commat;mail.com", EMAIL),
        ("mona.adel\\u0026amp;#x40;mail.com", EMAIL),
        ("mona.adel%26%2364%3Bmail.com", EMAIL),
        ("mona.adel&#38;#64;mail.com", EMAIL),
        ("mona.adel&commat;mail.com", EMAIL),
        ("mona.adel\\u0040mail.com", EMAIL),
        ("mona.adel%u0040mail.com", EMAIL),
        ("\u201cmona.adel\u201d@mail.com", EMAIL),
        ("mona\u200b.adel@mail\u200d.com", EMAIL),
        ('"mona.adel"@mail.com', EMAIL),
        ('"mona adel"@mail.com', '"mona adel"@mail.com'),
        ("mona.adel+x@mail.example.com", "mona.adel+x@mail.example.com"),
        ("mona@localhost", "mona@localhost"),
        ("mona@[10.0.0.1]", "mona@[10.0.0.1]"),
        ("\u0645\u064f\u0646\u0649@\u0628\u0631\u064a\u062f.\u0645\u0635\u0631",) * 2,
        ("%D9%85%D9%86%D9%89@mail.com", "\u0645\u0646\u0649@mail.com"),
        ("jose\u0301@mail.com", "jos\u00e9@mail.com"),
        ("mona@m\u00fcller.de", "mona@m\u00fcller.de"),
        ("01012345678@mail.com", "01012345678@mail.com"),
    ],
)
def test_an_address_in_any_spelling_has_the_same_hash(text: str, value: str) -> None:
    assert person_of(text) == value
    assert MASKER.scrub(f"<{text}>") == f"<{MASKER.hide(value)}>"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("mailto:{e}?x=1", "mailto:{E}?x=1"),
        ("https://x.eg/?email={e}&next=1", "https://x.eg/?email={E}&next=1"),
        ("'{e}', \u201c{e}\u201d; {e}.", "'{E}', \u201c{E}\u201d; {E}."),
        ("tel:{m};{m},{m}", "tel:{M};{M},{M}"),
        ("{m} 300 {m}", "{M} 300 {M}"),
        ("2026-11-20 {m} 2026-11-20", "2026-11-20 {M} 2026-11-20"),
        ("phone_{m}", "phone_{M}"),
        (
            "\u0631\u0642\u0645{m}\u060c \u0634\u0643\u0631\u0627",
            "\u0631\u0642\u0645{M}\u060c \u0634\u0643\u0631\u0627",
        ),
        ("ID{i}/{m}", "ID{I}/{M}"),
        ("{e} {m} {i}", "{E} {M} {I}"),
        ("tel:0101234,5678,3", "tel:{M},3"),
        ("call {m}{m}!", "call {M}{M}!"),
        ("{m}{m}{m}", "{M}{M}{M}"),
        (
            "a &amp;amp; b &amp;lt;{e}&amp;gt; &amp;amp;",
            "a &amp;amp; b &amp;lt;{E}&amp;gt; &amp;amp;",
        ),
    ],
)
def test_only_the_person_is_taken_out(text: str, scrubbed: str) -> None:
    hashes = {"E": MASKER.hide(EMAIL), "M": MASKER.hide(MOBILE), "I": MASKER.hide(ID)}
    given_text = text.format(e=EMAIL, m=MOBILE, i=ID)
    assert MASKER.scrub(given_text) == scrubbed.format(**hashes)


ORDINARY = [
    "",
    "@",
    "hi @mona, lunch @ 5.30pm, 2 items @ 12.50 EGP",
    "Grill \u201cn\u201d Chill, caf\u00e9 No. 12",
    "\u0627\u0644\u0633\u0639\u0631 120 \u062c\u0646\u064a\u0647 \u064a\u0648\u0645 2026-11-20",
    "359.48",
    "4.166666666666667",
    "4.16666666666666 3.12345678901234 0.30000000000000004 0.1012345678 20.1012345678",
    "100.50 200.00 12345678.90 1,234.50 1,512,345.75 1512345678.25",
    "1.01E+09 2.98E+14",
    "c45ac077-5c7e-4c71-8e2f-a0b638753f83",
    "00000000-0000-4000-8000-201012345678",
    "order 12345678-1234-4123-8123-123456789012 is late",
    "d41d8cd98f00b204e9800998ecf8427e",
    "12345678901234567890123456789012",
    "2026-11-20 08:24:18.201629 2026-11-20 08:24:18",
    "2026-11-20T08:24:18.123456+02:00",
    "10/12/2026 15:30, 15 2026-11-20, 12.11.2026",
    "orders 2026-11-20-08-24-18",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "at 10 11 12 13 14 o'clock, 100% of &amp; 50 %",
    "19123 02 27922222 12345 1763625600 1763625600123",
    "0,10,20,30,40,50 [0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1] 0|10|1234|5678|",
    "0\t10\t12\t34\t56\t78 0    10    12    34    56    78",
    "10\t1234\t5678\n20\t1512\t345678\n1\n012\n345\n678",
    "250\t300\t120\t450\t320\t110\n5\t250\t300\t120\t450\t320\n350.00\t120.50\t99.00\t20.00",
    "+10, 12, 34, 56, 78 0.10,1234,5678 012.50,1234.56",
    "012\t2026-11-20 0.0101234567801012345678 1.01012345678",
    "010\n\n1234\n\n5678",
    "&amp;amp; &amp;lt;b&amp;gt; 50%2525 &amp;unknown;",
    "20% off & free", "C:\\users\\ab", "a\u0000b",
]  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert MASKER.scrub(text) == text


@given(st.datetimes(), st.uuids(), st.decimals(0, 10**7, places=2), st.floats(0, 1))
def test_moments_uuids_amounts_and_rates_stay(
    moment: object, key: object, amount: object, rate: float
) -> None:
    text = f"{moment} {key} {amount}; {rate:.17f} {key}"
    assert MASKER.scrub(text) == text


@given(st.text("abcdefgh \u0645\u0631\u062d\u0628\u0627.,;:!?'\"()-_\n", max_size=200))
def test_words_stay(text: str) -> None:
    assert MASKER.scrub(text) == text


AROUND = st.text(
    st.sampled_from("ab \u0645\u0631\u200b\u200f.,;:!?'\"<>[]{}|/\\=&#\n\t\u201c\u060c"), max_size=9
)


@given(st.lists(st.tuples(AROUND, spelled_persons()), min_size=1, max_size=4), AROUND)
@example([(" ", Spelled("20-10-2000-0000", ("1020000000",)))], " ")
@example([(" ", Spelled("1 012 345 678", ("1012345678",)))], " ")
def test_no_person_survives_in_any_surroundings(parts: list[tuple[str, Spelled]], end: str) -> None:
    text = " ; ".join(f"{around} {person.text} {around}" for around, person in parts) + " ; " + end
    scrubbed = MASKER.scrub(text)
    visible = re.sub("[0-9A-F]{64}", "#", scrubbed)
    for _, person in parts:
        for secret in person.secrets:
            assert secret not in normalised(visible), (text, scrubbed)
    assert MASKER.scrub(scrubbed) == scrubbed


@given(st.text(st.sampled_from("0123456789012 0+-./@()%ab\u0661\u200b\"_,e\t\n|'"), max_size=60))
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    scrubbed = MASKER.scrub(text)
    assert MASKER.scrub(scrubbed) == scrubbed


@settings(max_examples=20)
@given(st.lists(st.none() | spelled_persons().map(str) | st.sampled_from(ORDINARY)))
def test_a_column_is_scrubbed_like_its_cells(cells: list[str | None]) -> None:
    column = pa.array([c and c.replace("\x00", "") for c in cells], type=pa.large_string())
    expected = [c and MASKER.scrub(c) for c in column.to_pylist()]
    assert scrub_column(column, MASKER.scrub).to_pylist() == expected


@pytest.mark.parametrize("filler", "\u115f\u1160\u3164\uffa0")
def test_a_column_with_invisible_letters_is_scrubbed(filler: str) -> None:
    column = pa.array([filler.join(MOBILE)], type=pa.large_string())
    assert scrub_column(column, MASKER.scrub).to_pylist() == [MASKER.hide(MOBILE)]


def test_a_scrubbed_cell_fits_its_column() -> None:
    column = pa.array([EMAIL, "x" * 50, None], type=pa.large_string())
    assert scrub_column(column, MASKER.scrub, 36).to_pylist() == [
        MASKER.hide(EMAIL)[:36],
        "x" * 50,
        None,
    ]


@pytest.mark.parametrize(
    "unit",
    ["x", "a@", "1", "1 ", "2-33-", "01 ", "10-", ".", '"', "%25", "1.1e", "a @ ", "\u200b1", "(",
     "&a", "a.", "abcdef01 ", "1,012,", "+2 0 1", "\\u0031", "20 10 12 ",
     "&amp;", "amp;", "&#38;", "010\t", "01\r\n", "0,|' ", "01099991124", "\u3164" "1", "2\t3"],
)  # fmt: skip
def test_a_hostile_text_costs_its_length(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes for one field of 10 MB: candidates were looked for again within each other."""
    looks: list[int] = []
    candidate = identities._CANDIDATE
    monkeypatch.setattr(identities, "_CANDIDATE", Counting(candidate, looks))
    text = unit * (30_000 // len(unit)) + " mona@mail.com 1"
    MASKER.scrub(text)
    assert len(looks) <= len(text)
    assert sum(looks) <= 60 * len(text)


class Counting:
    """A pattern that notes how far each search went: from its start to the end of the match."""

    def __init__(self, pattern: re.Pattern[str], looks: list[int]) -> None:
        self._pattern, self._looks = pattern, looks

    def search(self, text: str, start: int, end: int) -> re.Match[str] | None:
        match = self._pattern.search(text, start, end)
        self._looks.append((match.end() if match else end) - start)
        return match


def test_cells_without_a_hint_are_not_looked_at() -> None:
    looked_at: list[str] = []

    def scrub(text: str) -> str:
        looked_at.append(text)
        return text

    cells = ["Ticket created", "c45ac077-5c7e-4c71-8e2f-a0b638753f83", "Mona Adel", EMAIL, None]
    scrub_column(pa.array(cells, type=pa.large_string()), scrub)
    assert looked_at == [EMAIL]


def normalised(text: str) -> str:
    """The text with everything but letters and digits, of one spelling, left out."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() else c for c in folded if c.isalnum()
    )


@given(st.lists(spelled_persons().map(str), min_size=1), st.text(max_size=9))
def test_what_is_compared_between_loads_has_no_hash(persons: list[str], end: str) -> None:
    text = f"{' ; '.join(persons)} ; {end}"
    scrubbed = Masker.scrub_lasting(text)
    assert UNNAMED in scrubbed
    assert scrubbed == re.sub("[0-9A-F]{64}", UNNAMED, MASKER.scrub(text))
    assert Masker.scrub_lasting(scrubbed) == scrubbed
