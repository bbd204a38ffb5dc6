"""The document that describes the routes, from the real service."""

import re

import httpx
import pytest
from clients.real_service import RealService
from oricode_service.transports.openapi import OPERATIONS, document
from starlette.routing import Route


async def test_the_service_describes_every_route_it_has_and_none_it_has_not(tmp_path):
    async with RealService(tmp_path) as service, httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        described = (await http.get("/openapi.json")).json()
        assert {(m.upper(), p) for p, methods in described["paths"].items() for m in methods} == set(OPERATIONS)
        for method, path in OPERATIONS:
            filled = re.sub(r"{\w+}", "none", path)
            answer = await http.request(method, filled, headers={"X-API-Key": "wrong"}, json={})
            assert answer.status_code not in (405, 500, 501), (method, path)
            takes_a_key = bool(described["paths"][path][method.lower()]["security"])
            assert (answer.status_code == 401) == (takes_a_key and path != "/metrics"), (method, path)


def test_a_route_that_nobody_described_stops_the_start():
    with pytest.raises(KeyError):
        document([Route("/api/new", lambda request: None, methods=["GET"])])


def test_every_reference_leads_to_a_schema():
    described = document([Route(path, lambda request: None, methods=[method]) for method, path in OPERATIONS])
    schemas = described["components"]["schemas"]
    references = re.findall(r"#/components/schemas/(\w+)", repr(described))
    assert references
    assert set(references) <= set(schemas)
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_what_the_path_says_is_not_asked_for_in_the_body():
    schemas = document([])["components"]["schemas"]
    assert "run" not in schemas["FeedbackCommand"]["properties"]
    assert schemas["FeedbackCommand"]["required"] == ["rating"]
