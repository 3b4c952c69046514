"""The page's files as every party serves them."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aukciszek.server.http.static_page import Page, content_security_policy

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_party_serves_the_page_under_a_policy_without_exceptions(site: "Site") -> None:
    for party in (1, 2, 3):
        answer = await site.get("/", party=party)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'")
        assert all(site.url(number) in policy for number in (1, 2, 3))


async def test_the_digest_told_is_that_of_the_files_served(site: "Site") -> None:
    told = (await site.get("/api/page")).json
    digests = {one["path"]: one["sha256"] for one in told["files"]}
    canonical = json.dumps(digests, sort_keys=True, separators=(",", ":")).encode()
    assert told["digest"] == hashlib.sha256(canonical).hexdigest()
    assert "index.html" in digests


async def test_there_is_nothing_but_the_page(site: "Site") -> None:
    for path in ("/assets/app.py", "/assets/..%2f..%2fpage.py", "/assets/%2e%2e/page.py", "/index.html/x", "/page.py"):
        answer = await site.get(path)
        assert (answer.status, answer.json["code"]) == (404, "not-found")


async def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    page = Page.read(tmp_path / "missing")
    assert b"make page" in page.files["index.html"].content


async def test_files_are_read_with_their_digests(tmp_path: Path) -> None:
    script = b"const answer = 42\n" * 100
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(b"<!doctype html>")
    (tmp_path / "assets" / "main-abc.js").write_bytes(script)
    page = Page.read(tmp_path)
    file = page.files["assets/main-abc.js"]
    assert file.media_type == "text/javascript"
    assert file.sha256 == hashlib.sha256(script).hexdigest()
    assert file.compressed is not None
    assert gzip.decompress(file.compressed) == script
    assert "immutable" in file.caching
    assert page.files["index.html"].caching == "no-cache"
    assert page.digest == Page.read(tmp_path).digest
    assert page.digest != Page.of({"index.html": b"<!doctype html> "}).digest


async def test_the_policy_lets_the_page_talk_to_the_parties_alone() -> None:
    policy = content_security_policy(["https://a.example/", "http://127.0.0.2:5002"])
    assert "connect-src 'self' https://a.example http://127.0.0.2:5002;" in policy
