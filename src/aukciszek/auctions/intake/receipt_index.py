"""What a party gave receipts for in one auction, in short and in memory, so that a new bid asks no table for it.

The party's database says the same and is the only one that counts; this is read from it at the start and follows it.
"""

from collections import Counter

from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.storage.repositories.auctions import AuctionRepository


class ReceiptIndex:
    """Of every bidder the latest revision with this party's receipt, and how many receipts there are."""

    def __init__(self) -> None:
        self.receipts = 0
        """How many receipts this party gave."""
        self.standing = 0
        """How many bidders have a bid that is not withdrawn."""
        self._receipts_of: Counter[UserId] = Counter()
        self._latest: dict[UserId, tuple[int, bool]] = {}

    async def load(self, repository: AuctionRepository, auction: AuctionId) -> None:
        """Read what was stored before a restart."""
        for head in await repository.own_receipts(auction):
            self.note(UserId(head.bidder), head.revision, withdrawal=head.withdrawal)

    def latest(self, bidder: UserId) -> int:
        """Return a bidder's latest revision; 0 if there is none."""
        return self._latest.get(bidder, (0, True))[0]

    def stands(self, bidder: UserId) -> bool:
        """Tell whether a bidder has a bid that is not withdrawn."""
        return not self._latest.get(bidder, (0, True))[1]

    def receipts_of(self, bidder: UserId) -> int:
        """Return how many receipts this party gave a bidder."""
        return self._receipts_of[bidder]

    def note(self, bidder: UserId, revision: int, *, withdrawal: bool) -> None:
        """Take in one more receipt, in any order."""
        self.receipts += 1
        self._receipts_of[bidder] += 1
        latest, withdrawn = self._latest.get(bidder, (0, True))
        if revision > latest:
            self._latest[bidder] = (revision, withdrawal)
            self.standing += withdrawn - withdrawal
