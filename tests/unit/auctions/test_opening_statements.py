"""What parties sign about masked openings, and how releases travel."""

import hashlib
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from pydantic import ValidationError

from aukciszek.auctions.session.opening_statements import (
    OpeningStatement,
    Release,
    ReleasedKey,
    known_keys,
    opening_digest,
)
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.mpc.protocols.fair_opening import MOST_OPENINGS, OPENING_KEY_BYTES, MaskedOpening, commitment
from aukciszek.mpc.sharing.prss import Members
from aukciszek.protocol.evidence.statements import read_statement, sign
from aukciszek.protocol.rules.errors import MalformedStatementError
from aukciszek.protocol.rules.identifiers import AuctionId

AUCTION = AuctionId("ab" * 32)
SETS = [frozenset(members) for members in combinations(range(1, 6), 3)]
ONE = PartyNumber(1)
INPUT_SET = "cd" * 32


def keys_of(number: int) -> dict[Members, bytes]:
    return {members: hashlib.sha256(bytes([number, *sorted(members)])).digest() for members in SETS}


def opening(number: int = 1, reason: str = "outcome", context: bytes = b"seed") -> MaskedOpening:
    session = bytes(range(32))
    keys = keys_of(number)
    return MaskedOpening(
        session=session,
        number=number,
        reasons=((reason, 3),),
        context=context,
        masked=np.arange(3, dtype=np.uint64),
        commitments={members: commitment(session, number, members, keys[members]) for members in SETS},
    )


def test_a_statement_binds_everything_that_was_opened() -> None:
    statements = [
        OpeningStatement.of(AUCTION, ONE, INPUT_SET, opening()),
        OpeningStatement.of(AuctionId("ac" * 32), ONE, INPUT_SET, opening()),
        OpeningStatement.of(AUCTION, PartyNumber(2), INPUT_SET, opening()),
        OpeningStatement.of(AUCTION, ONE, "ce" * 32, opening()),
        OpeningStatement.of(AUCTION, ONE, INPUT_SET, opening(2)),
        OpeningStatement.of(AUCTION, ONE, INPUT_SET, opening(reason="tie-break")),
        OpeningStatement.of(AUCTION, ONE, INPUT_SET, opening(context=b"another")),
        OpeningStatement.of(AUCTION, ONE, INPUT_SET, replace(opening(), masked=np.zeros(3, dtype=np.uint64))),
        OpeningStatement.of(AUCTION, ONE, INPUT_SET, replace(opening(), session=bytes(32))),
        OpeningStatement.of(AUCTION, ONE, INPUT_SET, replace(opening(), commitments=dict.fromkeys(SETS, bytes(32)))),
    ]
    assert len({statement.body() for statement in statements}) == len(statements)
    assert statements[0].opening == opening_digest(opening().encode())


def test_a_signed_statement_comes_back(cluster: Cluster, identities: list[Identity]) -> None:
    signed = sign(OpeningStatement.of(AUCTION, ONE, INPUT_SET, opening()), identities[0])
    assert read_statement(OpeningStatement, signed.encode(), cluster) == signed


@pytest.mark.parametrize("change", [{"number": MOST_OPENINGS}, {"number": -1}, {"session": "00"}, {"opening": ""}])
def test_a_statement_out_of_form_is_refused(
    cluster: Cluster, identities: list[Identity], change: dict[str, object]
) -> None:
    statement = OpeningStatement.of(AUCTION, ONE, INPUT_SET, opening()).model_copy(update=change)
    with pytest.raises(MalformedStatementError):
        read_statement(OpeningStatement, sign(statement, identities[0]).encode(), cluster)


def test_a_release_comes_back_and_has_one_form() -> None:
    keys = keys_of(1)
    release = Release.of(opening().encode(), [b"one", b"two"], keys)
    again = Release.decode(release.encode())
    assert again == release
    assert again.by_members() == keys
    backwards = dict(reversed(keys.items()))
    assert Release.of(opening().encode(), [b"one", b"two"], backwards).encode() == release.encode()


@pytest.mark.parametrize(
    ("members", "key"),
    [(0, bytes(OPENING_KEY_BYTES)), (1 << 9, bytes(OPENING_KEY_BYTES)), (3, b"short"), (3, bytes(33))],
)
def test_a_key_of_no_set_or_of_another_length_is_refused(members: int, key: bytes) -> None:
    with pytest.raises(ValidationError):
        ReleasedKey(members=members, key=key)


def test_a_release_holds_no_more_than_a_cluster_has() -> None:
    whole = Release.of(b"", [b"x"] * 9, {})
    with pytest.raises(MalformedStatementError):
        Release.decode(whole.model_copy(update={"signatures": (b"x",) * 10}).encode())
    many = tuple(ReleasedKey(members=mask, key=bytes(OPENING_KEY_BYTES)) for mask in range(1, 128))
    with pytest.raises(MalformedStatementError):
        Release.decode(whole.model_copy(update={"keys": many}).encode())


def test_only_keys_that_were_committed_to_are_known() -> None:
    keys = keys_of(1)
    assert known_keys(opening(), keys) == keys
    wrong = {**keys, SETS[0]: keys[SETS[1]], frozenset({1, 2}): bytes(32)}
    assert known_keys(opening(), wrong) == {members: keys[members] for members in SETS[1:]}
    assert known_keys(opening(), keys_of(2)) == {}, "of another opening"


def test_no_text_shows_what_opens_or_was_opened() -> None:
    release = Release.of(opening().encode(), [], keys_of(1))
    key = keys_of(1)[SETS[0]]
    for text in (repr(release), str(release), repr(opening())):
        assert repr(key)[2:-1] not in text
        assert key.hex() not in text
