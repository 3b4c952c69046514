"""One corrupt party repeats what costs others something: an entry among the incidents, or an answer that is sealed."""

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.keys.envelopes import KeysWanted
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import SealingKeyStatement, sign
from aukciszek.protocol.sealing.keys import SealingKeyPair
from support.corrupt import tell
from support.parties import StartParties
from support.passing import let_pass, opened

CORRUPT = 3


async def test_a_party_that_contradicts_itself_without_end_does_not_fill_the_list_of_incidents(
    start_parties: StartParties,
) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    keys = [SealingKeyPair.new().public_bytes for _ in range(2)]
    for number in range(60):
        statement = SealingKeyStatement(
            auction=spec.auction_id, party=PartyNumber(CORRUPT), public_key=keys[number % 2]
        )
        content = sign(statement, parties.identities[CORRUPT - 1]).encode()
        await tell(parties, CORRUPT, 1, MessageKind.SEALING_KEY, spec.auction_id, content)
    await let_pass(parties, 2)
    found = [one for one in await parties.service(1).queries.incidents(1000) if one.kind == "two-sealing-keys"]
    assert 1 <= len(found) <= 10


async def test_a_party_that_asks_for_keys_without_end_gets_few_answers(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    answers: list[PeerMessage] = []

    def listen(sender: PartyNumber, message: PeerMessage) -> None:
        if sender == 1 and message.kind is MessageKind.KEYS:
            answers.append(message)

    parties.network.on_sent = listen
    wanted = KeysWanted(
        auction=spec.auction_id, party=PartyNumber(CORRUPT), public_key=SealingKeyPair.new().public_bytes
    )
    content = sign(wanted, parties.identities[CORRUPT - 1]).encode()
    for _ in range(60):
        await tell(parties, CORRUPT, 1, MessageKind.KEYS_WANTED, spec.auction_id, content)
    await let_pass(parties, 2)
    assert 1 <= len(answers) <= 5
