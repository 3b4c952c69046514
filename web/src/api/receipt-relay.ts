/**
 * Receipt relay: every receipt that a bidder has goes to all parties that can be reached. A bid that only some parties
 * know depends on each of them, and a party could later deny what it signed, or leave it out of its receipt list. An
 * honest party lists every genuine receipt that it was shown, so that after the relay no single party can hide one.
 */

import { canonicalText, toBase64url, utf8, type Bytes, type Json } from '../core/encoding'
import { PageError } from '../core/errors'
import { relayedReceipts } from './answers'
import { RefusedError, UnreachableError, type PartyConnection } from './connection'
import type { HeldBid } from './held-bids'
import type { Parties } from './parties'
import type { Session } from './session'

/** How long the relay waits for the receipts of slower parties. */
export const RELAY_AFTER_MS = 1_000

/** A party that was down when an auction was created opens it a little later than the others. */
const TEMPORARY: readonly string[] = ['auction-not-open']

/** Whether the same request may succeed later. */
export function isTemporary(error: PageError): boolean {
  if (error instanceof RefusedError) return error.status >= 500 || TEMPORARY.includes(error.code)
  return error instanceof UnreachableError
}

/** One bidder in one auction. */
export interface Bidding {
  readonly parties: Parties
  readonly auction: string
  /** How many receipts make a bundle count. */
  readonly needed: number
  /** Asked each time: after signing in again the tokens are others. */
  readonly session: () => Session
}

type Receipted = Pick<HeldBid, 'bundle' | 'receipts'>

function signersOf(bid: Receipted): number[] {
  return [...bid.receipts.keys()].sort((one, other) => one - other)
}

/** One bidder's receipts in one auction, on their way to all parties. */
export class ReceiptRelay {
  /** By party and bundle, whose receipts the party was sent last. */
  private readonly sent = new Map<string, string>()

  constructor(private readonly bidding: Bidding) {}

  /** The parties that lack some of the receipts; none while the receipts are too few for the bundle to count. */
  lacking(bid: Receipted): readonly number[] {
    const signers = signersOf(bid)
    if (signers.length < this.bidding.needed) return []
    return this.bidding.parties.numbers.filter((party) => this.sent.get(`${party}/${bid.bundle}`) !== signers.join())
  }

  /**
   * Send all receipts for a bundle to every party that lacks some of them.
   * @param content the bundle, for parties that did not sign for it.
   * @param skipped parties that are not asked now.
   * @returns the parties that confirmed, of those that were asked, that they keep the receipts.
   */
  async relay(
    bid: Receipted,
    content: Bytes | undefined,
    skipped: ReadonlySet<number> = new Set(),
  ): Promise<readonly number[]> {
    const targets = this.lacking(bid).filter((party) => !skipped.has(party))
    const signers = signersOf(bid)
    for (const party of targets) this.sent.set(`${party}/${bid.bundle}`, signers.join())
    const receipts = signers.map((party) => toBase64url(bid.receipts.get(party)?.statement ?? new Uint8Array()))
    // A party that signed has the bundle, so it is not sent there a second time.
    const bodyFor = (party: number): Json => ({
      bundle: content && !signers.includes(party) ? toBase64url(content) : null,
      receipts,
    })
    const outcomes = await this.bidding.parties.each(
      (party) => this.send(party, bid.bundle, signers, utf8(canonicalText(bodyFor(party.number)))),
      targets,
    )
    // A party that could not be reached still lacks them.
    for (const [party, error] of outcomes.errors) if (isTemporary(error)) this.sent.delete(`${party}/${bid.bundle}`)
    return [...outcomes.answers.keys()]
  }

  private async send(party: PartyConnection, bundle: string, signers: readonly number[], body: Bytes): Promise<void> {
    const token = this.bidding.session().tokenAt(party.number)
    const path = `/api/auctions/${this.bidding.auction}/receipts`
    const answer = await party.askFor(relayedReceipts, path, { method: 'POST', body, token })
    const missing = signers.filter((signer) => signer !== party.number && !answer.receipts_of.includes(signer))
    if (answer.bundle !== bundle || missing.length) {
      throw new PageError('answer-not-understood', `party ${party.number} does not keep the receipts that it was sent`)
    }
  }
}
