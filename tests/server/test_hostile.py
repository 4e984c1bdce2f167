"""Requests made up from the server's own description, right and wrong: none may make it fail."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.server.running import Running, jpegs, running

SOUND = [not_a_server_error, response_schema_conformance, status_code_conformance]
RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
ASKED = [("GET /v1/models", RIGHT), ("GET /health", RIGHT),
         *((path, mode) for path in ("POST /v1/poses", "POST /v1/export") for mode in (RIGHT, WRONG))]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.mark.parametrize(("label", "mode"), ASKED)
def test_no_request_makes_it_fail(server: Running, label: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/v1/openapi.json")
    operations = {found.ok().label: found.ok() for found in schema.get_all_operations()}
    assert set(operations) == {path for path, _ in ASKED}

    @given(case=operations[label].as_strategy(generation_mode=mode))
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=SOUND, timeout=30)

    ask()
    assert server.post("/v1/poses", jpegs(1)[0], "image/jpeg").json()["frames"][0]["people"]
