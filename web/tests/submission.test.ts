/** Handing a bundle over, showing the receipts around, and trying again: against parties that are away, busy or forgetful. */

import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'

import { HandingOn, type Bidding } from '../src/api/handing-on'
import type { VerifiedReceipt } from '../src/api/bidding'
import { BidSubmission, givenIn, missingIn, type SubmissionState } from '../src/api/submission'
import { bundleDigest } from '../src/core/bundle'
import type { Cluster } from '../src/core/cluster'
import type { PageError } from '../src/core/errors'
import { fromUtf8, toBase64url, utf8 } from '../src/core/encoding'
import { AUCTION, clusterOf, networkOf, ok, problem, receiptStatement, sessionOf, type Asked } from './house'

const PARTIES = 5
const NEEDED = 3
const ALL = [1, 2, 3, 4, 5]
const content = utf8('sealed')
let cluster: Cluster
let bundle: string

beforeAll(async () => {
  cluster = await clusterOf(PARTIES)
  bundle = await bundleDigest(content)
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Parties that sign, keep what they are shown, and do what a test wants instead. */
class House {
  readonly bids: number[] = []
  readonly shown: { party: number; bundle: string | null; signers: number[] }[] = []
  readonly kept = new Map<number, Set<number>>()
  states: SubmissionState[] = []
  more = 0
  instead: (asked: Asked) => Response | Promise<Response> | undefined = () => undefined
  readonly bidding: Bidding
  readonly handingOn: HandingOn

  constructor() {
    const session = sessionOf(cluster)
    const parties = networkOf(cluster, (asked) => this.instead(asked) ?? this.answer(asked))
    this.bidding = { parties, auction: AUCTION, needed: NEEDED, session: () => session }
    this.handingOn = new HandingOn(this.bidding)
  }

  answer({ party, path, body }: Asked): Response {
    if (path.endsWith('/bids')) {
      this.bids.push(party)
      return ok({ statement: toBase64url(receiptStatement(party, bundle)) })
    }
    const told = JSON.parse(fromUtf8(body)) as { bundle: string | null; receipts: string[] }
    const signers = ALL.filter((one) => told.receipts.includes(toBase64url(receiptStatement(one, bundle))))
    this.shown.push({ party, bundle: told.bundle, signers })
    const kept = this.kept.get(party) ?? new Set()
    for (const one of signers) kept.add(one)
    this.kept.set(party, kept)
    return ok({ bundle, receipts_of: numbers(kept) })
  }

  submission(): BidSubmission {
    return new BidSubmission(this.bidding, this.handingOn, { content, bundle, revision: 1, withdrawal: false }, {
      onChange: (state) => this.states.push(state),
      onMoreReceipts: () => {
        this.more += 1
      },
    })
  }
}

/** Wait for a condition; the clock goes on by `stepMs` each time it does not hold yet, real work by a turn. */
async function until(condition: () => boolean, stepMs = 0): Promise<void> {
  await vi.waitUntil(
    async () => {
      await vi.advanceTimersByTimeAsync(stepMs)
      await new Promise((resolve) => setImmediate(resolve))
      return condition()
    },
    { interval: 0, timeout: 4_000 },
  )
}

/** Wait until each party has answered; the code of the error that it ends with. */
async function sent(submission: BidSubmission, stepMs = 0): Promise<string | null> {
  let code: string | null | undefined
  submission.send().then(
    () => (code = null),
    (error: unknown) => (code = (error as PageError).code),
  )
  await until(() => code !== undefined, stepMs)
  return code ?? null
}

/** Nothing is waited for any more. */
const isQuiet = () => vi.getTimerCount() === 0
const numbers = (found: Iterable<number>) => [...found].sort((one, other) => one - other)

test('when all have signed, all are shown what all signed, once, and nothing is left to do', async () => {
  const house = new House()
  const submission = house.submission()
  expect(await sent(submission)).toBeNull()
  expect(givenIn(submission.state)).toBe(PARTIES)
  await until(() => submission.state.keepers.length === PARTIES)
  expect(numbers(house.shown.map((one) => one.party))).toEqual(ALL)
  // Who signed has the bundle already.
  for (const one of house.shown) expect(one).toMatchObject({ bundle: null, signers: ALL })
  await until(isQuiet)
  expect(house.bids).toHaveLength(PARTIES)
})

test('the bid counts as handed over before the receipts have gone round', async () => {
  const house = new House()
  house.instead = ({ path }) => (path.endsWith('/receipts') ? new Promise<Response>(() => undefined) : undefined)
  const submission = house.submission()
  expect(await sent(submission)).toBeNull()
  expect(submission.state).toMatchObject({ isSending: false, keepers: [] })
})

test('a party that is away is tried again, and then all see its receipt, too', async () => {
  const house = new House()
  let isAway = true
  house.instead = ({ party }) => {
    if (party === 5 && isAway) throw new TypeError('network')
    return undefined
  }
  const submission = house.submission()
  expect(await sent(submission, 100)).toBeNull()
  expect(missingIn(submission.state)).toEqual([5])
  await until(() => submission.state.keepers.length === 4, 100)
  expect(numbers(submission.state.keepers)).toEqual([1, 2, 3, 4])
  isAway = false
  await until(() => house.more === 1 && isQuiet(), 100)
  expect(givenIn(submission.state)).toBe(PARTIES)
  for (const party of ALL) expect(numbers(house.kept.get(party) ?? [])).toEqual(ALL)
})

test('receipts do not wait long for a slow party, and one that refuses for good is shown them with the bundle', async () => {
  const house = new House()
  house.instead = ({ party, path }) =>
    party === 5 && path.endsWith('/bids')
      ? new Promise((resolve) => setTimeout(() => { resolve(problem(409, 'bid-too-late')) }, 9_000))
      : undefined
  const submission = house.submission()
  let isDone = false
  void submission.send().then(() => (isDone = true))
  await until(() => givenIn(submission.state) === 4)
  await vi.advanceTimersByTimeAsync(1_000)
  await until(() => submission.state.keepers.length === 4)
  expect(isDone).toBe(false)
  expect(house.shown.map((one) => one.party)).not.toContain(5)
  await vi.advanceTimersByTimeAsync(9_000)
  await until(() => isDone && house.kept.has(5) && isQuiet())
  expect(house.shown.at(-1)).toEqual({ party: 5, bundle: toBase64url(content), signers: [1, 2, 3, 4] })
})

test('a party that is too busy to be shown the receipts is shown them later', async () => {
  const house = new House()
  let isBusy = true
  house.instead = ({ party, path }) => (party === 2 && path.endsWith('/receipts') && isBusy ? problem(503, 'busy') : undefined)
  const submission = house.submission()
  expect(await sent(submission)).toBeNull()
  await until(() => submission.state.keepers.length === 4, 100)
  expect(house.kept.has(2)).toBe(false)
  isBusy = false
  await until(() => house.kept.has(2) && isQuiet(), 100)
  expect(numbers(house.kept.get(2) ?? [])).toEqual(ALL)
  expect(house.bids).toHaveLength(PARTIES)
})

test('a party that forgets what it was shown does not keep it', async () => {
  const house = new House()
  house.instead = ({ party, path }) =>
    party === 1 && path.endsWith('/receipts') ? ok({ bundle, receipts_of: [2] }) : undefined
  const submission = house.submission()
  expect(await sent(submission)).toBeNull()
  await until(() => submission.state.keepers.length > 0 && isQuiet())
  expect(submission.state.keepers).toEqual([2, 3, 4, 5])
})

test('too few receipts are an error that says what most parties say, and are shown to nobody', async () => {
  const house = new House()
  house.instead = ({ party }) => (party > 2 ? problem(403, 'not-invited') : undefined)
  const submission = house.submission()
  expect(await sent(submission)).toBe('not-invited')
  expect(house.shown).toEqual([])
  expect(missingIn(submission.state)).toEqual([3, 4, 5])
})

test('handing over again asks only those that gave no receipt', async () => {
  const house = new House()
  house.instead = ({ party }) => (party > 2 ? problem(403, 'not-invited') : undefined)
  const submission = house.submission()
  await sent(submission)
  house.instead = () => undefined
  expect(await sent(submission)).toBeNull()
  expect(numbers(house.bids)).toEqual(ALL)
  expect(givenIn(submission.state)).toBe(PARTIES)
})

test('what is stopped neither asks nor tells any more', async () => {
  const house = new House()
  house.instead = ({ party }) => {
    if (party === 5) throw new TypeError('network')
    return undefined
  }
  const submission = house.submission()
  await sent(submission, 100)
  await until(() => submission.state.keepers.length === 4, 100)
  submission.stop()
  const told = house.states.length
  await until(isQuiet, 1_000)
  expect(house.states).toHaveLength(told)
})

function receipt(party: number): VerifiedReceipt {
  const body = { auction: AUCTION, bundle, kind: 'receipt', party, received_at: '2026-03-01T12:00:00.000Z' } as const
  return { content: body, statement: receiptStatement(party, bundle) }
}

test('the receipts of an earlier visit are shown to all, and to none twice', async () => {
  const house = new House()
  const held = { bundle, revision: 1, withdrawal: false, receipts: new Map(ALL.map((party) => [party, receipt(party)])) }
  BidSubmission.resume(house.bidding, house.handingOn, held)
  await until(() => house.shown.length === PARTIES)
  expect(numbers(house.shown.map((one) => one.party))).toEqual(ALL)
  const again = BidSubmission.resume(house.bidding, house.handingOn, held)
  await until(isQuiet, 1_000)
  again.stop()
  expect(house.shown).toHaveLength(PARTIES)
  expect(house.bids).toEqual([])
})
