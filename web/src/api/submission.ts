/**
 * Submitting a bundle: it is sent to each party, again to those that were unreachable, with growing pauses, and every
 * receipt is relayed to all parties. A submission continues by itself until all parties have signed or it is stopped.
 */

import type { Bytes } from '../core/encoding'
import { PageError } from '../core/errors'
import { receipt as receiptReader } from './answers'
import { verifyReceipt, type HeldBid, type VerifiedReceipt } from './held-bids'
import { need } from './parties'
import { isTemporary, RELAY_AFTER_MS, type Bidding, type ReceiptRelay } from './receipt-relay'

const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 60_000

/** What is submitted. */
export interface OwnBundle {
  readonly bundle: string
  readonly revision: number
  readonly withdrawal: boolean
  /** Missing of a bid from an earlier visit: then its receipts alone are relayed. */
  readonly content?: Bytes | undefined
}

/** What a party said: its receipt, or why it gave none; undefined while it is asked. */
type PartyAnswer = VerifiedReceipt | PageError | undefined

export interface SubmissionState {
  /** By party; a party that was not asked is missing. */
  readonly answers: ReadonlyMap<number, PartyAnswer>
  /** Whether the bundle is being sent by the bidder's own order, and not by an automatic repeat. */
  readonly isSending: boolean
  /** The parties that keep the others' receipts, too, so that the bid depends on no single one. */
  readonly keepers: readonly number[]
}

export function receiptsIn(state: SubmissionState): VerifiedReceipt[] {
  return [...state.answers.values()].flatMap((answer) => (answer && !(answer instanceof PageError) ? [answer] : []))
}

/** The parties that gave no receipt, and why. */
export function refusalsIn(state: SubmissionState): ReadonlyMap<number, PageError> {
  return new Map([...state.answers].flatMap(([party, answer]) => (answer instanceof PageError ? [[party, answer]] : [])))
}

export interface SubmissionListener {
  readonly onChange: (state: SubmissionState) => void
  /** An automatic repeat brought more receipts. */
  readonly onMoreReceipts: () => void
}

export class BidSubmission {
  private readonly receipts = new Map<number, VerifiedReceipt>()
  private readonly refusals = new Map<number, PageError>()
  private readonly asked = new Set<number>()
  private keepers: readonly number[] = []
  private isSending = false
  private isStopped = false
  /** Counts the bidder's orders, so that the repeats of an older order end when a newer one begins. */
  private order = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly bidding: Bidding,
    private readonly relay: ReceiptRelay,
    readonly bid: OwnBundle,
    private readonly listener: SubmissionListener,
  ) {}

  /** Go on with a bid from an earlier visit: relay the receipts that the parties gave then. */
  static resume(bidding: Bidding, relay: ReceiptRelay, held: HeldBid): BidSubmission {
    const silent = { onChange: () => undefined, onMoreReceipts: () => undefined }
    const submission = new BidSubmission(bidding, relay, held, silent)
    for (const [party, receipt] of held.receipts) submission.receipts.set(party, receipt)
    void submission.goOn(++submission.order, FIRST_RETRY_MS)
    return submission
  }

  get state(): SubmissionState {
    const answers = [...this.asked].map((party): [number, PartyAnswer] => [
      party,
      this.receipts.get(party) ?? this.refusals.get(party),
    ])
    return { answers: new Map(answers), isSending: this.isSending, keepers: this.keepers }
  }

  /**
   * Send it to all parties that have not signed for it; returns when each of them has answered or failed.
   * @throws PageError with what most parties say, if too few signed. The repeats go on all the same.
   */
  async send(): Promise<void> {
    const order = ++this.order
    clearTimeout(this.timer)
    this.isSending = true
    const rest = this.bidding.parties.numbers.filter((party) => !this.receipts.has(party))
    for (const party of rest) {
      this.asked.add(party)
      this.refusals.delete(party)
    }
    this.notify()
    await this.deliver(rest)
    this.isSending = false
    this.notify()
    // Not waited for: the bid counts already, and a party that does not answer must not delay the result.
    void this.goOn(order, FIRST_RETRY_MS)
    need({ answers: this.receipts, errors: this.refusals }, this.bidding.needed)
  }

  stop(): void {
    this.isStopped = true
    this.order += 1
    clearTimeout(this.timer)
  }

  /** Send the bundle, and start the relay after a moment if some parties are slow. */
  private async deliver(only: readonly number[]): Promise<void> {
    const { content } = this.bid
    if (!content || !only.length) return
    const waiting = new Set(only)
    const timer = setTimeout(() => void this.relayReceipts(waiting), RELAY_AFTER_MS)
    await this.post(content, only, (party, outcome) => {
      waiting.delete(party)
      if (outcome instanceof PageError) this.refusals.set(party, outcome)
      else {
        this.refusals.delete(party)
        this.receipts.set(party, outcome)
      }
      this.notify()
    })
    clearTimeout(timer)
  }

  private async post(
    content: Bytes,
    only: readonly number[],
    onSettled: (party: number, outcome: VerifiedReceipt | PageError) => void,
  ): Promise<void> {
    const { parties, auction } = this.bidding
    const session = this.bidding.session()
    await parties.each(
      async (party) => {
        const answer = await party.askFor(receiptReader, `/api/auctions/${auction}/bids`, {
          method: 'POST',
          body: content,
          contentType: 'application/octet-stream',
          token: session.tokenAt(party.number),
        })
        return verifyReceipt(parties, party.number, auction, this.bid.bundle, answer.statement)
      },
      only,
      onSettled,
    )
  }

  private async relayReceipts(waiting: ReadonlySet<number> = new Set()): Promise<void> {
    const silent = [...this.refusals].flatMap(([party, error]) => (error.code === 'party-unreachable' ? [party] : []))
    const { bundle, content } = this.bid
    const skipped = new Set([...waiting, ...silent])
    const found = await this.relay.relay({ bundle, receipts: this.receipts }, content, skipped)
    this.keepers = [...new Set([...this.keepers, ...found])]
    this.notify()
  }

  /** Relay the receipts, and come back later if a party may still sign, or lacks some of them. */
  private async goOn(order: number, pauseMs: number): Promise<void> {
    await this.relayReceipts()
    if (order !== this.order || this.isDone()) return
    this.timer = setTimeout(() => void this.tryRest(order, pauseMs), pauseMs)
  }

  private async tryRest(order: number, pauseMs: number): Promise<void> {
    const before = this.receipts.size
    await this.deliver([...this.refusals].flatMap(([party, error]) => (isTemporary(error) ? [party] : [])))
    if (order !== this.order) return
    if (this.receipts.size > before) this.listener.onMoreReceipts()
    await this.goOn(order, Math.min(2 * pauseMs, LONGEST_RETRY_MS))
  }

  private isDone(): boolean {
    const { bundle } = this.bid
    const mayStillSign = [...this.refusals.values()].some(isTemporary)
    return !mayStillSign && this.relay.lacking({ bundle, receipts: this.receipts }).length === 0
  }

  private notify(): void {
    if (!this.isStopped) this.listener.onChange(this.state)
  }
}
