/** One auction as its page shows it: what the parties say about it, kept up to date, and the reader's own bids in it. */

import type { Progress } from '../../api/answers'
import { heldBids, mergeHeld, type HeldBid } from '../../api/held-bids'
import { describeAuction, shownStateOf, stateOf, type Overview } from '../../api/overview'
import { rememberedBids } from '../../api/own-bids'
import { asPageError, type Parties } from '../../api/parties'
import { followProgress } from '../../api/progress'
import type { Session } from '../../api/session'
import type { PageError } from '../../core/errors'

const LOOK_AGAIN_MS = 5_000
/** Several parties report a change at nearly the same time: one look serves for all. */
const SETTLE_MS = 150
const OVER = ['final', 'cancelled', 'abandoned']
const COMPUTING = ['closed', 'agreeing', 'computing', 'revealing', 'signing']

export class WatchedAuction {
  overview = $state.raw<Overview | null>(null)
  problem = $state.raw<PageError | null>(null)
  /** By party, what it reported last. */
  live = $state.raw<ReadonlyMap<number, Progress>>(new Map())
  held = $state.raw<readonly HeldBid[]>([])
  heldProblem = $state.raw<PageError | null>(null)

  readonly stage = $derived(this.overview ? shownStateOf(this.overview) : 'created')
  /** The state that most parties report. */
  readonly reported = $derived(this.overview ? stateOf(this.overview) : 'created')
  readonly isOver = $derived(OVER.includes(this.stage))
  readonly isComputing = $derived(COMPUTING.includes(this.stage))
  private isLookDue = false

  constructor(
    private readonly parties: Parties,
    private readonly id: string,
  ) {}

  /** Look now, whenever a party reports a change, and every few seconds until the auction is over. @returns what stops it. */
  watch(): () => void {
    void this.look()
    const stop = followProgress(this.parties, this.id, (party, progress) => {
      const before = this.live.get(party)
      this.live = new Map(this.live).set(party, progress)
      if (before?.state !== progress.state || before.bids !== progress.bids) this.lookSoon()
    })
    const timer = setInterval(() => {
      if (!document.hidden && !this.isOver) void this.look()
    }, LOOK_AGAIN_MS)
    return () => {
      stop()
      clearInterval(timer)
    }
  }

  async look(): Promise<void> {
    try {
      this.overview = await describeAuction(this.parties, this.id)
      this.problem = null
    } catch (error) {
      this.problem = asPageError(error)
    }
  }

  /** @param session of a bidder; null if the reader is none. */
  async lookAtOwnBids(session: Session | null): Promise<void> {
    if (!session || !this.overview) {
      this.held = []
      return
    }
    const own = rememberedBids(this.id, session.uid)
    try {
      this.held = mergeHeld(await heldBids(this.parties, session, this.overview), own)
      this.heldProblem = null
    } catch (error) {
      // The reader did not ask for this: an expired session is reported in place, without a dialog.
      this.heldProblem = asPageError(error)
      this.held = mergeHeld(this.held, own)
    }
  }

  private lookSoon(): void {
    if (this.isLookDue) return
    this.isLookDue = true
    setTimeout(() => {
      this.isLookDue = false
      void this.look()
    }, SETTLE_MS)
  }
}
