from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.server.errors import PeerIdentityError
from aukciszek.server.links import identity_token
from aukciszek.server.links.identity_token import CLOCK_TOLERANCE_S, LIFETIME_S, IdentityTokens

if TYPE_CHECKING:
    from .conftest import DirectoryOf, StoppedClock, TokensOf

ONE, TWO, THREE = PartyNumber(1), PartyNumber(2), PartyNumber(3)


def forge(token: str, key: Any, algorithm: str = "EdDSA", **changes: Any) -> str:
    """Sign a token's claims again, with some of them changed (``None``: left out)."""
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False}) | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm=algorithm)


def test_a_party_proves_who_it_is_and_gets_the_answer(tokens_of: "TokensOf") -> None:
    one, two = tokens_of(1), tokens_of(2)
    shown, shown_id = one.issue(TWO)
    assert two.verify(shown, ONE) == shown_id
    answer, _ = two.issue(ONE, answers=shown_id)
    one.verify(answer, TWO, answers=shown_id)


def test_a_token_is_for_one_receiver(tokens_of: "TokensOf") -> None:
    token, _ = tokens_of(1).issue(TWO)
    with pytest.raises(PeerIdentityError, match="another receiver"):
        tokens_of(3).verify(token, ONE)


def test_a_token_of_one_party_is_none_of_another(tokens_of: "TokensOf") -> None:
    token, _ = tokens_of(1).issue(TWO)
    with pytest.raises(PeerIdentityError, match="not signed with the identity key of party 3"):
        tokens_of(2).verify(token, THREE)


def test_a_party_cannot_speak_in_another_ones_name(tokens_of: "TokensOf", identities: list[Identity]) -> None:
    token, _ = tokens_of(1).issue(TWO)
    forged = forge(token, identities[0].key, iss="3")
    with pytest.raises(PeerIdentityError, match="another issuer"):
        tokens_of(2).verify(forged, ONE)


def test_a_token_works_once(tokens_of: "TokensOf") -> None:
    token, _ = tokens_of(1).issue(TWO)
    receiver = tokens_of(2)
    receiver.verify(token, ONE)
    with pytest.raises(PeerIdentityError, match="used before"):
        receiver.verify(token, ONE)


def test_a_token_expires(tokens_of: "TokensOf", clock: "StoppedClock") -> None:
    token, _ = tokens_of(1).issue(TWO)
    clock.advance(LIFETIME_S + CLOCK_TOLERANCE_S + 1)
    with pytest.raises(PeerIdentityError, match="compare the clocks"):
        tokens_of(2).verify(token, ONE)


def test_a_used_token_stays_used_until_it_has_expired(tokens_of: "TokensOf", clock: "StoppedClock") -> None:
    token, _ = tokens_of(1).issue(TWO)
    receiver = tokens_of(2)
    receiver.verify(token, ONE)
    while clock.passed_s < LIFETIME_S + CLOCK_TOLERANCE_S + 5:
        clock.advance(5)
        other, _ = tokens_of(1).issue(TWO)
        receiver.verify(other, ONE)
        with pytest.raises(PeerIdentityError):
            receiver.verify(token, ONE)


def test_a_token_from_the_future_is_refused(tokens_of: "TokensOf", clock: "StoppedClock") -> None:
    clock.advance(CLOCK_TOLERANCE_S + 1)
    token, _ = tokens_of(1).issue(TWO)
    clock.advance(-CLOCK_TOLERANCE_S - 1)
    with pytest.raises(PeerIdentityError, match="compare the clocks"):
        tokens_of(2).verify(token, ONE)


def test_clocks_may_differ_a_little(tokens_of: "TokensOf", clock: "StoppedClock") -> None:
    clock.advance(CLOCK_TOLERANCE_S - 1)
    token, _ = tokens_of(1).issue(TWO)
    clock.advance(-CLOCK_TOLERANCE_S + 1)
    tokens_of(2).verify(token, ONE)


def test_another_cluster_file_is_noticed(
    tokens_of: "TokensOf",
    directory_of: "DirectoryOf",
    cluster: Cluster,
    identities: list[Identity],
    clock: "StoppedClock",
) -> None:
    renamed = [party.model_copy(update={"name": f"{party.name}!"}) for party in cluster.parties]
    directory = replace(directory_of(1), cluster=Cluster.build(renamed)[0])
    token, _ = IdentityTokens(directory, identities[0], clock).issue(TWO)
    with pytest.raises(PeerIdentityError, match="another cluster file"):
        tokens_of(2).verify(token, ONE)


def test_another_threshold_is_noticed(
    tokens_of: "TokensOf", directory_of: "DirectoryOf", identities: list[Identity], clock: "StoppedClock"
) -> None:
    directory = replace(directory_of(1), threshold=2)
    token, _ = IdentityTokens(directory, identities[0], clock).issue(TWO)
    with pytest.raises(PeerIdentityError, match="threshold 2, this party 1"):
        tokens_of(2).verify(token, ONE)


def test_an_answer_belongs_to_its_connection(tokens_of: "TokensOf") -> None:
    one, two = tokens_of(1), tokens_of(2)
    _, first_id = one.issue(TWO)
    _, second_id = one.issue(TWO)
    answer, _ = two.issue(ONE, answers=first_id)
    with pytest.raises(PeerIdentityError, match="does not belong"):
        one.verify(answer, TWO, answers=second_id)
    with pytest.raises(PeerIdentityError, match="does not belong"):
        one.verify(answer, TWO)


def test_an_unsigned_token_is_refused(tokens_of: "TokensOf") -> None:
    token, _ = tokens_of(1).issue(TWO)
    with pytest.raises(PeerIdentityError, match="not signed"):
        tokens_of(2).verify(forge(token, None, "none"), ONE)


def test_a_token_signed_with_the_public_key_as_a_password_is_refused(
    tokens_of: "TokensOf", identities: list[Identity]
) -> None:
    token, _ = tokens_of(1).issue(TWO)
    password = identities[0].public.key.public_bytes_raw()
    with pytest.raises(PeerIdentityError, match="not signed"):
        tokens_of(2).verify(forge(token, password, "HS256"), ONE)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": 2**40}, id="lives for ever"),
        pytest.param({"iat": None}, id="no time of issue"),
        pytest.param({"exp": None}, id="no end"),
        pytest.param({"jti": None}, id="no id"),
        pytest.param({"jti": "short"}, id="id that can be guessed"),
        pytest.param({"jti": "x" * 10_000}, id="id that fills the memory"),
        pytest.param({"cluster": None}, id="no cluster"),
        pytest.param({"threshold": "1"}, id="threshold as text"),
        pytest.param({"admin": True}, id="a claim that nobody agreed on"),
        pytest.param({"aud": ["2", "3"]}, id="several receivers"),
        pytest.param({"exp": 1.5}, id="a fraction of a second"),
        pytest.param({"iat": -(2**60), "exp": -(2**60) + 60}, id="before the beginning of time"),
        pytest.param({"iat": 2**60, "exp": 2**60 + 60}, id="after the end of time"),
    ],
)
def test_only_the_agreed_claims_are_accepted(
    tokens_of: "TokensOf", identities: list[Identity], changes: dict[str, Any]
) -> None:
    token, _ = tokens_of(1).issue(TWO)
    with pytest.raises(PeerIdentityError):
        tokens_of(2).verify(forge(token, identities[0].key, **changes), ONE)


@pytest.mark.parametrize("token", ["", "a.b.c", "eyJ.eyJ.", "\x00", "ü.ü.ü", "." * 3000, "eyJhbGciOiJFZERTQSJ9.e30."])
def test_garbage_is_refused(tokens_of: "TokensOf", token: str) -> None:
    with pytest.raises(PeerIdentityError):
        tokens_of(2).verify(token, ONE)


def test_a_peer_cannot_fill_the_memory_with_tokens(
    tokens_of: "TokensOf", clock: "StoppedClock", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_token, "MOST_TOKENS_REMEMBERED", 3)
    sender, receiver = tokens_of(1), tokens_of(2)
    for _ in range(3):
        receiver.verify(sender.issue(TWO)[0], ONE)
    with pytest.raises(PeerIdentityError, match="too many"):
        receiver.verify(sender.issue(TWO)[0], ONE)
    clock.advance(LIFETIME_S + CLOCK_TOLERANCE_S + 1)
    receiver.verify(sender.issue(TWO)[0], ONE)


def test_a_refusal_quotes_nothing_of_the_token(tokens_of: "TokensOf", identities: list[Identity]) -> None:
    token, token_id = tokens_of(1).issue(TWO)
    receiver = tokens_of(2)
    receiver.verify(token, ONE)
    for bad in (token, forge(token, identities[1].key), forge(token, identities[0].key, jti="s3cret")):
        with pytest.raises(PeerIdentityError) as refusal:
            receiver.verify(bad, ONE)
        assert not any(part in refusal.value.message for part in (*bad.split("."), token_id, "s3cret"))
