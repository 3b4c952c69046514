import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from pydantic import BaseModel

from aukciszek.client import connection
from aukciszek.client.connection import Request, RetryPolicy
from aukciszek.client.errors import AnswerNotUnderstoodError, PartyRefusedError, UnreachableError
from aukciszek.client.parties import connect

if TYPE_CHECKING:
    from aukciszek.client.parties import Parties
    from aukciszek.cluster import Cluster

    from .conftest import HurriedClock, ScriptedParty

type Scripted = "dict[int, ScriptedParty]"

STATUS = Request("GET", "/api/status")
# A POST, since aiohttp by itself repeats a GET once where a connection is dropped.
CLOSE = Request("POST", "/api/auctions/0/close")
LOGIN = Request("POST", "/api/auth/login", body=b"{}", repeatable=False)


def problem(status: int, code: str, detail: str = "no") -> web.Response:
    return web.json_response({"status": status, "detail": detail, "code": code}, status=status)


class Seen(BaseModel):
    state: str


async def drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def test_a_good_answer_is_handed_back(parties: "Parties", scripted: Scripted) -> None:
    scripted[2].script = [web.Response(body=b"fine")]
    assert await parties[2].ask(STATUS) == b"fine"


async def test_the_token_goes_to_the_party_that_is_asked(parties: "Parties", scripted: Scripted) -> None:
    scripted[1].script = [web.Response()]
    await parties[1].ask(Request("POST", "/x", body=b"body", content_type="application/octet-stream", token="secret"))
    method, path, headers, body = scripted[1].asked[0]
    assert (method, path, body) == ("POST", "/x", b"body")
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Content-Type"] == "application/octet-stream"


async def test_a_problem_is_a_refusal_with_the_partys_own_code(parties: "Parties", scripted: Scripted) -> None:
    scripted[1].script = [problem(409, "auction-closed", "the auction is closed")]
    with pytest.raises(PartyRefusedError) as told:
        await parties[1].ask(STATUS)
    assert (told.value.party, told.value.status, told.value.problem) == (1, 409, "auction-closed")
    assert "the auction is closed" in told.value.message


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code": "x"}', b"[" * 100_000])
async def test_an_error_that_is_no_problem_document_is_a_refusal_too(
    parties: "Parties", scripted: Scripted, body: bytes
) -> None:
    scripted[1].script = [web.Response(status=418, body=body)]
    with pytest.raises(PartyRefusedError, match="418"):
        await parties[1].ask(STATUS)


async def test_a_redirection_is_not_followed(parties: "Parties", scripted: Scripted) -> None:
    scripted[1].script = [web.Response(status=307, headers={"Location": "http://127.0.0.3/"})]
    with pytest.raises(PartyRefusedError, match="307"):
        await parties[1].ask(STATUS)


async def test_a_passing_fault_is_outlived(
    parties: "Parties", scripted: Scripted, hurried_clock: "HurriedClock"
) -> None:
    scripted[1].script = [drop, problem(503, "not-ready"), web.Response(body=b"fine")]
    assert await parties[1].ask(CLOSE) == b"fine"
    first, second = hurried_clock.pauses_s
    assert 4.0 <= first <= 8.0 <= second <= 16.0


async def test_retries_end(parties: "Parties", scripted: Scripted) -> None:
    scripted[1].script = [drop, drop, drop]
    with pytest.raises(UnreachableError) as told:
        await parties[1].ask(CLOSE)
    assert set(told.value.reasons) == {1}
    assert scripted[1].script == []


async def test_what_must_not_happen_twice_is_not_repeated(parties: "Parties", scripted: Scripted) -> None:
    scripted[1].script = [drop, web.Response()]
    with pytest.raises(UnreachableError):
        await parties[1].ask(LOGIN)
    assert len(scripted[1].asked) == 1


async def test_a_silent_party_is_given_up(scripted_cluster: "Cluster", scripted: Scripted) -> None:
    async def keep_silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    scripted[1].script = [keep_silent]
    async with connect(scripted_cluster, retries=RetryPolicy(request_timeout_s=0.05, attempts=1)) as parties:
        with pytest.raises(UnreachableError, match="no answer in time"):
            await parties[1].ask(STATUS)


async def test_an_endless_answer_is_cut_off(
    parties: "Parties", scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LARGEST_ANSWER_BYTES", 1000)
    scripted[1].script = [web.Response(body=b"x" * 1001)]
    with pytest.raises(AnswerNotUnderstoodError, match="too large"):
        await parties[1].ask(STATUS)


async def test_events_are_yielded_as_they_come(parties: "Parties", scripted: Scripted) -> None:
    body = b'event: progress\ndata: {"state": "open"}\n\n: still there\n\nevent: progress\ndata: {"state": "final"}\n\n'
    scripted[1].script = [web.Response(body=body, content_type="text/event-stream")]
    assert [event async for event in parties[1].events("/p", Seen)] == [Seen(state="open"), Seen(state="final")]


@pytest.mark.parametrize("line", [b"data: [1]", b"data: {", b"data: " + b" " * 3_000_000 + b"{}"])
async def test_an_event_that_is_not_of_the_agreed_form_is_refused(
    parties: "Parties", scripted: Scripted, line: bytes
) -> None:
    scripted[1].script = [web.Response(body=line + b"\n\n", content_type="text/event-stream")]
    with pytest.raises(AnswerNotUnderstoodError):
        _ = [event async for event in parties[1].events("/p", Seen)]


async def test_events_of_an_unknown_auction_are_refused(parties: "Parties", scripted: Scripted) -> None:
    scripted[1].script = [problem(404, "unknown-auction")]
    with pytest.raises(PartyRefusedError, match="party 1"):
        _ = [event async for event in parties[1].events("/p", Seen)]


async def test_a_malformed_answer_names_the_place_but_not_the_content(parties: "Parties") -> None:
    class Answer(BaseModel):
        number: int

    with pytest.raises(AnswerNotUnderstoodError) as told:
        parties[3].parse(Answer, b'{"number": "content"}')
    assert "party 3" in told.value.message
    assert "number" in told.value.message
    assert "content" not in told.value.message


def test_no_token_and_no_body_is_shown() -> None:
    request = Request("POST", "/x", body=b"sealed", token="bearer-token")
    assert "sealed" not in repr(request)
    assert "bearer-token" not in repr(request)
