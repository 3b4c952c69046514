/**
 * Showing the receipts that are in to all parties that can be reached. A bid that only some parties hold hangs on each
 * of them: one may be lost for good. And what a party signed it may deny later, or keep out of its list, also when all
 * have signed. What an honest party has seen signed, it puts in its list: then nobody can hide it.
 */

import { canonicalText, toBase64url, utf8, type Bytes, type Json } from '../core/encoding'
import { PageError } from '../core/errors'
import { handedOn } from './answers'
import type { HeldBid } from './bidding'
import { RefusedError, UnreachableError, type PartyConnection } from './connection'
import type { Parties } from './parties'
import type { Session } from './session'

/** How long receipts wait for those of slower parties before they are handed on. */
export const HAND_ON_AFTER_MS = 1_000

/** A party that was down when an auction was created opens it a little later than the others. */
const PASSING: readonly string[] = ['auction-not-open']

/** Whether a party that gave no receipt may still give one. */
export function passes(error: PageError): boolean {
  if (error instanceof RefusedError) return error.status >= 500 || PASSING.includes(error.code)
  return error instanceof UnreachableError
}

/** One bidder in one auction. */
export interface Bidding {
  readonly parties: Parties
  readonly auction: string
  /** How many receipts make a bundle count. */
  readonly needed: number
  /** Asked each time: who signs in again has other tokens. */
  readonly session: () => Session
}

type Shown = Pick<HeldBid, 'bundle' | 'receipts'>

function signersOf(bid: Shown): number[] {
  return [...bid.receipts.keys()].sort((one, other) => one - other)
}

/** One bidder's receipts in one auction, on their way to all parties. */
export class HandingOn {
  /** By party and bundle, whose receipts it was shown last. */
  private readonly shown = new Map<string, string>()

  constructor(private readonly bidding: Bidding) {}

  /** The parties that have not been shown all the receipts that are in; none while these are too few to count. */
  lacking(bid: Shown): readonly number[] {
    const signers = signersOf(bid)
    if (signers.length < this.bidding.needed) return []
    return this.bidding.parties.numbers.filter((party) => this.shown.get(`${party}/${bid.bundle}`) !== signers.join())
  }

  /**
   * Show all receipts for a bundle to every party that can be reached and has not seen as many.
   * @param content the bundle, for parties that do not have it.
   * @param away parties that are not to be asked.
   * @returns the parties that keep the receipts of the others now, of those that were shown them.
   */
  async show(bid: Shown, content: Bytes | undefined, away: ReadonlySet<number> = new Set()): Promise<readonly number[]> {
    const targets = this.lacking(bid).filter((party) => !away.has(party))
    const signers = signersOf(bid)
    for (const party of targets) this.shown.set(`${party}/${bid.bundle}`, signers.join())
    const receipts = signers.map((party) => toBase64url(bid.receipts.get(party)?.statement ?? new Uint8Array()))
    // Who signed has the bundle, so it is not sent there a second time.
    const bodyFor = (party: number): Json => ({
      bundle: content && !signers.includes(party) ? toBase64url(content) : null,
      receipts,
    })
    const outcomes = await this.bidding.parties.each(
      (party) => this.showTo(party, bid.bundle, signers, utf8(canonicalText(bodyFor(party.number)))),
      targets,
    )
    // Who could not be reached is shown them again when it is tried again.
    for (const [party, error] of outcomes.errors) if (passes(error)) this.shown.delete(`${party}/${bid.bundle}`)
    return [...outcomes.answers.keys()]
  }

  private async showTo(party: PartyConnection, bundle: string, signers: readonly number[], body: Bytes): Promise<void> {
    const token = this.bidding.session().tokenAt(party.number)
    const path = `/api/auctions/${this.bidding.auction}/receipts`
    const answer = await party.askFor(handedOn, path, { method: 'POST', body, token })
    const lacking = signers.filter((signer) => signer !== party.number && !answer.receipts_of.includes(signer))
    if (answer.bundle !== bundle || lacking.length) {
      throw new PageError('answer-not-understood', `party ${party.number} does not have what it was given`)
    }
  }
}
