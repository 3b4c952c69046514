"""``/docs``: the interface for programs, with a worked example of every operation, as one page without scripts.

The usual pages for browsing an interface need scripts, often foreign ones. An origin where people type passwords and
prices serves no scripts but those of its page, so this one is static HTML: its content security policy allows its one
style sheet, and nothing else.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from aukciszek.server.http.openapi import operations, worked_examples

DOCS_PATH: Final = "/docs"

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.5rem 4rem; }
h1 { line-height: 1.2; } h2 code { font-size: 1.05rem; }
h2 { margin-top: 3rem; font-size: 1.25rem; } h3 { font-size: 1rem; margin-bottom: .25rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .85rem; }
pre { border: 1px solid #8886; border-radius: .4rem; padding: .75rem; overflow: auto; max-height: 24rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
border-bottom: 1px solid #8886; } li { margin: .15rem 0; } .lock { font-size: .85rem; opacity: .8; }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_INTRODUCTION: Final = """
<p>Ask every party, and trust none alone: a program that bids sends the same bundle to all of them and checks each
signature. <code>aukciszek.client.sdk</code> does all of that, and splits and seals prices; what follows is what it
sends. The same description for machines is at <a href="/api/openapi.json">/api/openapi.json</a>.</p>
<p>Errors are problem documents (RFC 9457) with a stable <code>code</code>:</p>
<pre>{"type": "urn:aukciszek:problem:bid-too-late", "title": "The auction is closed", "status": 409,
 "detail": "this auction closed before your bid arrived at party 3", "code": "bid-too-late"}</pre>
<p>Examples were recorded from three real parties; long texts are cut where you see …</p>
"""


def install_documentation(app: FastAPI, server: str) -> None:
    """Let ``app`` serve this page; the examples name ``server``, its public URL."""
    content = render(app.openapi(), server).encode()

    async def send(_request: Request) -> Response:
        return Response(content, media_type="text/html", headers={"Content-Security-Policy": POLICY})

    app.add_route(DOCS_PATH, send, methods=["GET"], include_in_schema=False)


def render(description: Mapping[str, Any], server: str) -> str:
    """Return the page: an OpenAPI description, with one worked example for each operation."""
    found = [(name, method, path, operation) for name, method, path, operation in operations(description)]
    examples = worked_examples()
    contents = "".join(f'<li><a href="#{_anchor(name)}"><code>{escape(name)}</code></a></li>' for name, *_ in found)
    sections = "".join(
        _section(name, operation, _example(method, path, examples.get(name), server))
        for name, method, path, operation in found
    )
    title = f"Aukciszek {escape(description['info']['version'])}: the interface for programs"
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n<h1>{title}</h1>\n{_INTRODUCTION}<ul>{contents}</ul>\n"
        f"{sections}</html>\n"
    )


def _section(name: str, operation: Mapping[str, Any], example: str) -> str:
    lock = "<p class=lock>Needs a token: <code>Authorization: Bearer …</code></p>" if operation.get("security") else ""
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{_with_code(answer['description'])}</td></tr>"
        for status, answer in sorted(operation["responses"].items())
    )
    return (
        f'<h2 id="{_anchor(name)}"><code>{escape(name)}</code></h2>\n'
        f"<p>{_with_code(operation['description'])}</p>{lock}\n"
        f"{_parameters(operation)}{example}"
        f"<h3>Answers</h3>\n<table><tr><th>status</th><th>meaning</th></tr>{rows}</table>\n"
    )


def _parameters(operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{'needed' if one.get('required') else 'may be left out'}</td>"
        f"<td><code>{escape(json.dumps(_bounds(one['schema'])))}</code></td></tr>"
        for one in operation.get("parameters", ())
    )
    head = "<tr><th>name</th><th>in</th><th></th><th>form</th></tr>"
    return f"<h3>Parameters</h3>\n<table>{head}{rows}</table>\n" if rows else ""


def _bounds(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in schema.items() if name not in {"title", "description"}}


def _example(method: str, path: str, example: Mapping[str, Any] | None, server: str) -> str:
    if example is None:
        return ""
    answer = example["answer"]
    text = answer if isinstance(answer, str) else json.dumps(answer, indent=2, ensure_ascii=False)
    call = "\n".join(_curl(method, path, example, server))
    return (
        f"<h3>Example</h3>\n<pre>{escape(call)}</pre>\n<p>Status {example['status']}:</p>\n<pre>{escape(text)}</pre>\n"
    )


def _curl(method: str, path: str, example: Mapping[str, Any], server: str) -> Iterator[str]:
    url = server + path.replace("{auction}", example.get("auction", "")) + example.get("query", "")
    parts = [f"curl {'' if method == 'GET' else f'-X {method} '}'{url}'"]
    if example.get("token"):
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if "file" in example:
        parts += ["-H 'Content-Type: application/octet-stream'", f"--data-binary @{example['file']}"]
    elif "sent" in example:
        quoted = json.dumps(example["sent"], ensure_ascii=False, separators=(",", ":")).replace("'", "'\\''")
        parts += ["-H 'Content-Type: application/json'", f"-d '{quoted}'"]
    for part in parts[:-1]:
        yield f"{part} \\"
    yield parts[-1]


def _anchor(name: str) -> str:
    return re.sub("[^a-z]+", "-", name.lower()).strip("-")


def _with_code(text: str) -> str:
    """Escape a text, in which backquotes mark code."""
    return re.sub("`+([^`]*)`+", r"<code>\1</code>", escape(text))
