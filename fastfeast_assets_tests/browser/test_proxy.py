"""The console behind the proxy of `deploy/nginx`: who may see it, who may start something."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from fastfeast_assets_tests.browser.conftest import PATIENCE_MS, Console, answers, wait_for
from fastfeast_assets_tests.proxy import OPERATOR, VIEWER, Proxy, proxied
from fastfeast_assets_tests.waiting import free_port

pytestmark = pytest.mark.browser

START = {
    "query": "mutation { startSensor(sensorSelector: {repositoryName: \"__repository__\","
    " repositoryLocationName: \"fastfeast_assets\", sensorName: \"landing_batch\"})"
    " { __typename ... on UnauthorizedError { message } } }"
}  # fmt: skip
SUCCEEDED = {
    "query": "{ runsOrError(filter: {statuses: [SUCCESS]}, limit: 1)"
    " { ... on Runs { results { runId } } } }"
}  # fmt: skip


@pytest.fixture(scope="module")
def proxy(console: Console) -> Iterator[Proxy]:
    """The recipe before that console and one of the same home that only shows."""
    port = free_port()
    dagster = Path(sys.executable).with_name("dagster-webserver")
    workspace = str(console.home.project / "workspace.yaml")
    arguments = ["--workspace", workspace, "--host", "127.0.0.1", "--port", str(port)]
    log = console.home.directory / "viewer.log"
    environment = {
        **console.home.environment,
        "DAGSTER_HOME": str(console.home.directory / "dagster"),
    }
    with log.open("w") as output:
        viewer = subprocess.Popen(
            [dagster, *arguments, "--read-only"],
            env=environment,
            # The checkout may have a `.env` with another key, which is refused.
            cwd=environment["DAGSTER_HOME"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}"), viewer, log)
        with proxied(urlsplit(console.url).netloc, f"127.0.0.1:{port}") as proxy:
            yield proxy
    finally:
        viewer.terminate()
        viewer.wait(timeout=60)


def ask(
    url: str,
    proxy: Proxy,
    login: tuple[str, str] | None,
    body: object = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    """One request over checked TLS; gives status and text."""
    place = urlsplit(url)
    assert place.hostname is not None
    context = ssl.create_default_context(cafile=str(proxy.authority))
    plain = socket.create_connection(("127.0.0.1", place.port or 443))
    connection = http.client.HTTPConnection(place.netloc)
    connection.sock = context.wrap_socket(plain, server_hostname=place.hostname)
    headers = {"Content-Type": "application/json", **(headers or {})}
    if login is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    method = "GET" if body is None else "POST"
    connection.request(method, place.path or "/", json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def succeeded_run(proxy: Proxy) -> str:
    """The newest run that went well: other tests leave backfills and failures in the list."""
    status, text = ask(f"{proxy.console}/graphql", proxy, OPERATOR, SUCCEEDED)
    assert status == 200
    (run,) = json.loads(text)["data"]["runsOrError"]["results"]
    return str(run["runId"])


def test_nobody_gets_in_without_a_login_of_that_side(proxy: Proxy) -> None:
    for url, right, wrong in (
        (proxy.console, OPERATOR, VIEWER),
        (proxy.view, VIEWER, OPERATOR),
    ):
        assert ask(url, proxy, None)[0] == 401
        assert ask(url, proxy, wrong)[0] == 401
        status, text = ask(url, proxy, right)
        assert (status, "Dagster" in text) == (200, True)


def test_a_viewer_starts_nothing_and_an_operator_does(proxy: Proxy) -> None:
    status, text = ask(f"{proxy.view}/graphql", proxy, VIEWER, START)
    assert status == 200
    assert json.loads(text)["data"]["startSensor"]["__typename"] == "UnauthorizedError"
    status, text = ask(f"{proxy.console}/graphql", proxy, OPERATOR, START)
    assert json.loads(text)["data"]["startSensor"]["__typename"] == "Sensor"


def test_another_site_cannot_use_the_login_of_a_browser(proxy: Proxy) -> None:
    for origin, status in (
        ("https://evil.example", 403),
        ("null", 403),
        (proxy.console, 200),
    ):
        found, _ = ask(f"{proxy.console}/graphql", proxy, OPERATOR, START, {"Origin": origin})
        assert found == status, origin


def test_the_console_works_through_it(proxy: Proxy, chromium: Browser) -> None:
    """Also its web socket, and under its policy for contents."""
    context = chromium.new_context(
        http_credentials={"username": OPERATOR[0], "password": OPERATOR[1]},
        ignore_https_errors=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    troubles: list[str] = []
    frames: list[str | bytes] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda message: troubles.append(message.text) if message.type == "error" else None,
    )
    page.on("websocket", lambda it: it.on("framereceived", lambda frame: frames.append(frame)))
    page.goto(f"{proxy.console}/runs/{succeeded_run(proxy)}")
    expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible()
    page.goto(f"{proxy.console}/assets/marts/fact_order")
    expect(page.get_by_text("fact_order").first).to_be_visible()
    context.close()
    assert not troubles
    assert frames
