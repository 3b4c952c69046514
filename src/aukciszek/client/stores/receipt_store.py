"""A bidder's receipt file, kept up to date: written again in one step, so that an interruption never damages it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from aukciszek.client.errors import ReceiptStoreError
from aukciszek.client.stores.replacing import replace_file
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.statements import Receipt, Signed
from aukciszek.protocol.rules.errors import MalformedReceiptFileError
from aukciszek.protocol.rules.identifiers import parse_auction_id, parse_user_id
from aukciszek.protocol.sealing.bundle import BundleHeader


def read_receipt_file(path: Path) -> ReceiptFile:
    """Read a receipt file.

    Raises:
        MalformedReceiptFileError: it is missing or not a receipt file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MalformedReceiptFileError(f"cannot read the receipt file {path} ({error.strerror})") from error
    return ReceiptFile.decode(content)


class ReceiptStore:
    """Where one bidder's receipts in one auction are kept; nowhere, if no file was named."""

    def __init__(self, path: Path | None, file: ReceiptFile) -> None:
        self._path = path
        self._file = file

    @classmethod
    def open(cls, path: Path | None, auction: str, bidder: str) -> Self:
        """Open the file, which need not exist yet.

        Raises:
            MalformedIdentifierError: ``auction`` is no auction id, or ``bidder`` no user id.
            MalformedReceiptFileError: there is a file that is no receipt file.
            ReceiptStoreError: there are receipts of another auction or bidder in it, or it cannot be written.
        """
        empty = ReceiptFile(auction=parse_auction_id(auction), bidder=parse_user_id(bidder), bids=())
        if path is None or not path.exists():
            store = cls(path, empty)
        else:
            store = cls(path, read_receipt_file(path))
            if (store._file.auction, store._file.bidder) != (empty.auction, empty.bidder):
                raise ReceiptStoreError(f"{path} holds receipts of another auction or bidder: choose another file")
        store._write()
        return store

    def add(self, header: BundleHeader, receipts: Iterable[Signed[Receipt]], content: bytes | None = None) -> None:
        """Keep the receipts for one revision and, of the last one, the sealed bundle if it is at hand.

        Raises:
            ReceiptStoreError: the file cannot be written.
        """
        self._file = self._file.with_bid(header, receipts, content)
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            replace_file(self._path, self._file.encode())
        except OSError as error:
            raise ReceiptStoreError(f"cannot write {self._path} ({error.strerror}): choose another file") from error
