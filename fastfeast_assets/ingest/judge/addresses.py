"""E-mail addresses in running text of any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from fastfeast_assets.ingest.judge.canonical import canonical
from fastfeast_assets.ingest.judge.found import Found

# Everything may stand in an address but blanks, control characters and what usually stands
# around one; letters and marks of every script may.
_NO_WORD = (
    r"\x7f-\xa1\u00ab\u00bb\u00bf\u060c\u061b\u061f\u066a-\u066d\u06d4\u2000-\u206f\u3000-\u303f"
)
_LOCAL = rf'[^\x00-\x20"(),/:;<=>?@\[\\\]`&{{|}}{_NO_WORD}]'
_LABEL = rf"[^\x00-\x2c./:-@\[-^`{{-~{_NO_WORD}]"
_DOMAIN = rf"{_LABEL}++(?:\.{_LABEL}++)*+"
# Every alternative starts at a boundary and gives nothing back: linear in the length of the text.
_ADDRESS = re.compile(
    rf'(?P<local>(?<!{_LOCAL}){_LOCAL}++|"[^"\r\n]{{1,64}}+")'
    rf"(?:@++(?P<domain>{_DOMAIN}|\[[^\]\s]{{1,64}}+\])(?:{_LOCAL}*+@++{_DOMAIN})*+"
    rf"|(?:\x20{{1,3}}+@\x20{{0,3}}+|@\x20{{1,3}}+)"
    rf"(?P<loose>{_LABEL}++(?:(?:\.|\x20\.\x20){_LABEL}++)++))"
)
_TOP_LEVEL = re.compile(r"(?:[^\W\d_]\w*|xn--[0-9a-z-]+)", re.IGNORECASE)
_DOT_ATOM = re.compile(r'"([^\s"@\\,;:<>()\[\].]+(?:\.[^\s"@\\,;:<>()\[\].]+)*)"')
_HASH = re.compile(r"[0-9a-f]{64}")
# Marks of quotation and emphasis that people put before a word.
_LEADING = ".'*-~"
_TRAILING = "-_"


def addresses(text: str) -> Iterator[Found]:
    """The addresses in plain text, in their order, each with its canonical form.

    Blanks around the `@` are allowed where a whole domain follows (`name @ host . com`).
    """
    for match in _ADDRESS.finditer(text):
        local, loose = match["local"], match["loose"]
        start = match.start()
        if local[0] != '"':
            start += len(local) - len(local.lstrip(_LEADING))
        local = _DOT_ATOM.sub(r"\1", local.lstrip(_LEADING))
        domain = (loose or match["domain"]).replace(" ", "").rstrip(_TRAILING)
        is_hash = any(map(_HASH.fullmatch, domain.split(".")))
        if not local or not domain or is_hash or (loose is not None and not _is_host(domain)):
            continue
        value = unicodedata.normalize("NFC", f"{local}@{domain}")
        end = match.end()
        end -= len(match.group()) - len(match.group().rstrip(_TRAILING))
        yield Found(start, end, canonical(value, "email"))


def _is_host(domain: str) -> bool:
    """Whether it can only be a domain: its last part is a word."""
    last = domain.rpartition(".")[2]
    return len(last) > 1 and _TOP_LEVEL.fullmatch(last) is not None
