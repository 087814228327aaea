"""The description of the API is true: whatever it allows is answered as it says, and whatever it forbids is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from fakes import START
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from lxml import html as lxml_html
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from website import BASE, Site, open_site

API = re.compile(r"^/api/v1/")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def description(site: Site) -> Any:
    return site.json("/openapi.json")


def test_every_path_of_the_api_is_described(site: Site) -> None:
    described = {(path, method) for path, methods in description(site)["paths"].items() for method in methods}
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in site.client.application.url_map.iter_rules()
        if API.match(rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == served


def test_names_that_the_description_refers_to_are_there(site: Site) -> None:
    told = description(site)
    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": BASE}]
    referred = set(re.findall(r"#/components/schemas/(\w+)", site.client.get("/openapi.json").text))
    assert referred <= told["components"]["schemas"].keys()
    operations = [operation for methods in told["paths"].values() for operation in methods.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)


def test_topics_are_described_by_their_names(site: Site) -> None:
    parameters = description(site)["paths"]["/api/v1/stories"]["get"]["parameters"]
    [topic] = [each for each in parameters if each["name"] == "topic"]
    pattern = re.compile(topic["schema"]["pattern"])
    assert all(pattern.search(name) for name in ("finance", "workforce", "all", "untagged", "finance+workforce", "finance,all"))
    assert not any(pattern.search(name) for name in ("", "Finance", "nosuch", "finance+", "finance;all"))


def test_the_page_for_people_tells_every_path_and_every_schema(site: Site) -> None:
    root = lxml_html.document_fromstring(site.client.get("/docs").text)
    told = description(site)
    heads = [heading.text_content() for heading in root.xpath("//section/h2")]
    assert heads == [f"{method.upper()} {path}" for path, methods in told["paths"].items() for method in methods]
    assert [heading.text_content() for heading in root.xpath("//h3")] == list(told["components"]["schemas"])
    assert {link.get("href")[1:] for link in root.xpath("//a[starts-with(@href, '#schema')]")} <= set(root.xpath("//@id"))


@pytest.mark.parametrize(("path", "default"), [("stories", 50), ("stories.csv", 100), ("changes", 100), ("review", 20)])
def test_what_counts_if_nothing_is_said_is_told(site: Site, path: str, default: int) -> None:
    operation = description(site)["paths"][f"/api/v1/{path}"]["get"]
    [schema] = [each["schema"] for each in operation["parameters"] if each["name"] == "limit"]
    assert (schema["minimum"], schema["maximum"], schema["default"]) == (1, 100, default)
    root = lxml_html.document_fromstring(site.client.get("/docs").text)
    [told] = root.xpath(f"//section[h2[@id='{operation['operationId']}']]/dl/dd[preceding-sibling::dt[1][code='limit']]")
    assert told.text_content().split() == f"whole number from 1 to 100, {default} if not said. How many to answer with at most.".split()


def test_what_the_page_offers_to_try_works(site: Site) -> None:
    root = lxml_html.document_fromstring(site.client.get("/docs").text)
    offered = root.xpath("//section[@class='operation']//a[starts-with(@href, '/')]/@href")
    assert "/api/v1/stories?limit=2" in offered
    assert [site.client.get(address).status_code for address in offered] == [200] * len(offered)


def is_without_token(case: Any) -> bool:
    """Whether it is the token that is wrong with the request, so that it would be right with one."""
    return "Authorization" in str(getattr(case.meta.phase.data, "mutations", ""))


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_requests_within_and_beyond_the_description_are_answered_by_it(site: Site, mode: GenerationMode) -> None:
    token = site.store.tokens.create(f"tester {mode}", START)
    api = schemathesis.openapi.from_wsgi("/openapi.json", site.client.application)

    for found in api.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            signed = {} if is_without_token(case) else {"Authorization": f"Bearer {token}"}
            case.call_and_validate(headers={"Accept-Encoding": "identity", **signed})

        with suppress(Unsatisfiable):
            # Nothing that could be wrong can be sent where nothing is to be sent.
            ask()
