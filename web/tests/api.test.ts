/** Against parties that are unreachable, refuse or are corrupt. */

import { beforeAll, expect, test } from 'vitest'

import { describeAuction, shownStateOf, stateOf, type Overview } from '../src/api/overview'
import { auction as auctionReader, type AuctionAnswer, type AuctionState } from '../src/api/answers'
import { mergeHeld, nextRevision, receiptFile, type HeldBid } from '../src/api/held-bids'
import { PartyConnection, RefusedError, UnreachableError, type Fetch } from '../src/api/connection'
import { need, Parties } from '../src/api/parties'
import { isTemporary } from '../src/api/receipt-relay'
import { Session } from '../src/api/session'
import { parseCluster, type Cluster } from '../src/core/cluster'
import { toBase64url, utf8 } from '../src/core/encoding'
import { PageError } from '../src/core/errors'
import { encodeReceiptFile, parseReceiptFile } from '../src/core/receipts'
import { text } from '../src/core/schema'
import { auctionId } from '../src/core/spec'
import { stepOf, wholeFraction } from '../src/ui/auction/progress'
import { parseRoute } from '../src/ui/router.svelte'
import { rules } from './evidence'
import { codeOf, vectors } from './vectors'

let cluster: Cluster

beforeAll(async () => {
  cluster = await parseCluster(utf8(vectors<{ cluster_file: string }>('statements.json').cluster_file))
})

function problem(status: number, code: string): Response {
  return new Response(JSON.stringify({ code, detail: 'as it says' }), { status })
}

function party(network: Fetch): PartyConnection {
  const entry = cluster.parties[0]
  if (!entry) throw new Error('the cluster has parties')
  return new PartyConnection(entry, network)
}

test("a party's problem is told with its code, and not asked again", async () => {
  let asked = 0
  const one = party(() => {
    asked += 1
    return Promise.resolve(problem(409, 'bid-too-late'))
  })
  await expect(one.ask('/x')).rejects.toMatchObject({ code: 'bid-too-late', status: 409, party: 1 })
  expect(asked).toBe(1)
})

test('a party that is away is asked again, where that does no harm', async () => {
  let asked = 0
  const flaky: Fetch = () => {
    asked += 1
    return asked < 3 ? Promise.reject(new TypeError('network')) : Promise.resolve(new Response('"here"'))
  }
  expect(await party(flaky).askFor(text(), '/x')).toBe('here')
  asked = 0
  expect(await codeOf(() => party(flaky).ask('/x', { repeatable: false }))).toBe('party-unreachable')
  expect(asked).toBe(1)
})

test('what is no JSON of the agreed form is not understood', async () => {
  const one = party(() => Promise.resolve(new Response('<html>')))
  expect(await codeOf(() => one.askFor(text(), '/x'))).toBe('answer-not-understood')
})

test('of several errors, what a party says counts more than silence', async () => {
  const outcomes = await new Parties(cluster, () => Promise.reject(new TypeError('network'))).each((one) =>
    one.number === 2 ? Promise.reject(new PageError('not-invited', 'no')) : one.ask('/x', { repeatable: false }),
  )
  expect(await codeOf(() => need(outcomes, 3))).toBe('not-invited')
})

test('rules that do not belong to the id are rejected, and so are those of another cluster', async () => {
  const spec = rules(cluster)
  const id = await auctionId(spec)
  const answer = (shown: object) => ({
    id,
    spec: shown,
    state: 'open',
    state_since: '2026-03-01T12:00:00.000Z',
    bids: 3,
    sealing_keys: [],
  })
  const corrupt = cluster.parties[1]?.url ?? ''
  const network: Fetch = (url) => {
    const shown = url.startsWith(corrupt) ? { ...spec, title: 'Something else' } : spec
    return Promise.resolve(new Response(JSON.stringify(answer(shown))))
  }
  const overview = await describeAuction(new Parties(cluster, network), id)
  expect(overview.spec).toEqual(spec)
  expect([...overview.errors].map(([number, error]) => [number, error.code])).toEqual([[2, 'forged-statement']])
  const other = { ...spec, cluster: 'cd'.repeat(32) }
  const elsewhere = await auctionId(other)
  const foreign: Fetch = () => Promise.resolve(new Response(JSON.stringify({ ...answer(other), id: elsewhere })))
  expect(await codeOf(() => describeAuction(new Parties(cluster, foreign), elsewhere))).toBe('parties-disagree')
})

function overviewOf(answers: readonly { state: AuctionState; vouchers: readonly number[] }[]): Overview {
  const told = answers.map(({ state, vouchers }, index): [number, AuctionAnswer] => [
    index + 1,
    { ...({} as AuctionAnswer), state, cancel_vouchers: vouchers },
  ])
  return { id: '', spec: rules(cluster), answers: new Map(told), errors: new Map(), sealingKeys: new Map() }
}

test('an auction that enough parties vouch is cancelled is being cancelled until it is', () => {
  const all = (state: AuctionState, vouchers: readonly number[], reporters = 5) =>
    overviewOf(Array.from({ length: 5 }, (_, index) => ({ state, vouchers: index < reporters ? vouchers : [] })))
  for (const state of ['created', 'open', 'closed', 'agreeing', 'computing'] as const) {
    expect(shownStateOf(all(state, [1, 2, 3]))).toBe('cancelling')
    expect(shownStateOf(all(state, [1, 2]))).toBe(state)
    expect(shownStateOf(all(state, [1, 1, 1]))).toBe(state)
  }
  // What as many report as may be corrupt is not enough; one more is.
  expect(shownStateOf(all('open', [1, 2, 3, 4, 5], 2))).toBe('open')
  expect(shownStateOf(all('open', [1, 4, 5], 3))).toBe('cancelling')
  // A party that is about to open the outcome does not cancel: late vouchers change nothing.
  for (const state of ['revealing', 'signing', 'final', 'cancelled', 'abandoned'] as const) {
    expect(shownStateOf(all(state, [1, 2, 3]))).toBe(state)
    expect(stateOf(all(state, []))).toBe(state)
  }
})

test('an auction that ended without an outcome is reported as such', () => {
  const answer = { id: 'ab'.repeat(32), spec: {}, state_since: '2026-03-31T12:00:00.000Z', bids: 3, sealing_keys: [] }
  expect(auctionReader({ ...answer, state: 'abandoned' }, '').state).toBe('abandoned')
  expect(wholeFraction({ state: 'abandoned', stage: '', fraction: 0 })).toBeGreaterThanOrEqual(1)
})

function held(revision: number, parties: readonly number[]): HeldBid {
  const receipts = new Map(
    parties.map((number) => {
      const content = {
        auction: 'ab'.repeat(32),
        party: number,
        kind: 'receipt' as const,
        bundle: 'cd'.repeat(32),
        received_at: '2026-03-01T12:00:00.000Z',
      }
      return [number, { content, statement: utf8(`signed ${number}`) }]
    }),
  )
  return { bundle: 'cd'.repeat(32), revision, withdrawal: false, receipts }
}

test('the next revision follows the last, and no corrupt party pushes it to the end', () => {
  expect(nextRevision([], 2)).toBe(1)
  expect(nextRevision([held(1, [1, 2, 3, 4, 5])], 2)).toBe(2)
  // One party alone holds a later one: believable, as a bid may reach a few only.
  expect(nextRevision([held(1, [1, 2, 3, 4, 5]), held(2, [4])], 2)).toBe(3)
  expect(nextRevision([held(1, [1, 2, 3]), held(2 ** 32 - 1, [4, 5])], 2)).toBe(2)
})

test('a receipt stays although its signer denies it later, and every revision is listed once', () => {
  const reported = [held(1, [1, 2]), { ...held(2, [1]), bundle: 'ee'.repeat(32) }]
  const own = [held(1, [3]), { ...held(2, [2, 3]), bundle: 'ff'.repeat(32) }]
  const merged = mergeHeld(reported, own)
  expect(merged.map((bid) => [bid.revision, bid.bundle.slice(0, 2), [...bid.receipts.keys()].sort()])).toEqual([
    [1, 'cd', [1, 2, 3]],
    [2, 'ff', [2, 3]],
  ])
})

test('a receipt file is read back as it was written', () => {
  const file = receiptFile('ab'.repeat(32), '22222222-2222-4222-8222-222222222222', [held(1, [3, 1])])
  const again = parseReceiptFile(utf8(encodeReceiptFile(file)))
  expect(again).toEqual(file)
  expect(again.bids[0]?.receipts.map((one) => new TextDecoder().decode(one))).toEqual(['signed 1', 'signed 3'])
})

function token(claims: object): string {
  return `head.${toBase64url(utf8(JSON.stringify(claims)))}.signature`
}

test('tokens are of one person, and expire with the first of them', () => {
  const uid = '22222222-2222-4222-8222-222222222222'
  const claims = { uid, email: 'ann@example.org', isAdmin: false }
  const session = Session.of([token({ ...claims, exp: 2000 }), token({ ...claims, exp: 1000 })])
  expect(session).toMatchObject({ uid, isAuctioneer: false, expiresAt: 1_000_000 })
  expect(() => session.tokenAt(3)).toThrow(expect.objectContaining({ code: 'not-logged-in' }))
  const other = token({ ...claims, uid: uid.replace('2', '3'), exp: 1 })
  expect(() => Session.of([token({ ...claims, exp: 1 }), other])).toThrow(PageError)
})

test('addresses lead to pages', () => {
  expect(parseRoute('')).toEqual({ page: 'home' })
  expect(parseRoute('#/trustees/')).toEqual({ page: 'trustees' })
  expect(parseRoute(`#/auctions/${'ab'.repeat(32)}`)).toEqual({ page: 'auction', id: 'ab'.repeat(32) })
  expect(parseRoute('#/auctions/AB')).toEqual({ page: 'unknown' })
})

test('progress never goes back from stage to stage', () => {
  const way = [
    { state: 'closed', stage: '' },
    { state: 'agreeing', stage: 'agreeing' },
    { state: 'computing', stage: 'checking' },
    { state: 'computing', stage: 'ranking' },
    { state: 'computing', stage: 'verifying' },
    { state: 'revealing', stage: 'revealing' },
    { state: 'signing', stage: 'done' },
    { state: 'final', stage: '' },
  ] as const
  const steps = way.map(stepOf)
  expect(steps).toEqual([...steps].sort((one, other) => one - other))
  expect(wholeFraction({ state: 'final', stage: '', fraction: 1 })).toBe(1)
})

test('which errors are temporary', () => {
  expect(isTemporary(new UnreachableError(1, 'x'))).toBe(true)
  expect(isTemporary(new RefusedError(1, 503, 'busy', 'x'))).toBe(true)
  expect(isTemporary(new RefusedError(1, 409, 'auction-not-open', 'x'))).toBe(true)
  expect(isTemporary(new RefusedError(1, 409, 'bid-too-late', 'x'))).toBe(false)
})

test('a receipt file keeps the sealed bundle of the last revision', () => {
  const revision = (number: number): HeldBid => ({
    bundle: 'ab'.repeat(32),
    revision: number,
    withdrawal: false,
    receipts: new Map(),
  })
  const bidder = '22222222-2222-4222-8222-222222222222'
  const file = receiptFile('cd'.repeat(32), bidder, [revision(1), revision(2)], utf8('sealed'))
  const read = parseReceiptFile(utf8(encodeReceiptFile(file)))
  expect(read.bids.map((one) => one.content)).toEqual([undefined, utf8('sealed')])
})
