"""The site that ``make docs`` builds: no link is broken, and no page loads anything from another host."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final, override

import pytest

REPOSITORY: Final = Path(__file__).parents[3]
POLICY: Final = "default-src 'self' 'unsafe-inline' data: blob:"

_FOREIGN: Final = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_LOADS: Final = {
    *(("script", "src"), ("img", "src"), ("img", "srcset"), ("iframe", "src"), ("source", "src"), ("source", "srcset")),
    *(("video", "src"), ("video", "poster"), ("audio", "src"), ("track", "src"), ("embed", "src"), ("object", "data")),
    *(("input", "src"), ("image", "href"), ("use", "href"), ("base", "href"), ("form", "action")),
}
_LINKS_THAT_LOAD_NOTHING: Final = {"prev", "next", "canonical", "alternate"}
_ON_DEMAND: Final = ("mermaid", "glightbox", "pyodide", "data-md-source", "md-source__facts")
"""What makes the theme's script fetch something from elsewhere, if a page has it."""


class _Loads(HTMLParser):
    """Collects what a page makes a browser fetch, and the policy that it states."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.policies: list[str | None] = []
        self.classes: set[str] = set()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loads += [value for name, value in attrs if value and (tag, name) in _LOADS]
        self.loads += re.findall(r"url\(['\"]?([^'\")]+)", given.get("style") or "")
        self.classes |= set((given.get("class") or "").split())
        if tag == "link" and given.get("rel") not in _LINKS_THAT_LOAD_NOTHING:
            self.loads.append(given.get("href") or "")
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(given.get("content"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site from a copy of what it is built from."""
    here = tmp_path_factory.mktemp("docs")
    for folder in ("docs", "docs-theme"):
        shutil.copytree(REPOSITORY / folder, here / folder)
    shutil.copy(REPOSITORY / "zensical.toml", here)
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(build, cwd=here, capture_output=True, text=True, check=False)  # noqa: S603 -- our own build
    assert done.returncode == 0, done.stdout + done.stderr
    return here / "site"


def documents() -> set[str]:
    return {str(file.relative_to(REPOSITORY / "docs")) for file in (REPOSITORY / "docs").rglob("*.md")}


def navigation(entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from navigation(target)


def test_every_page_is_in_the_navigation_once() -> None:
    project = tomllib.loads((REPOSITORY / "zensical.toml").read_text())["project"]
    listed = list(navigation(project["nav"]))
    assert sorted(listed) == sorted(documents())


def test_every_page_is_built(site: Path) -> None:
    built = {str(file.relative_to(site)) for file in site.rglob("*.html")} - {"404.html"}
    assert built == {name.removesuffix(".md") + ".html" for name in documents()}


def test_a_page_loads_nothing_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        parser = _Loads()
        parser.feed(page.read_text())
        assert len(parser.loads) > 1, "the parser sees at least the theme's own files"
        assert [load for load in parser.loads if _FOREIGN.match(load)] == [], page.name
        assert parser.policies == [POLICY], f"{page.name} does not tell the browser to load nothing else"


def test_no_page_has_what_makes_the_script_of_the_theme_fetch_something(site: Path) -> None:
    for page in site.rglob("*.html"):
        parser = _Loads()
        parser.feed(page.read_text())
        assert parser.classes.isdisjoint(_ON_DEMAND), page.name


def test_style_sheets_and_pictures_load_nothing_from_another_host(site: Path) -> None:
    for file in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        text = file.read_text()
        loads = re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)
        loads += re.findall(r"<(?:image|use|script)[^>]*?(?:xlink:)?(?:href|src)=\"([^\"]*)", text)
        assert [load for load in loads if _FOREIGN.match(load)] == [], file.name


def test_scripts_name_no_other_host_than_those_that_are_asked_on_demand(site: Path) -> None:
    hosts = {
        host
        for file in site.rglob("*.js")
        if file.name != "search.js"
        for host in re.findall(r"[\"'`(]https?://([\w.-]+)", file.read_text())
    }
    assert hosts <= {"unpkg.com", "cdn.jsdelivr.net", "api.github.com", "gitlab.com", "www.w3.org", "fontawesome.com"}
