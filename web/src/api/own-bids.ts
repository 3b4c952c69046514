/**
 * What was bid in this tab, kept in memory only and lost with the tab: the price, which no party knows, and the receipts,
 * which stay even if a party denies them.
 */

import type { Bytes } from '../core/encoding'
import type { KeptOpening } from '../core/opening-file'
import type { HeldBid, VerifiedReceipt } from './held-bids'

/** What opens a bid, and its price as it was typed. */
interface OwnSecret {
  readonly price: string
  readonly opening: KeptOpening
}

interface OwnBid extends HeldBid {
  readonly receipts: Map<number, VerifiedReceipt>
  /** None of a withdrawal. */
  readonly secret: OwnSecret | undefined
}

/** By auction and bidder, then by the bundle's digest, in the order of their making. */
const bids = new Map<string, Map<string, OwnBid>>()
const typed = new Map<string, string>()

function ofBidder(auction: string, bidder: string): Map<string, OwnBid> {
  const key = `${auction}/${bidder}`
  const known = bids.get(key) ?? new Map<string, OwnBid>()
  bids.set(key, known)
  return known
}

/** Before any of it leaves: so no bid is with the parties that its bidder cannot open. */
export function rememberBid(
  auction: string,
  bidder: string,
  bid: Pick<HeldBid, 'bundle' | 'revision' | 'withdrawal'> & { readonly content: Bytes },
  secret?: { readonly price: string; readonly key: Bytes; readonly step: bigint },
): void {
  const { bundle, revision, withdrawal, content } = bid
  const own = secret && {
    price: secret.price,
    opening: { revision, bundle: content, secret: { key: secret.key, step: secret.step } },
  }
  ofBidder(auction, bidder).set(bundle, { bundle, revision, withdrawal, receipts: new Map(), secret: own })
}

export function rememberReceipt(auction: string, bidder: string, receipt: VerifiedReceipt): void {
  ofBidder(auction, bidder).get(receipt.content.bundle)?.receipts.set(receipt.content.party, receipt)
}

/** The revisions that any party signed for in this tab. */
export function rememberedBids(auction: string, bidder: string): HeldBid[] {
  return [...ofBidder(auction, bidder).values()].filter((bid) => bid.receipts.size > 0)
}

export function rememberedPrice(auction: string, bidder: string, bundle: string): string | undefined {
  return ofBidder(auction, bidder).get(bundle)?.secret?.price
}

/** What opens the bids of this tab, the newest last. */
export function rememberedOpenings(auction: string, bidder: string): KeptOpening[] {
  return [...ofBidder(auction, bidder).values()].flatMap((bid) => (bid.secret ? [bid.secret.opening] : []))
}

/** What is typed and not sent yet, by auction: it outlives a look at another page. */
export function rememberTyped(auction: string, text: string): void {
  typed.set(auction, text)
}

export function typedBefore(auction: string): string {
  return typed.get(auction) ?? ''
}
