"""``/docs`` and the description of the interface: complete, true, and without anything from elsewhere."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from aukciszek.server.http.openapi import complete, operations, worked_examples

from .conftest import running_site
from .worked_examples import alike, record

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Elements(HTMLParser):
    """Notes every element, what it refers to, and the text of the styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"src", "href", "action", "data", "srcset"}:
                self.references.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)


async def test_the_page_loads_nothing_and_runs_nothing(site: "Site") -> None:
    answer = await site.get("/docs")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    text = answer.content.decode()
    elements = Elements(text)
    assert elements.tags.isdisjoint({"script", "iframe", "img", "link", "object", "embed", "form", "base", "svg"})
    assert elements.handlers == []
    assert all(reference.startswith(("#", "/api/")) for reference in elements.references), elements.references
    assert {one.removeprefix("#") for one in elements.references if one.startswith("#")} == set(elements.ids)
    policy = answer.headers["Content-Security-Policy"]
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy, "without this the browser would not apply it"
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


async def test_every_operation_is_there_with_a_worked_example(site: "Site") -> None:
    text = (await site.get("/docs")).content.decode()
    names = [name for name, *_ in operations(site.apps[0].openapi())]
    assert sorted(worked_examples()) == sorted(names)
    for name in names:
        assert f"<code>{name}</code></h2>" in text
    assert text.count("<h3>Example</h3>") == len(names) == 18
    assert text.count(f"{site.url(1)}/api/") == len(names), "each example can be tried here"


async def test_the_examples_are_what_parties_really_answer(tmp_path: "Path") -> None:
    """Live through the story again: same calls, same statuses, same members of every answer."""
    async with running_site(tmp_path) as site:
        recorded = await record(site)
    told = worked_examples()
    assert set(recorded) == set(told)
    for name, example in recorded.items():
        assert alike(example, told[name]), name
        assert example["status"] == told[name]["status"]


async def test_every_operation_says_what_it_does_and_what_can_go_wrong(site: "Site") -> None:
    description = (await site.get("/api/openapi.json")).json
    for name, method, _, operation in operations(description):
        assert operation["description"].rstrip().endswith("."), name
        answers = operation["responses"]
        assert {"500", "503"} <= set(answers), name
        assert all(status.isdecimal() for status in answers), "no status hides behind a wildcard"
        assert ("401" in answers) == bool(operation.get("security")) or name == "POST /api/auth/login", name
        assert ("413" in answers) == ("requestBody" in operation), name
        good = [answer for status, answer in answers.items() if status.startswith("2")]
        assert good, name
        assert all("content" in answer for answer in good), name
        assert any("example" in content for answer in good for content in answer["content"].values()), name
        assert method in {"GET", "POST"}


async def test_every_reference_leads_somewhere(site: "Site") -> None:
    answer = await site.get("/api/openapi.json")
    for reference in set(re.findall(r'"\$ref":\s*"([^"]+)"', answer.content.decode())):
        place = answer.json
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


async def test_describing_twice_changes_nothing(site: "Site") -> None:
    description = site.apps[0].openapi()
    before = str(description)
    assert str(complete(description)) == before
