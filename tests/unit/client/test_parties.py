from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.errors import PartyRefusedError, TrustFileError, UnreachableError
from aukciszek.client.parties import PartyResults, tls_context
from aukciszek.cluster import PartyNumber
from aukciszek.errors import AukciszekError

if TYPE_CHECKING:
    from aukciszek.client.parties import Parties

    from .conftest import ScriptedParty

REFUSED = PartyRefusedError("party 2 refused: no", party=2, status=403, problem="not-allowed")
GONE = UnreachableError("gone", {3: "connection refused"})


async def ask_status(party: PartyConnection) -> bytes:
    return await party.ask(Request("GET", "/api/status"))


async def test_each_party_answers_for_itself(parties: "Parties", scripted: "dict[int, ScriptedParty]") -> None:
    scripted[1].script = [web.Response(body=b"one")]
    scripted[2].script = [web.Response(status=404)]
    scripted[3].script = [web.Response(body=b"three")]
    outcomes = await parties.each(ask_status)
    assert outcomes.answers == {1: b"one", 3: b"three"}
    assert isinstance(outcomes.errors[2], PartyRefusedError)


async def test_only_the_named_parties_are_asked(parties: "Parties", scripted: "dict[int, ScriptedParty]") -> None:
    scripted[3].script = [web.Response(body=b"three")]
    assert (await parties.each(ask_status, [3])).answers == {3: b"three"}
    assert scripted[1].asked == []


def outcomes_of(results: dict[int, bytes | AukciszekError]) -> PartyResults[bytes]:
    return PartyResults.of({PartyNumber(number): result for number, result in results.items()})


def test_enough_answers_are_enough() -> None:
    assert outcomes_of({1: b"x", 2: REFUSED, 3: GONE}).need(1, "this") == {1: b"x"}


def test_a_refusal_explains_more_than_silence() -> None:
    with pytest.raises(PartyRefusedError):
        outcomes_of({1: b"x", 2: REFUSED, 3: GONE}).need(2, "this")


def test_silence_names_all_silent_parties() -> None:
    with pytest.raises(UnreachableError, match="party 3: connection refused") as told:
        outcomes_of({1: b"x", 2: UnreachableError("late", {2: "late"}), 3: GONE}).need(2, "this")
    assert set(told.value.reasons) == {2, 3}


def test_certificates_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    with pytest.raises(TrustFileError, match="cannot use the certificates"):
        tls_context(tmp_path / "missing.pem")
