"""The recipe of `deploy/nginx` at work: Debian's nginx before a console, TLS and logins."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from fastfeast_assets_tests.waiting import answers_at, free_port, until

NGINX = "/usr/sbin/nginx"
RECIPE = Path(__file__).parents[1] / "deploy" / "nginx" / "fastfeast.conf"
OPERATOR = ("olga", "an operator's password")
VIEWER = ("victor", "a viewer's password")


@dataclass(frozen=True)
class Proxy:
    """A running proxy.

    Attributes:
        console: URL for operators.
        view: URL for viewers.
        authority: File of the authority of its certificate.
    """

    console: str
    view: str
    authority: Path


@contextmanager
def proxied(console: str, view: str) -> Iterator[Proxy]:
    """The recipe, with other ports, names and places.

    Args:
        console: Host and port of the operators' console.
        view: Host and port of the one that only shows.
    """
    directory = Path(tempfile.mkdtemp(prefix="ffnginx-"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "authority.pem")
    certificate = authority.issue_cert("console.localhost", "view.localhost")
    certificate.private_key_pem.write_to_path(directory / "console.key")
    for link in certificate.cert_chain_pems:
        link.write_to_path(directory / "console.pem", append=True)
    for file, (name, password) in (("operators", OPERATOR), ("viewers", VIEWER)):
        subprocess.run(
            ["/usr/bin/htpasswd", "-iBc", directory / f"{file}.htpasswd", name],
            input=password,
            text=True,
            check=True,
            capture_output=True,
        )
    plain, secure = free_port(), free_port()
    recipe = RECIPE.read_text()
    for text, other in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
        ("https://console.example", f"https://console.localhost:{secure}"),
        ("https://view.example", f"https://view.localhost:{secure}"),
        ("console.example", "console.localhost"),
        ("view.example", "view.localhost"),
        ("127.0.0.1:3000", console),
        ("127.0.0.1:3001", view),
        ("/etc/fastfeast/tls", str(directory)),
        ("/etc/fastfeast", str(directory)),
    ):
        assert text in recipe, text
        recipe = recipe.replace(text, other)
    worker = "user root;" if os.geteuid() == 0 else ""
    places = "".join(
        f"{kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"{worker} pid {directory}/pid; daemon off; events {{}}\n"
        f"http {{ access_log off; {places}\n{recipe}\n}}\n"
    )
    process = subprocess.Popen(
        [NGINX, "-e", directory / "error.log", "-c", directory / "nginx.conf"]
    )
    try:
        until(lambda: answers_at(secure), "nginx", log=directory / "error.log")
        yield Proxy(
            f"https://console.localhost:{secure}",
            f"https://view.localhost:{secure}",
            directory / "authority.pem",
        )
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(directory)
