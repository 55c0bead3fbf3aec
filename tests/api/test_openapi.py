"""The OpenAPI document: complete, true, and safe against whatever is generated from it."""

import importlib
import json

import hypothesis
import pytest
import requests

schemathesis = pytest.importorskip("schemathesis")
checks = importlib.import_module("schemathesis.specs.openapi.checks")

POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
STATUS_ROUTES = {"/livez", "/readyz", "/api/health", "/api/models", "/api/stats"}
OPERATIONS = [
    *(("GET", path) for path in sorted(STATUS_ROUTES)),
    *(("POST", f"/api/predict/{kind}") for kind in ("audio", "image", "video", "multimodal")),
    ("POST", "/api/batch-predict"),
    ("POST", "/api/describe"),
    ("POST", "/api/jobs"),
    ("GET", "/api/jobs"),
    ("GET", "/api/jobs/{job_id}"),
    ("GET", "/api/jobs/{job_id}/result"),
    ("DELETE", "/api/jobs/{job_id}"),
    ("POST", "/api/jobs/{job_id}/cancel"),
    ("GET", "/api/stream/schema"),
    ("GET", "/api/history"),
    ("GET", "/api/history/{number}"),
    ("POST", "/api/history/{number}/appeal"),
    ("POST", "/api/history/{number}/override"),
    ("DELETE", "/api/history/{number}"),
    ("GET", "/api/audit"),
    ("GET", "/api/audit/verify"),
    ("GET", "/api/drift"),
    ("POST", "/api/drift/{media}/accept"),
    ("GET", "/metrics"),
    ("POST", "/api/explain"),
    ("POST", "/api/report"),
    ("POST", "/api/speakers"),
    ("GET", "/api/speakers"),
    ("GET", "/api/speakers/{id}"),
    ("DELETE", "/api/speakers/{id}"),
    ("POST", "/api/speakers/{id}/verify"),
    ("POST", "/api/speakers/identify"),
    ("POST", "/api/speakers/expire"),
]
# Nothing in a request to these could be wrong: they have no parameters.
PLAIN = {*STATUS_ROUTES, "/api/stream/schema", "/api/drift", "/metrics", "/api/speakers/expire"}
CASES = [(*one, POSITIVE) for one in OPERATIONS] + [
    (*one, NEGATIVE) for one in OPERATIONS if one[1] not in PLAIN and one != ("GET", "/api/speakers")
]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def document(service):
    return service.get("/api/openapi.json").json()


def test_every_route_is_there_and_documents_what_it_answers(document):
    found = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert found == set(OPERATIONS)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], path
            assert any(status.startswith("2") for status in operation["responses"]), path
            if (method.upper(), path) in OPERATIONS:
                assert "405" in operation["responses"], path


def test_files_and_fields_are_described(document):
    for _, path in OPERATIONS:
        if path.startswith("/api/predict") or "batch" in path:
            content = document["paths"][path]["post"]["requestBody"]["content"]
            assert set(content) == {"multipart/form-data"}
            fields = content["multipart/form-data"]["schema"]["properties"]
            settings = {"confidence_threshold", "num_frames", "stability"}
            assert set(fields) == {"files" if "batch" in path else "file", *settings}


def test_nothing_comes_from_other_hosts(service):
    text = service.get("/api/openapi.json").text
    assert "http://" not in text
    assert "https://" not in text


def send(service, case):
    """The response to a generated case, over the client of the other tests."""
    given = case.as_transport_kwargs(base_url="http://localhost")
    known = ("method", "url", "headers", "params", "data", "files", "json", "cookies")
    prepared = requests.Request(**{name: given[name] for name in known if given.get(name) is not None}).prepare()
    return service.request(prepared.method, prepared.url, content=prepared.body, headers=dict(prepared.headers))


def of(document, method, path, mode):
    return schemathesis.openapi.from_dict(document)[path][method].as_strategy(generation_mode=mode)


@pytest.mark.filterwarnings("ignore")  # of the generator
@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_generated_requests_meet_no_fault_and_nothing_undocumented(service, document, method, path, mode):
    strategy = of(document, method, path, mode)
    codes = set()

    @hypothesis.settings(
        max_examples=20, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=strategy)
    def check(case):
        response = send(service, case)
        codes.add(response.status_code)
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=CHECKS)

    check()
    assert codes
    assert codes <= {int(status) for status in document["paths"][path][method.lower()]["responses"]}


def test_an_undocumented_status_would_be_found(service, document):
    """The check above can fail."""
    less = json.loads(json.dumps(document))
    del less["paths"]["/api/predict/audio"]["post"]["responses"]["415"]
    strategy = of(less, "POST", "/api/predict/audio", POSITIVE)

    @hypothesis.settings(
        max_examples=5, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=strategy)
    def check(case):
        case.validate_response(send(service, case), checks=CHECKS)

    with pytest.raises(schemathesis.core.failures.FailureGroup, match="Undocumented status code"):
        check()
