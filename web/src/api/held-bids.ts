/**
 * The user's own bid as the parties hold it: its revisions, and the receipts for each. A receipt is believed once its
 * signature is verified, and stays even if the party that signed it denies it later.
 */

import type { Bytes } from '../core/encoding'
import { PageError } from '../core/errors'
import type { ReceiptFile } from '../core/receipts'
import { readStatement, RECEIPT, type Receipt } from '../core/statements'
import { ownBids, type OwnBidAnswer } from './answers'
import type { Overview } from './overview'
import { need, type Parties } from './parties'
import type { Session } from './session'

/** A bid may have reached a few parties only; but no corrupt party must push a bidder to the last possible revision. */
const BELIEVABLE_LEAD = 8

export interface VerifiedReceipt {
  readonly content: Receipt
  /** The signed statement, as the party sent it. */
  readonly statement: Bytes
}

/** One revision of the user's own bid, and the verified receipts of the parties that hold it. */
export interface HeldBid {
  readonly bundle: string
  readonly revision: number
  readonly withdrawal: boolean
  readonly receipts: ReadonlyMap<number, VerifiedReceipt>
}

/** @throws PageError if the party did not sign it, or signed for something else. */
export async function verifyReceipt(
  parties: Parties,
  party: number,
  auction: string,
  bundle: string,
  statement: Bytes,
): Promise<VerifiedReceipt> {
  const content = await readStatement(RECEIPT, statement, parties.cluster)
  if (content.party !== party || content.auction !== auction || content.bundle !== bundle) {
    throw new PageError('forged-statement', `party ${party} gave a receipt for something else`, { party })
  }
  return { content, statement }
}

/** All revisions of the user's bid that the parties hold, ascending; a party that sends a false receipt is ignored. */
export async function heldBids(parties: Parties, session: Session, overview: Overview): Promise<HeldBid[]> {
  const { id, spec } = overview
  const outcomes = await parties.each(async (party) => {
    const answer = await party.askFor(ownBids, `/api/auctions/${id}/bids`, { token: session.tokenAt(party.number) })
    return Promise.all(
      answer.bids.map(async (bid): Promise<[OwnBidAnswer, VerifiedReceipt]> => {
        return [bid, await verifyReceipt(parties, party.number, id, bid.bundle, bid.statement)]
      }),
    )
  })
  const held = new Map<string, HeldBid & { readonly receipts: Map<number, VerifiedReceipt> }>()
  for (const [party, bids] of need(outcomes, spec.threshold + 1)) {
    for (const [{ bundle, revision, withdrawal }, found] of bids) {
      const known = held.get(bundle) ?? { bundle, revision, withdrawal, receipts: new Map<number, VerifiedReceipt>() }
      known.receipts.set(party, found)
      held.set(bundle, known)
    }
  }
  return [...held.values()].sort((one, other) => one.revision - other.revision)
}

/**
 * What the parties report and what the page has itself, one entry for each revision. Of two bundles with one revision,
 * the one that more parties signed for stays.
 */
export function mergeHeld(reported: readonly HeldBid[], own: readonly HeldBid[]): HeldBid[] {
  const byBundle = new Map<string, HeldBid>()
  for (const bid of [...own, ...reported]) {
    const known = byBundle.get(bid.bundle)
    byBundle.set(bid.bundle, { ...bid, receipts: new Map([...(known?.receipts ?? []), ...bid.receipts]) })
  }
  const byRevision = new Map<number, HeldBid>()
  for (const bid of byBundle.values()) {
    const known = byRevision.get(bid.revision)
    if (!known || bid.receipts.size > known.receipts.size) byRevision.set(bid.revision, bid)
  }
  return [...byRevision.values()].sort((one, other) => one.revision - other.revision)
}

/**
 * One more than the last revision that any party holds. A revision that at most `threshold` parties report is believed
 * only if it is close to what the others report.
 */
export function nextRevision(held: readonly HeldBid[], threshold: number): number {
  const latest = new Map<number, number>()
  for (const bid of held) {
    for (const party of bid.receipts.keys()) latest.set(party, Math.max(bid.revision, latest.get(party) ?? 0))
  }
  const reported = [...latest.values()].sort((one, other) => other - one)
  const certain = reported[threshold] ?? 0
  return Math.max(0, ...reported.filter((revision) => revision <= certain + BELIEVABLE_LEAD)) + 1
}

/**
 * The receipts of all revisions as a file that `aukciszek verify --receipts` and `aukciszek bid relay` read.
 * @param last the bundle of the last revision, if this page has it.
 */
export function receiptFile(auction: string, bidder: string, held: readonly HeldBid[], last?: Bytes): ReceiptFile {
  return {
    version: 1,
    auction,
    bidder,
    bids: held.map(({ bundle, revision, withdrawal, receipts }, index) => ({
      bundle,
      revision,
      withdrawal,
      receipts: [...receipts].sort(([one], [other]) => one - other).map(([, receipt]) => receipt.statement),
      content: index === held.length - 1 ? last : undefined,
    })),
  }
}
