"""What the OpenAPI description says beyond what FastAPI derives by itself.

``docs/architecture.md``, "HTTP interface". For every operation: the errors by status, the media type of successful
answers, and one worked example, recorded from real parties (``tests/api/make_examples.py``). A test calls every
operation in every way that the description allows, and more, and fails for a status that is not described.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from aukciszek.server.http.schemas import ProblemAnswer
from aukciszek.server.problems import MEDIA_TYPE
from aukciszek.server.statuses import STATUSES

PROBLEM_SCHEMA: Final = "ProblemAnswer"

_ALWAYS: Final = ("busy", "internal-error", "storage-unavailable")
_WITH_TOKEN: Final = ("token-expired", "token-invalid", "token-missing", "token-wrong-audience")
_WITH_AUCTION: Final = ("unknown-auction",)
_WITH_PARAMETERS: Final = ("invalid-request",)
_WITH_BODY: Final = (
    *("body-too-large", "body-too-slow", "invalid-request", "request-refused", "unsupported-media-type"),
    *("storage-fault", "storage-full"),
)
_ORDERS: Final = ("admin-only", "not-auctioneer", "order-not-allowed", "order-too-late", "storage-full")
_ACCOUNTS: Final = ("accounts-unavailable", "not-login-server", "too-many-attempts", "too-many-logins")

_OWN_CODES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "GET /api/auctions/{auction}/certificate": ("no-outcome-yet",),
        "GET /api/auctions/{auction}/winners": ("admin-only", "no-outcome-yet", "not-auctioneer"),
        "GET /api/incidents": ("admin-only",),
        "POST /api/auctions": (
            *("admin-only", "auction-ends-too-soon", "malformed-auction-rules", "malformed-encoding"),
            *("not-auctioneer", "rules-for-others"),
        ),
        "POST /api/auctions/{auction}/bids": (
            *("auction-not-open", "auctioneer-bids", "bid-too-late", "bundle-does-not-fit", "bundle-of-other-auction"),
            *("envelope-bad-element", "envelope-does-not-open", "envelope-wrong-commitment", "envelope-wrong-degree"),
            *("envelope-wrong-size", "malformed-bundle", "not-invited", "not-your-bundle", "revision-outdated"),
            *("auction-full", "intake-busy", "too-many-revisions"),
        ),
        "POST /api/auctions/{auction}/cancel": _ORDERS,
        "POST /api/auctions/{auction}/close": _ORDERS,
        "POST /api/auctions/{auction}/receipts": (
            *("bundle-does-not-fit", "bundle-of-other-auction", "malformed-bundle", "receipts-not-genuine"),
            *("receipts-of-many-bundles", "receipts-too-few", "receipts-too-late"),
        ),
        "POST /api/auth/login": (*_ACCOUNTS, "malformed-email", "wrong-credentials"),
        "POST /api/auth/register": (*_ACCOUNTS, "email-taken", "malformed-email", "weak-password"),
    }
)
"""In addition to those that follow from an operation's parameters."""

_MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "GET /api/auctions/{auction}/certificate": "application/json",
        "GET /api/auctions/{auction}/progress": "text/event-stream",
        "GET /api/auctions/{auction}/record": "application/json",
        "GET /api/cluster": "application/json",
    }
)
"""Of the answers without a model: files and event streams."""

REPEATABLE: Final = frozenset({"POST /api/auctions", "POST /api/auctions/{auction}/bids"})
"""Idempotent operations: a repeated request is answered with 200."""


def operations(description: Mapping[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield name, method, path and description of every operation, by path."""
    for path, methods in sorted(description["paths"].items()):
        for method, operation in sorted(methods.items()):
            yield f"{method.upper()} {path}", method.upper(), path, operation


def worked_examples() -> Mapping[str, Mapping[str, Any]]:
    """Return one worked example for each operation: what was sent to real parties, and what they answered."""
    content = resources.files("aukciszek.server").joinpath("examples.json").read_text(encoding="utf-8")
    examples: Mapping[str, Mapping[str, Any]] = json.loads(content)
    return examples


def complete(description: dict[str, Any]) -> dict[str, Any]:
    """Complete FastAPI's description in place, and return it."""
    examples = worked_examples()
    schemas = description["components"]["schemas"]
    schemas[PROBLEM_SCHEMA] = _hoisted(ProblemAnswer.model_json_schema(), schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, _, path, operation in operations(description):
        _describe_good_answers(name, operation)
        _describe_problems(operation, codes_of(name, path, operation))
        if name in examples:
            _show(operation, examples[name])
        if "requestBody" in operation:
            for body in operation["requestBody"]["content"].values():
                body["schema"] = _hoisted(body["schema"], schemas)
    return description


def codes_of(name: str, path: str, operation: Mapping[str, Any]) -> set[str]:
    """Return the codes of all problems that an operation may be answered with."""
    codes = {*_ALWAYS, *_OWN_CODES.get(name, ())}
    if operation.get("security"):
        codes.update(_WITH_TOKEN)
    if operation.get("parameters"):
        codes.update(_WITH_PARAMETERS)
    if "{auction}" in path:
        codes.update(_WITH_AUCTION)
    if "requestBody" in operation:
        codes.update(_WITH_BODY)
    return codes


def _describe_good_answers(name: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    for status in [status for status in answers if not status.startswith("2")]:
        del answers[status]
    for answer in answers.values():
        answer["description"] = "Done."
        if name in _MEDIA_TYPES:
            answer["content"] = {_MEDIA_TYPES[name]: {}}
    if name in REPEATABLE:
        answers["200"] = answers["201"] | {"description": "Already here, and unchanged."}


def _describe_problems(operation: dict[str, Any], codes: Iterable[str]) -> None:
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(_STATUS_OF_CODE[code], []).append(code)
    for status, found in sorted(by_status.items()):
        operation["responses"][str(status)] = {
            "description": f"A problem with the code {', '.join(f'`{code}`' for code in found)}.",
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{PROBLEM_SCHEMA}"}}},
        }


def _show(operation: dict[str, Any], example: Mapping[str, Any]) -> None:
    if "sent" in example and "requestBody" in operation:
        for body in operation["requestBody"]["content"].values():
            body["example"] = example["sent"]
    for content in operation["responses"][str(example["status"])]["content"].values():
        content["example"] = example["answer"]


def _hoisted(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Move a schema's own definitions to where references in an OpenAPI document point."""
    text = json.dumps(schema).replace("#/$defs/", "#/components/schemas/")
    moved: dict[str, Any] = json.loads(text)
    schemas |= moved.pop("$defs", {})
    return moved


_STATUS_OF_CODE: Final[Mapping[str, int]] = MappingProxyType(
    {error.code: status.value for error, status in STATUSES.items()}
)
