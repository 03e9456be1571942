"""Known weaknesses of locked packages: what the service answers, and that no answer is never taken for a good one."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deploy import advisories, release, sbom
from deploy.advisories import NotScanned, known
from deploy.stack.layout import CHECKOUT

pytestmark = pytest.mark.fast
# Answers in the form that the documentation of the service shows.
JINJA, CLEAN = "pkg:pypi/jinja2@2.4.1", "pkg:pypi/clean@1.0"
RECORDED = {
    JINJA: [
        {"id": "GHSA-462w-v97r-4m45", "modified": "2023-03-10T05:23:41.874079Z"},
        {"id": "PYSEC-2014-8", "modified": "2023-11-08T03:57:54.134563Z"},
    ]
}
Reply = Callable[[dict[str, Any]], tuple[int, bytes]]


class Service:
    """A service that answers as it is told to; `asked` holds the requests."""

    def __init__(self, reply: Reply) -> None:
        self.asked: list[dict[str, Any]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append(asked)
                status, body = reply(asked)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Do nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/querybatch"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], Service]]:
    started: list[Service] = []

    def start(reply: Reply) -> Service:
        started.append(Service(reply))
        return started[-1]

    yield start
    for service in started:
        service.server.shutdown()
        service.server.server_close()


def recorded(asked: dict[str, Any]) -> tuple[int, bytes]:
    """Answer as the service does: a result for each query, in their order, empty where nothing is known."""
    found = [RECORDED.get(query["package"]["purl"]) for query in asked["queries"]]
    return 200, json.dumps({"results": [{"vulns": advice} if advice else {} for advice in found]}).encode()


def test_each_package_with_an_advisory_is_named_with_all_of_them(serve: Callable[[Reply], Service]) -> None:
    service = serve(recorded)
    assert known([CLEAN, JINJA], service.url) == {JINJA: ("GHSA-462w-v97r-4m45", "PYSEC-2014-8")}
    assert service.asked == [{"queries": [{"package": {"purl": CLEAN}}, {"package": {"purl": JINJA}}]}]


def test_no_advisory_is_nothing_found(serve: Callable[[Reply], Service]) -> None:
    assert known([CLEAN], serve(recorded).url) == {}


def test_many_packages_are_asked_for_in_requests_that_the_service_takes(
    serve: Callable[[Reply], Service],
) -> None:
    service = serve(recorded)
    packages = [f"pkg:pypi/p{number}@1" for number in range(advisories.MOST + 5)]
    assert known([*packages, JINJA], service.url).keys() == {JINJA}
    assert [len(asked["queries"]) for asked in service.asked] == [advisories.MOST, 6]


def test_what_stands_on_a_further_page_is_found(serve: Callable[[Reply], Service]) -> None:
    def paged(asked: dict[str, Any]) -> tuple[int, bytes]:
        results = [
            {"vulns": [{"id": "B"}]} if query.get("page_token") == "more"
            else {"vulns": [{"id": "A"}], "next_page_token": "more"} if query["package"]["purl"] == JINJA else {}
            for query in asked["queries"]
        ]  # fmt: skip
        return 200, json.dumps({"results": results}).encode()

    assert known([CLEAN, JINJA], serve(paged).url) == {JINJA: ("A", "B")}


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (405, b"", "answers 405"),
        (503, b"busy", "answers 503"),
        (200, b"<html>sign in to this network</html>", "something else"),
        (200, b'{"packages": []}', "something else"),
        (200, b"[]", "something else"),
        (200, b'{"results": []}', "for each of 2"),
        (200, b'{"results": [{}, {}, {}]}', "for each of 2"),
        (200, b'{"results": [null, {}]}', "for each of 2"),
        (200, b'{"results": [{"vulns": [{}]}, {}]}', "no id"),
    ],
)
def test_any_other_answer_is_no_scan(serve: Callable[[Reply], Service], status: int, body: bytes, says: str) -> None:
    with pytest.raises(NotScanned, match=says):
        known([CLEAN, JINJA], serve(lambda _asked: (status, body)).url)


def test_a_service_that_is_away_is_no_scan() -> None:
    with pytest.raises(NotScanned, match="does not answer"):
        known([CLEAN], "http://127.0.0.1:1/v1/querybatch")


def test_pages_without_end_are_no_scan(serve: Callable[[Reply], Service]) -> None:
    endless = json.dumps({"results": [{"next_page_token": "again"}]}).encode()
    with pytest.raises(NotScanned, match="more pages"):
        known([CLEAN], serve(lambda _asked: (200, endless)).url)


def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return code and last line of `make release-check` of this checkout, the scan for secrets left out."""
    monkeypatch.setattr(sys, "argv", ["deploy.release", *arguments])
    monkeypatch.setattr(release, "secrets", lambda _checkout: iter(()))
    code = release.main()
    return code, capsys.readouterr().out.strip().splitlines()[-1]


def test_release_check_asks_for_everything_that_is_locked(
    serve: Callable[[Reply], Service], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = serve(recorded)
    code, last = check(monkeypatch, capsys, "--advisories", service.url)
    assert (code, last.endswith("may be released")) == (0, True)
    wanted = {component["purl"] for component in sbom.document(CHECKOUT)["components"]}
    assert {query["package"]["purl"] for asked in service.asked for query in asked["queries"]} == wanted


def test_release_check_names_a_weakness_and_refuses(
    serve: Callable[[Reply], Service], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    component = next(part for part in sbom.document(CHECKOUT)["components"] if part["name"] == "orjson")
    monkeypatch.setitem(RECORDED, component["purl"], [{"id": "GHSA-x", "modified": "2026-01-01T00:00:00Z"}])
    code, last = check(monkeypatch, capsys, "--advisories", serve(recorded).url)
    assert (code, f"{component['purl']} (it runs with the system) has GHSA-x" in last) == (1, True)


def test_release_check_that_nobody_answers_refuses_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, last = check(monkeypatch, capsys, "--advisories", "http://127.0.0.1:1/")
    assert (code, last.startswith("known weaknesses: NOT LOOKED AT: ")) == (1, True)


def test_release_check_without_advisories_says_what_it_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, last = check(monkeypatch, capsys, "--without-advisories")
    assert (code, last.endswith("KNOWN WEAKNESSES OF DEPENDENCIES WERE NOT LOOKED AT")) == (0, True)
