"""Why a session ended without an outcome, or none can begin."""

from aukciszek.mpc.errors import MpcError, PartiesMissingError
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import BundleDigest


class SessionGivenUpError(PartiesMissingError):
    """Parties that were ready for a session did not come to its first round."""

    code = "session-given-up"


class RecoveredShareError(MpcError):
    """A share that this party recovered is not the one that its bundle commits to: a helper, or its bidder, lies."""

    code = "recovered-share-wrong"

    def __init__(self, bundle: BundleDigest) -> None:
        super().__init__(
            f"the share of bundle {bundle} that the other parties helped to is not the one that it commits to: a party "
            "or the bidder deviates from the protocol, so the session was stopped before the share was used; ask the "
            "other operators, and see who bid"
        )


class KeysNotChosenError(AuctionError):
    """The parties' key tables give no key for some of their sets, so nothing can be computed."""

    code = "keys-not-chosen"


class InputSetLostError(AuctionError):
    """The input set that a session began on cannot be had any more, so nothing may be computed."""

    code = "input-set-lost"
