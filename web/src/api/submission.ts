/**
 * A bundle's way to all parties, to its end: handed to each, handed again to those that were away, ever less often; and
 * every receipt that comes in shown to all parties. It goes on by itself until it is stopped; the view shows its state.
 */

import type { Bytes } from '../core/encoding'
import { PageError } from '../core/errors'
import { handOver, type HeldBid, type VerifiedReceipt } from './bidding'
import { HAND_ON_AFTER_MS, passes, type Bidding, type HandingOn } from './handing-on'
import { need } from './parties'

const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 60_000

/** What is handed over. */
export interface OwnBundle {
  readonly bundle: string
  readonly revision: number
  readonly withdrawal: boolean
  /** Missing of a bid from an earlier visit: then its receipts alone are shown around. */
  readonly content?: Bytes | undefined
}

/** What a party said: its receipt, or why it gave none; undefined while it is asked. */
export type PartyAnswer = VerifiedReceipt | PageError | undefined

export interface SubmissionState {
  /** By party; a party that was not asked is missing. */
  readonly answers: ReadonlyMap<number, PartyAnswer>
  /** Whether the bundle is being handed over by the bidder's own order, and not by a quiet repeat. */
  readonly isSending: boolean
  /** The parties that keep the others' receipts, too, so that the bid hangs on no single one. */
  readonly keepers: readonly number[]
}

export function givenIn(state: SubmissionState): number {
  return [...state.answers.values()].filter((answer) => answer && !(answer instanceof PageError)).length
}

/** The parties that gave no receipt. */
export function missingIn(state: SubmissionState): number[] {
  return [...state.answers].flatMap(([party, answer]) => (answer instanceof PageError ? [party] : []))
}

/** Who wants to know how it goes. */
export interface SubmissionListener {
  readonly onChange: (state: SubmissionState) => void
  /** A quiet repeat brought more receipts. */
  readonly onMoreReceipts: () => void
}

export class BidSubmission {
  private readonly receipts = new Map<number, VerifiedReceipt>()
  private readonly refusals = new Map<number, PageError>()
  private readonly asked = new Set<number>()
  private keepers: readonly number[] = []
  private isSending = false
  private isStopped = false
  /** Counts what the bidder ordered, so that an older course of repeats ends when a newer one begins. */
  private course = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly bidding: Bidding,
    private readonly handingOn: HandingOn,
    readonly bid: OwnBundle,
    private readonly listener: SubmissionListener,
  ) {}

  /** Go on with a bid from an earlier visit: show around the receipts that the parties gave then. */
  static resume(bidding: Bidding, handingOn: HandingOn, held: HeldBid): BidSubmission {
    const silent = { onChange: () => undefined, onMoreReceipts: () => undefined }
    const submission = new BidSubmission(bidding, handingOn, held, silent)
    for (const [party, receipt] of held.receipts) submission.receipts.set(party, receipt)
    void submission.goOn(++submission.course, FIRST_RETRY_MS)
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
   * Hand it to all parties that have not signed for it; returns when each of them has answered or failed.
   * @throws PageError of what most parties say, if too few signed. It is tried further all the same.
   */
  async send(): Promise<void> {
    const course = ++this.course
    clearTimeout(this.timer)
    this.isSending = true
    const rest = this.bidding.parties.numbers.filter((party) => !this.receipts.has(party))
    for (const party of rest) {
      this.asked.add(party)
      this.refusals.delete(party)
    }
    this.tell()
    await this.deliver(rest)
    this.isSending = false
    this.tell()
    // Not waited for: the bid counts already, and a party that hangs must not hold the answer back.
    void this.goOn(course, FIRST_RETRY_MS)
    need({ answers: this.receipts, errors: this.refusals }, this.bidding.needed)
  }

  stop(): void {
    this.isStopped = true
    this.course += 1
    clearTimeout(this.timer)
  }

  /** Hand the bundle over, and the receipts on after a moment if some parties are slow. */
  private async deliver(only: readonly number[]): Promise<void> {
    const { content, revision, withdrawal } = this.bid
    if (!content || !only.length) return
    const waiting = new Set(only)
    const timer = setTimeout(() => void this.relay(waiting), HAND_ON_AFTER_MS)
    const { parties, auction, session } = this.bidding
    await handOver(parties, session(), { content, auction, revision, withdrawal }, only, (party, outcome) => {
      waiting.delete(party)
      if (outcome instanceof PageError) this.refusals.set(party, outcome)
      else {
        this.refusals.delete(party)
        this.receipts.set(party, outcome)
      }
      this.tell()
    })
    clearTimeout(timer)
  }

  private async relay(waiting: ReadonlySet<number> = new Set()): Promise<void> {
    const silent = [...this.refusals].flatMap(([party, error]) => (error.code === 'party-unreachable' ? [party] : []))
    const { bundle, content } = this.bid
    const found = await this.handingOn.show({ bundle, receipts: this.receipts }, content, new Set([...waiting, ...silent]))
    this.keepers = [...new Set([...this.keepers, ...found])]
    this.tell()
  }

  /** Show the receipts around, and come back later if a party may still sign, or has not seen them. */
  private async goOn(course: number, pauseMs: number): Promise<void> {
    await this.relay()
    if (course !== this.course || this.isDone()) return
    this.timer = setTimeout(() => void this.tryRest(course, pauseMs), pauseMs)
  }

  private async tryRest(course: number, pauseMs: number): Promise<void> {
    const before = this.receipts.size
    await this.deliver([...this.refusals].flatMap(([party, error]) => (passes(error) ? [party] : [])))
    if (course !== this.course) return
    if (this.receipts.size > before) this.listener.onMoreReceipts()
    await this.goOn(course, Math.min(2 * pauseMs, LONGEST_RETRY_MS))
  }

  private isDone(): boolean {
    const { bundle } = this.bid
    const mayStillSign = [...this.refusals.values()].some(passes)
    return !mayStillSign && this.handingOn.lacking({ bundle, receipts: this.receipts }).length === 0
  }

  private tell(): void {
    if (!this.isStopped) this.listener.onChange(this.state)
  }
}
