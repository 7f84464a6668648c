"""Who may ask the dashboard for what: this machine, by its own name, to look."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from evolora.dashboard.own_names import host_name
from evolora.dashboard.server import make_app


def client(folder: Path, base_url: str, host: str = "127.0.0.1") -> TestClient:
    return TestClient(make_app([folder], host), base_url=base_url)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8765", "http://localhost:9999", "http://[::1]:8765", "http://LocalHost"]
)
def test_this_machine_is_answered_by_each_of_its_names(tmp_path: Path, address: str) -> None:
    assert client(tmp_path, address).get("/").status_code == 200


@pytest.mark.parametrize(
    "address", ["http://evil.example", "http://127.0.0.1.evil.example", "http://10.0.0.7:8765", "http://localhost.evil"]
)
def test_a_name_that_was_pointed_at_this_machine_is_refused(tmp_path: Path, address: str) -> None:
    for path in ("/", "/api/runs", "/page/main.js", "/api/news"):
        assert client(tmp_path, address).get(path).status_code == 421


def test_an_absent_host_is_refused(tmp_path: Path) -> None:
    assert client(tmp_path, "http://127.0.0.1").get("/", headers={"host": ""}).status_code == 421


def test_listening_everywhere_accepts_addresses_but_no_foreign_names(tmp_path: Path) -> None:
    assert client(tmp_path, "http://192.168.1.5:8765", "0.0.0.0").get("/").status_code == 200
    assert client(tmp_path, "http://evil.example", "0.0.0.0").get("/").status_code == 421


def test_an_address_given_by_the_user_is_answered(tmp_path: Path) -> None:
    assert client(tmp_path, "http://192.168.1.5:8765", "192.168.1.5").get("/").status_code == 200
    assert client(tmp_path, "http://192.168.1.6:8765", "192.168.1.5").get("/").status_code == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_looking_is_allowed(tmp_path: Path, method: str) -> None:
    for path in ("/", "/api/runs", "/api/runs/abc", "/nowhere"):
        answer = client(tmp_path, "http://127.0.0.1").request(method, path)
        assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD"


def test_every_answer_carries_the_policy_even_a_refusal(tmp_path: Path) -> None:
    local = client(tmp_path, "http://127.0.0.1")
    answers = [local.get("/"), local.get("/api/runs"), local.get("/nowhere"), local.post("/")]
    for answer in [*answers, client(tmp_path, "http://evil.example").get("/")]:
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe-eval" not in str(policy) and "http" not in str(policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("header", "name"),
    [("a.b:80", "a.b"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("A", "a"), ("", ""), ("[", ""), (":80", "")],
)
def test_a_host_header_is_read_without_its_port(header: str, name: str) -> None:
    assert host_name(header) == name
