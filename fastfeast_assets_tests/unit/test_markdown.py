"""Tables in the UI show what cells hold; nothing in one is fetched, linked or formatted."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from fastfeast_assets.assets.markdown import markdown_table

HOSTILE = (
    "![t](http://127.0.0.1:9/x.png)",
    "[t](javascript:alert(1))",
    "![t][a]",
    "<img src=http://127.0.0.1:9/x>",
    "<http://127.0.0.1:9>",
    "http://127.0.0.1:9/x",
    "see www.a.example",
    "ftp://a.example",
    "mailto:a@b.example",
    "someone@a.example",
    "`](http://a.example) ![t](http://a.example/`",
    "``![t](http://a.example)`",
    "` `` ```",
    "a | ![t](http://a.example) | b",
    "\\| ![t](http://a.example)",
    "\\\\| ![t](http://a.example)",
    "\\` ![t](http://a.example) \\`",
    "x`\n\n![t](http://a.example)\n\n`",
    "x\u2028![t](http://a.example)",
    "**b** _i_ ~~s~~ __init__",
    "&#33;[t](http://a.example)",
    "# head",
    "$$\\href{http://a.example}{x}$$",
    ":smile: {}",
)
PLAIN = ("Mona Adel", "12.50", "2026-11-19 08:00:00+00:00", "St. George", "order_id", "3 %", "███")


def shown(table: str) -> list[str]:
    """The cells of the body, as a reader with tables and addresses makes them out."""
    tokens = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(table)
    )
    inline = [token for token in tokens if token.type == "inline"]
    found = {child.type for token in inline for child in token.children or ()}
    assert found <= {"text", "code_inline"}
    assert {token.type for token in tokens if token.level == 0} == {"table_open", "table_close"}
    return ["".join(child.content for child in token.children or ()) for token in inline[2:]]


@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_in_a_cell_is_markup_or_an_address(value: str) -> None:
    table = markdown_table(("a", "b"), [(value, 1), (2, value)])
    expected = " ".join(value.splitlines()).replace("\\|", "\\¦")
    assert shown(table) == [expected, "1", "2", expected]
    # Some readers make links of whatever looks like an address, unless it is code.
    assert f"` {expected}".replace("|", "\\|") in table


@pytest.mark.parametrize("value", PLAIN)
def test_what_is_plain_stays_plain(value: str) -> None:
    table = markdown_table(("a", "b"), [(value, None)])
    assert table.splitlines()[2] == f"| {value} |  |"
    assert shown(table) == [value, ""]
