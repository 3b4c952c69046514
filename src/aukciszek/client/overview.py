"""What a client believes about an auction, put together from what the parties say.

The auction's id is the hash of its rules, so rules need one honest party only: others cannot pass. Sealing keys
are signed by their own party, so it does not matter who relays them; two different keys signed by one party
prove that this party is corrupt. Everything else (states, counts) is each party's word and shown as such.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from aukciszek.client.errors import (
    AnswerNotUnderstoodError,
    ForgedStatementError,
    PartiesDisagreeError,
    SealingKeysMissingError,
)
from aukciszek.client.schemas import AuctionAnswer
from aukciszek.cluster import Cluster
from aukciszek.encoding import canonical_json
from aukciszek.errors import AukciszekError
from aukciszek.protocol.evidence.statements import SealingKeyStatement, read_statement
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import CANCELLABLE, AuctionState
from aukciszek.protocol.sealing.keys import SealingPublicKey


@dataclass(frozen=True)
class AuctionOverview:
    """One auction as all parties that answered describe it.

    Attributes:
        id: the hash of the rules.
        spec: the rules; verified against the id and against the client's cluster file.
        answers: each party's word, by party number.
        errors: the parties that gave no usable answer.
        sealing_keys: verified keys, by the party that signed them.
    """

    id: AuctionId
    spec: AuctionSpec
    answers: Mapping[int, AuctionAnswer]
    errors: Mapping[int, AukciszekError]
    sealing_keys: Mapping[int, SealingPublicKey]

    @classmethod
    def combine(
        cls,
        auction: AuctionId,
        answers: Mapping[int, AuctionAnswer],
        errors: Mapping[int, AukciszekError],
        cluster: Cluster,
    ) -> Self:
        """Put the parties' answers together; a party whose answer does not hold moves to the errors.

        Raises:
            AnswerNotUnderstoodError: no party gave rules that belong to ``auction``.
            PartiesDisagreeError: a party signed two sealing keys.
        """
        good: dict[int, AuctionAnswer] = {}
        bad = dict(errors)
        keys: dict[int, SealingPublicKey] = {}
        spec: AuctionSpec | None = None
        for party, answer in answers.items():
            try:
                spec = _rules(auction, answer, party, cluster)
                found = _sealing_keys(auction, answer, party, cluster)
            except AukciszekError as error:
                bad[party] = error
                continue
            good[party] = answer
            _join(keys, found)
        if spec is None:
            raise next(iter(bad.values()), AnswerNotUnderstoodError("no party described the auction"))
        return cls(auction, spec, good, bad, keys)

    @property
    def state(self) -> AuctionState:
        """The state that most parties report; of several equally frequent ones, the earliest."""
        order = list(AuctionState)
        counted = Counter(answer.state for answer in self.answers.values())
        return max(counted, key=lambda state: (counted[state], -order.index(state)))

    @property
    def bids(self) -> int:
        """The largest number of bids that a party reports."""
        return max(answer.bids for answer in self.answers.values())

    @property
    def is_being_cancelled(self) -> bool:
        """Whether so many parties report that an order to cancel counts that one is honest, and it is not done yet."""
        reporters = [one for one in self.answers.values() if len(set(one.cancel_vouchers)) > self.spec.threshold]
        return self.state in CANCELLABLE and len(reporters) > self.spec.threshold

    def all_sealing_keys(self) -> Sequence[SealingPublicKey]:
        """Return every party's sealing key, in the order of their numbers.

        Raises:
            SealingKeysMissingError: a party has not made its key known yet.
        """
        missing = [number for number in range(1, self.spec.parties + 1) if number not in self.sealing_keys]
        if missing:
            raise SealingKeysMissingError(
                f"the sealing keys of the parties {', '.join(map(str, missing))} are not known yet: try again shortly"
            )
        return [self.sealing_keys[number] for number in range(1, self.spec.parties + 1)]


def rules_of(answer: AuctionAnswer, party: int, cluster: Cluster) -> AuctionSpec:
    """Return the rules in a party's answer, which must be those of the id that it names.

    Raises:
        AnswerNotUnderstoodError: the rules are not valid.
        ForgedStatementError: they belong to another auction.
        PartiesDisagreeError: they are for another cluster.
    """
    try:
        spec = AuctionSpec.parse(canonical_json(answer.spec))
    except (AuctionError, ValueError) as error:
        raise AnswerNotUnderstoodError(f"party {party} gave rules that are not valid: {error}") from error
    if spec.auction_id != answer.id:
        raise ForgedStatementError(f"party {party} gave rules that do not belong to the auction's id")
    if spec.cluster != cluster.digest:
        raise PartiesDisagreeError("the auction is run by another cluster than yours: compare the cluster files")
    return spec


def _rules(auction: AuctionId, answer: AuctionAnswer, party: int, cluster: Cluster) -> AuctionSpec:
    if answer.id != auction:
        raise ForgedStatementError(f"party {party} answered about another auction")
    return rules_of(answer, party, cluster)


def _sealing_keys(
    auction: AuctionId, answer: AuctionAnswer, party: int, cluster: Cluster
) -> dict[int, SealingPublicKey]:
    keys: dict[int, SealingPublicKey] = {}
    for relayed in answer.sealing_keys:
        statement = read_statement(SealingKeyStatement, relayed.statement, cluster).content
        if statement.auction != auction or statement.party != relayed.party:
            raise ForgedStatementError(f"party {party} relays a sealing key of another auction or party")
        _join(keys, {statement.party: SealingPublicKey(statement.public_key)})
    return keys


def _join(keys: dict[int, SealingPublicKey], found: Mapping[int, SealingPublicKey]) -> None:
    for number, key in found.items():
        if keys.setdefault(number, key).content != key.content:
            raise PartiesDisagreeError(f"party {number} signed two different sealing keys: it is corrupt, do not bid")
