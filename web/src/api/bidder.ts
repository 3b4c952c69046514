/**
 * Bidding, from a price to receipts. The price leaves this page only as sealed shares: one bundle, the same bytes for
 * all parties, in which each can open its own envelope alone. What opens the bid is kept before anything is sent.
 */

import { bundleDigest, encodeBundle, withdrawalOf } from '../core/bundle'
import { sealBid } from '../core/sealing'
import { gridOf } from '../core/spec'
import { nextRevision, type HeldBid } from './held-bids'
import { allSealingKeys, describeAuction } from './overview'
import { rememberBid, rememberReceipt } from './own-bids'
import { ReceiptRelay, type Bidding } from './receipt-relay'
import { BidSubmission, receiptsIn, refusalsIn, type OwnBundle, type SubmissionState } from './submission'

/** A price as it was split: what the picture of a bid shows. */
export interface SplitPrice {
  readonly price: string
  readonly bits: readonly number[]
  /** By party, what its envelope holds. */
  readonly shares: readonly (readonly bigint[])[]
}

export interface BidderState {
  /** Whether a bid or a withdrawal is being prepared. */
  readonly isSealing: boolean
  /** The bid of this visit, once it is sealed; none after a withdrawal. */
  readonly split: SplitPrice | null
  /** What was submitted last in this visit, and how far it is. */
  readonly bundle: OwnBundle | null
  readonly submission: SubmissionState | null
}

export interface BidderListener {
  readonly onChange: (state: BidderState) => void
  /** An automatic repeat brought more receipts. */
  readonly onMoreReceipts: () => void
}

const NOTHING_YET: BidderState = { isSealing: false, split: null, bundle: null, submission: null }

/** One person's bids in one auction during one visit to its page. */
export class Bidder {
  private readonly relay: ReceiptRelay
  private submission: BidSubmission | null = null
  private current = NOTHING_YET

  constructor(
    private readonly bidding: Bidding,
    private readonly listener: BidderListener,
  ) {
    this.relay = new ReceiptRelay(bidding)
  }

  get state(): BidderState {
    return this.current
  }

  /**
   * Split, seal and submit a price, as the next revision.
   * @param held the revisions that are known.
   * @throws PageError if the price cannot be bid, not every party is ready for bids, or too few signed.
   */
  async place(price: string, held: readonly HeldBid[]): Promise<void> {
    const { auction, bidder, revision } = this.begin(held)
    const bid = await this.prepare(async () => {
      // The newest sealing keys: the page may have been open for long.
      const overview = await describeAuction(this.bidding.parties, auction)
      const { spec } = overview
      const grid = gridOf(spec)
      const step = grid.toStep(price)
      const bits = grid.bitsOf(step)
      const sealed = await sealBid({ auction, bidder, revision }, bits, spec.threshold, allSealingKeys(overview))
      const content = encodeBundle(sealed.bundle)
      const made = { content, bundle: await bundleDigest(content), revision, withdrawal: false }
      rememberBid(auction, bidder, made, { price, key: sealed.key, step })
      this.change({ split: { price, bits, shares: sealed.dealing.shares } })
      return made
    })
    await this.submit(bid, bidder)
  }

  /** Submit a withdrawal, as the next revision. @throws PageError if too few signed. */
  async withdraw(held: readonly HeldBid[]): Promise<void> {
    const { auction, bidder, revision } = this.begin(held)
    const bid = await this.prepare(async () => {
      const content = encodeBundle(withdrawalOf({ auction, bidder, revision }))
      const made = { content, bundle: await bundleDigest(content), revision, withdrawal: true }
      rememberBid(auction, bidder, made)
      return made
    })
    await this.submit(bid, bidder)
  }

  /** Send what was submitted last to the parties that have not signed for it. @throws PageError if too few signed. */
  async sendAgain(): Promise<void> {
    await this.submission?.send()
  }

  /**
   * Relay the receipts of a bid from an earlier visit, unless something was submitted in this one.
   * @returns what stops it.
   */
  resume(held: HeldBid): () => void {
    if (this.submission || this.current.isSealing) return () => undefined
    const resumed = BidSubmission.resume(this.bidding, this.relay, held)
    return () => {
      resumed.stop()
    }
  }

  stop(): void {
    this.submission?.stop()
  }

  private begin(held: readonly HeldBid[]): { auction: string; bidder: string; revision: number } {
    const { auction, needed, session } = this.bidding
    return { auction, bidder: session().uid, revision: nextRevision(held, needed - 1) }
  }

  private async prepare(make: () => Promise<OwnBundle>): Promise<OwnBundle> {
    this.stop()
    this.submission = null
    this.change({ ...NOTHING_YET, isSealing: true })
    try {
      return await make()
    } catch (error) {
      this.change({ isSealing: false })
      throw error
    }
  }

  private async submit(bid: OwnBundle, bidder: string): Promise<void> {
    this.submission = new BidSubmission(this.bidding, this.relay, bid, {
      onChange: (state) => {
        for (const receipt of receiptsIn(state)) rememberReceipt(this.bidding.auction, bidder, receipt)
        this.change({ submission: state })
      },
      onMoreReceipts: this.listener.onMoreReceipts,
    })
    this.change({ isSealing: false, bundle: bid })
    await this.submission.send()
  }

  private change(changes: Partial<BidderState>): void {
    this.current = { ...this.current, ...changes }
    this.listener.onChange(this.current)
  }
}

/** How far a submission is, in numbers. */
export interface SubmissionCount {
  readonly given: number
  readonly missing: number
  readonly keepers: number
}

export function countOf(state: SubmissionState | null): SubmissionCount {
  if (!state) return { given: 0, missing: 0, keepers: 0 }
  return { given: receiptsIn(state).length, missing: refusalsIn(state).size, keepers: state.keepers.length }
}
