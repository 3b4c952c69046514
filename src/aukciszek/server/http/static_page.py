"""The page that bidders and auctioneers use: the files that ``web/`` builds, served by every party at ``/``.

``docs/architecture.md``, "The page". The files are read once, at the start, so that the content served always
matches the published digest. The content security policy allows scripts and styles of this origin alone, and requests
to the parties alone. Names under ``assets/`` hold a hash of the content, so browsers may cache them permanently.
"""

import gzip
import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response

from aukciszek.encoding import canonical_json, sha256_hex
from aukciszek.server.errors import NoSuchPageError
from aukciszek.server.http.schemas import PageAnswer, PageFileAnswer

BUILT: Final = Path(__file__).parents[1] / "page_files"
"""Where the build puts the files; see ``web/README.md``."""

_INDEX: Final = "index.html"
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASK_FIRST: Final = "no-cache"
_LEAST_TO_COMPRESS: Final = 1024
_COMPRESSIBLE: Final = frozenset({"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"})
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}

_NOT_BUILT: Final = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Aukciszek</title>
<h1>This party is up, its page is not built</h1>
<p>Building the page needs Node.js 20.19 or newer with npm. In the project's directory, run <code>make page</code> and
start the party again. The command line and <a href="api/status">the interface for programs</a> work without it.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file, ready to be sent."""

    path: str
    content: bytes = field(repr=False)
    compressed: bytes | None = field(repr=False)
    """The content compressed with gzip, where that saves enough."""
    media_type: str
    sha256: str

    @classmethod
    def of(cls, path: str, content: bytes) -> Self:
        """Prepare a file for sending."""
        media_type = _MEDIA_TYPES.get(Path(path).suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        worth_it = media_type in _COMPRESSIBLE and len(content) >= _LEAST_TO_COMPRESS
        compressed = gzip.compress(content, mtime=0) if worth_it else None
        return cls(path, content, compressed, media_type, sha256_hex(content))

    @property
    def caching(self) -> str:
        """The ``Cache-Control`` header of this file."""
        return _FOR_GOOD if self.path.startswith("assets/") else _ASK_FIRST


@dataclass(frozen=True, slots=True)
class Page:
    """The files of the page."""

    files: Mapping[str, PageFile]
    """By path, ascending."""
    digest: str
    """The SHA-256 over all paths and the SHA-256 of each file, as canonical JSON; the same where the files are."""

    @classmethod
    def read(cls, directory: Path = BUILT) -> Self:
        """Read the built files; without a build, a page that says how to make one."""
        paths = sorted(path for path in directory.rglob("*") if path.is_file()) if directory.is_dir() else []
        found = {str(path.relative_to(directory)): path.read_bytes() for path in paths}
        return cls.of(found if _INDEX in found else {_INDEX: _NOT_BUILT})

    @classmethod
    def of(cls, contents: Mapping[str, bytes]) -> Self:
        """Return a page of the given contents."""
        files = {path: PageFile.of(path, contents[path]) for path in sorted(contents)}
        return cls(files, sha256_hex(canonical_json({path: file.sha256 for path, file in files.items()})))


def install_page(app: FastAPI, page: Page, servers: Iterable[str]) -> None:
    """Let ``app`` serve the page and the list of its files.

    Args:
        app: the party's application.
        page: the files.
        servers: the parties' URLs, to which the page may send requests.
    """
    policy = content_security_policy(servers)

    async def send(request: Request) -> Response:
        return _answer(_found(page, request.scope["path"].removeprefix("/") or _INDEX), request, policy)

    async def describe() -> PageAnswer:
        """List the page's files with their digests, so that a page that one party changed is noticed."""
        listed = (PageFileAnswer(path=file.path, sha256=file.sha256) for file in page.files.values())
        return PageAnswer(digest=page.digest, files=tuple(listed))

    for path in ("/", "/assets/{name}", "/icon.svg"):
        app.add_route(path, send, methods=["GET"], include_in_schema=False)
    app.get("/api/page", tags=["party"])(describe)


def _found(page: Page, path: str) -> PageFile:
    try:
        return page.files[path]
    except KeyError:
        raise NoSuchPageError("the page has no such file: reload the page") from None


def content_security_policy(servers: Iterable[str]) -> str:
    """Return the page's policy: its own files and requests to the parties; nothing inline, no eval."""
    origins = " ".join("{0.scheme}://{0.netloc}".format(urlsplit(server)) for server in servers)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            f"connect-src 'self' {origins}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types svelte-trusted-html",
        )
    )


def _answer(file: PageFile, request: Request, policy: str) -> Response:
    headers = {
        "Cache-Control": file.caching,
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "ETag": f'"{file.sha256}"',
        "Vary": "Accept-Encoding",
    }
    if file.sha256 in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = file.content
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        # A strong validator identifies exact bytes; the compressed ones are other bytes of the same content.
        headers["ETag"] = f'W/"{file.sha256}"'
        content = file.compressed
    return Response(content, headers=headers, media_type=file.media_type)
