/** How far a closed auction is: the parties' states and stages as steps of one bar. */

import type { AuctionState, Progress } from '../../api/answers'

export const STEPS = ['agree', 'check', 'rank', 'verify', 'reveal', 'sign'] as const

const STEP_OF_STAGE: Readonly<Record<string, number>> = { agreeing: 0, checking: 1, ranking: 2, verifying: 3 }
const STEP_OF_STATE: Readonly<Record<AuctionState, number>> = {
  created: 0,
  open: 0,
  closed: 0,
  agreeing: 0,
  computing: 1,
  revealing: 4,
  signing: 5,
  final: 6,
  cancelled: 6,
  abandoned: 6,
}

/** The stage of an auction that is queued: others are computed first. */
export const WAITING_FOR_SLOT = 'waiting-for-slot'

export function stepOf(seen: Pick<Progress, 'state' | 'stage'>): number {
  if (seen.state !== 'computing') return STEP_OF_STATE[seen.state]
  return STEP_OF_STAGE[seen.stage] ?? STEP_OF_STATE.computing
}

/** From 0 to 1. */
export function wholeFraction(seen: Pick<Progress, 'state' | 'stage' | 'fraction'>): number {
  return (stepOf(seen) + (seen.state === 'final' ? 0 : 0.5)) / STEPS.length
}
