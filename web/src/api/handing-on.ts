/**
 * Showing the receipts that are in to all parties that can be reached. A bid that only some parties hold hangs on each
 * of them: one may be lost for good, or deny its receipt. What an honest party has seen signed, it puts in its list.
 */

import { canonicalText, toBase64url, utf8, type Bytes, type Json } from '../core/encoding'
import { PageError } from '../core/errors'
import { handedOn } from './answers'
import type { HeldBid } from './bidding'
import { RefusedError, UnreachableError } from './connection'
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

/** One bidder's receipts in one auction, on their way to all parties. */
export class HandingOn {
  /** By party and bundle, whose receipts it was shown last. */
  private readonly shown = new Map<string, string>()

  constructor(
    private readonly parties: Parties,
    private readonly session: Session,
    private readonly auction: string,
    /** How many receipts make a bundle count. */
    private readonly needed: number,
  ) {}

  /**
   * Show all receipts for a bundle to every party that can be reached and has not seen as many; nothing to do while they
   * are too few, or when all parties gave one.
   * @param content the bundle, for parties that do not have it.
   * @param away parties that are not to be asked.
   * @returns the parties that keep the receipts of the others now, of those that were shown them.
   */
  async show(
    bid: Pick<HeldBid, 'bundle' | 'receipts'>,
    content: Bytes | undefined,
    away: ReadonlySet<number> = new Set(),
  ): Promise<readonly number[]> {
    const signers = [...bid.receipts.keys()].sort((one, other) => one - other)
    if (signers.length < this.needed || signers.length === this.parties.numbers.length) return []
    const story = signers.join()
    const targets = this.parties.numbers.filter(
      (party) => !away.has(party) && this.shown.get(`${party}/${bid.bundle}`) !== story,
    )
    for (const party of targets) this.shown.set(`${party}/${bid.bundle}`, story)
    const receipts = signers.map((party) => toBase64url(bid.receipts.get(party)?.statement ?? new Uint8Array()))
    const plain: Json = { bundle: content ? toBase64url(content) : null, receipts }
    const body = utf8(canonicalText(plain))
    const outcomes = await this.parties.each(async (party) => {
      const token = this.session.tokenAt(party.number)
      const answer = await party.askFor(handedOn, `/api/auctions/${this.auction}/receipts`, { method: 'POST', body, token })
      const lacking = signers.filter((signer) => signer !== party.number && !answer.receipts_of.includes(signer))
      if (answer.bundle !== bid.bundle || lacking.length) {
        throw new PageError('answer-not-understood', `party ${party.number} does not have what it was given`)
      }
    }, targets)
    // Who could not be reached is shown them again when it is tried again.
    for (const [party, error] of outcomes.errors) if (passes(error)) this.shown.delete(`${party}/${bid.bundle}`)
    return [...outcomes.answers.keys()]
  }
}
