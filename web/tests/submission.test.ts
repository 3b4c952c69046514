/** Submitting a bundle, relaying the receipts, and trying again: against parties that are away, busy or forgetful. */

import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'

import type { VerifiedReceipt } from '../src/api/held-bids'
import { ReceiptRelay, type Bidding } from '../src/api/receipt-relay'
import { BidSubmission, receiptsIn, refusalsIn, type SubmissionState } from '../src/api/submission'
import { bundleDigest } from '../src/core/bundle'
import type { Cluster } from '../src/core/cluster'
import type { PageError } from '../src/core/errors'
import { fromUtf8, toBase64url, utf8 } from '../src/core/encoding'
import { AUCTION, clusterOf, networkOf, ok, problem, receiptStatement, sessionOf, type Asked } from './network'

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

/** Parties that sign, keep the receipts that they are sent, and do what a test wants instead. */
class ScriptedParties {
  readonly bids: number[] = []
  readonly relayed: { party: number; bundle: string | null; signers: number[] }[] = []
  readonly kept = new Map<number, Set<number>>()
  states: SubmissionState[] = []
  more = 0
  instead: (asked: Asked) => Response | Promise<Response> | undefined = () => undefined
  readonly bidding: Bidding
  readonly relay: ReceiptRelay

  constructor() {
    const session = sessionOf(cluster)
    const parties = networkOf(cluster, (asked) => this.instead(asked) ?? this.answer(asked))
    this.bidding = { parties, auction: AUCTION, needed: NEEDED, session: () => session }
    this.relay = new ReceiptRelay(this.bidding)
  }

  answer({ party, path, body }: Asked): Response {
    if (path.endsWith('/bids')) {
      this.bids.push(party)
      return ok({ statement: toBase64url(receiptStatement(party, bundle)) })
    }
    const told = JSON.parse(fromUtf8(body)) as { bundle: string | null; receipts: string[] }
    const signers = ALL.filter((one) => told.receipts.includes(toBase64url(receiptStatement(one, bundle))))
    this.relayed.push({ party, bundle: told.bundle, signers })
    const kept = this.kept.get(party) ?? new Set()
    for (const one of signers) kept.add(one)
    this.kept.set(party, kept)
    return ok({ bundle, receipts_of: numbers(kept) })
  }

  submission(): BidSubmission {
    return new BidSubmission(this.bidding, this.relay, { content, bundle, revision: 1, withdrawal: false }, {
      onChange: (state) => this.states.push(state),
      onMoreReceipts: () => {
        this.more += 1
      },
    })
  }
}

/** Wait for a condition; the clock goes on by `stepMs` each time it is not met yet, real work by a turn. */
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

/** No timer is set. */
const isQuiet = () => vi.getTimerCount() === 0
const numbers = (found: Iterable<number>) => [...found].sort((one, other) => one - other)

test('when all have signed, all are sent all receipts, once, and nothing is left to do', async () => {
  const scripted = new ScriptedParties()
  const submission = scripted.submission()
  expect(await sent(submission)).toBeNull()
  expect(receiptsIn(submission.state)).toHaveLength(PARTIES)
  await until(() => submission.state.keepers.length === PARTIES)
  expect(numbers(scripted.relayed.map((one) => one.party))).toEqual(ALL)
  // A party that signed has the bundle already.
  for (const one of scripted.relayed) expect(one).toMatchObject({ bundle: null, signers: ALL })
  await until(isQuiet)
  expect(scripted.bids).toHaveLength(PARTIES)
})

test('a bid counts as submitted before its receipts are relayed', async () => {
  const scripted = new ScriptedParties()
  scripted.instead = ({ path }) => (path.endsWith('/receipts') ? new Promise<Response>(() => undefined) : undefined)
  const submission = scripted.submission()
  expect(await sent(submission)).toBeNull()
  expect(submission.state).toMatchObject({ isSending: false, keepers: [] })
})

test('a party that is away is tried again, and then all are sent its receipt, too', async () => {
  const scripted = new ScriptedParties()
  let isAway = true
  scripted.instead = ({ party }) => {
    if (party === 5 && isAway) throw new TypeError('network')
    return undefined
  }
  const submission = scripted.submission()
  expect(await sent(submission, 100)).toBeNull()
  expect([...refusalsIn(submission.state).keys()]).toEqual([5])
  await until(() => submission.state.keepers.length === 4, 100)
  expect(numbers(submission.state.keepers)).toEqual([1, 2, 3, 4])
  isAway = false
  await until(() => scripted.more === 1 && isQuiet(), 100)
  expect(receiptsIn(submission.state)).toHaveLength(PARTIES)
  for (const party of ALL) expect(numbers(scripted.kept.get(party) ?? [])).toEqual(ALL)
})

test('receipts do not wait long for a slow party, and one that refuses is sent them with the bundle', async () => {
  const scripted = new ScriptedParties()
  scripted.instead = ({ party, path }) =>
    party === 5 && path.endsWith('/bids')
      ? new Promise((resolve) => setTimeout(() => { resolve(problem(409, 'bid-too-late')) }, 9_000))
      : undefined
  const submission = scripted.submission()
  let isDone = false
  void submission.send().then(() => (isDone = true))
  await until(() => receiptsIn(submission.state).length === 4)
  await vi.advanceTimersByTimeAsync(1_000)
  await until(() => submission.state.keepers.length === 4)
  expect(isDone).toBe(false)
  expect(scripted.relayed.map((one) => one.party)).not.toContain(5)
  await vi.advanceTimersByTimeAsync(9_000)
  await until(() => isDone && scripted.kept.has(5) && isQuiet())
  expect(scripted.relayed.at(-1)).toEqual({ party: 5, bundle: toBase64url(content), signers: [1, 2, 3, 4] })
})

test('a party that is too busy for the receipts is sent them later', async () => {
  const scripted = new ScriptedParties()
  let isBusy = true
  scripted.instead = ({ party, path }) => (party === 2 && path.endsWith('/receipts') && isBusy ? problem(503, 'busy') : undefined)
  const submission = scripted.submission()
  expect(await sent(submission)).toBeNull()
  await until(() => submission.state.keepers.length === 4, 100)
  expect(scripted.kept.has(2)).toBe(false)
  isBusy = false
  await until(() => scripted.kept.has(2) && isQuiet(), 100)
  expect(numbers(scripted.kept.get(2) ?? [])).toEqual(ALL)
  expect(scripted.bids).toHaveLength(PARTIES)
})

test('a party that does not confirm a receipt does not count as keeping it', async () => {
  const scripted = new ScriptedParties()
  scripted.instead = ({ party, path }) =>
    party === 1 && path.endsWith('/receipts') ? ok({ bundle, receipts_of: [2] }) : undefined
  const submission = scripted.submission()
  expect(await sent(submission)).toBeNull()
  await until(() => submission.state.keepers.length > 0 && isQuiet())
  expect(submission.state.keepers).toEqual([2, 3, 4, 5])
})

test('too few receipts are an error that says what most parties say, and are relayed to nobody', async () => {
  const scripted = new ScriptedParties()
  scripted.instead = ({ party }) => (party > 2 ? problem(403, 'not-invited') : undefined)
  const submission = scripted.submission()
  expect(await sent(submission)).toBe('not-invited')
  expect(scripted.relayed).toEqual([])
  expect([...refusalsIn(submission.state).keys()]).toEqual([3, 4, 5])
})

test('sending again asks only those that gave no receipt', async () => {
  const scripted = new ScriptedParties()
  scripted.instead = ({ party }) => (party > 2 ? problem(403, 'not-invited') : undefined)
  const submission = scripted.submission()
  await sent(submission)
  scripted.instead = () => undefined
  expect(await sent(submission)).toBeNull()
  expect(numbers(scripted.bids)).toEqual(ALL)
  expect(receiptsIn(submission.state)).toHaveLength(PARTIES)
})

test('a stopped submission neither asks nor reports', async () => {
  const scripted = new ScriptedParties()
  scripted.instead = ({ party }) => {
    if (party === 5) throw new TypeError('network')
    return undefined
  }
  const submission = scripted.submission()
  await sent(submission, 100)
  await until(() => submission.state.keepers.length === 4, 100)
  submission.stop()
  const told = scripted.states.length
  await until(isQuiet, 1_000)
  expect(scripted.states).toHaveLength(told)
})

function receipt(party: number): VerifiedReceipt {
  const body = { auction: AUCTION, bundle, kind: 'receipt', party, received_at: '2026-03-01T12:00:00.000Z' } as const
  return { content: body, statement: receiptStatement(party, bundle) }
}

test('the receipts of an earlier visit are relayed to all, and to none twice', async () => {
  const scripted = new ScriptedParties()
  const held = { bundle, revision: 1, withdrawal: false, receipts: new Map(ALL.map((party) => [party, receipt(party)])) }
  BidSubmission.resume(scripted.bidding, scripted.relay, held)
  await until(() => scripted.relayed.length === PARTIES)
  expect(numbers(scripted.relayed.map((one) => one.party))).toEqual(ALL)
  const again = BidSubmission.resume(scripted.bidding, scripted.relay, held)
  await until(isQuiet, 1_000)
  again.stop()
  expect(scripted.relayed).toHaveLength(PARTIES)
  expect(scripted.bids).toEqual([])
})
