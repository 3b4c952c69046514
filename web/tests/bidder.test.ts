/** From a typed price to receipts, and the orders of an auctioneer: against scripted parties. */

import { XWing } from '@hpke/hybridkem-x-wing'
import { beforeAll, beforeEach, expect, test } from 'vitest'

import { Bidder, countOf, type BidderState } from '../src/api/bidder'
import { AuctionCreation } from '../src/api/creation'
import { heldBids, type HeldBid } from '../src/api/held-bids'
import { giveOrder } from '../src/api/orders'
import { describeAuction } from '../src/api/overview'
import { rememberedBids, rememberedOpenings, rememberedPrice } from '../src/api/own-bids'
import type { Parties } from '../src/api/parties'
import { bundleDigest, decodeBundle } from '../src/core/bundle'
import type { Cluster } from '../src/core/cluster'
import { fromUtf8, toBase64url, type Bytes, type Json } from '../src/core/encoding'
import { PriceGrid } from '../src/core/prices'
import { auctionId, type AuctionSpec } from '../src/core/spec'
import { PageError } from '../src/core/errors'
import { checkTypedPrice, nearestPrices } from '../src/ui/bidding/typed-price'
import { blankForm, draftOf } from '../src/ui/creation/auction-form'
import { rules } from './evidence'
import { BIDDER, clusterOf, networkOf, ok, problem, receiptStatement, sessionOf, statement, type Asked } from './network'
import { codeOf } from './vectors'

const NEEDED = 3
const CLOSED = 'bid-too-late'
let cluster: Cluster
let spec: AuctionSpec
let auction: string
let described: Json

beforeAll(async () => {
  cluster = await clusterOf(5)
})

/** Each test has an auction of its own, as bids are remembered by auction. */
let tests = 0
beforeEach(async () => {
  tests += 1
  spec = rules(cluster, { title: `Beets ${tests}` })
  auction = await auctionId(spec)
  const keys = await Promise.all(
    cluster.parties.map(async ({ number }) => {
      const pair = await new XWing().generateKeyPair()
      const key = new Uint8Array(await new XWing().serializePublicKey(pair.publicKey))
      const body = { auction, kind: 'sealing-key', party: number, public_key: toBase64url(key) }
      return { party: number, statement: toBase64url(statement(number, 'sealing-key', body)) }
    }),
  )
  described = {
    id: auction,
    spec: spec as unknown as Json,
    state: 'open',
    state_since: spec.opens_at,
    bids: 0,
    sealing_keys: keys,
  }
})

/** Parties that sign for every bundle, but those in `refusing`. */
class Trial {
  readonly bundles = new Map<number, Bytes[]>()
  readonly states: BidderState[] = []
  readonly parties: Parties
  readonly bidder: Bidder
  readonly refusing = new Set<number>()

  constructor() {
    const session = sessionOf(cluster)
    this.parties = networkOf(cluster, (asked) => this.answer(asked))
    this.bidder = new Bidder(
      { parties: this.parties, auction, needed: NEEDED, session: () => session },
      { onChange: (state) => this.states.push(state), onMoreReceipts: () => undefined },
    )
  }

  private async answer({ party, path, body }: Asked): Promise<Response> {
    if (path.endsWith('/bids')) {
      if (this.refusing.has(party)) return problem(409, CLOSED)
      this.bundles.set(party, [...(this.bundles.get(party) ?? []), body])
      return ok({ statement: toBase64url(receiptStatement(party, await bundleDigest(body), auction)) })
    }
    if (path.endsWith('/receipts')) {
      const told = JSON.parse(fromUtf8(body)) as { receipts: string[] }
      const [first] = told.receipts
      const { bundle } = JSON.parse(fromUtf8(Buffer.from(first ?? '', 'base64url').subarray(64))) as { bundle: string }
      return ok({ bundle, receipts_of: [1, 2, 3, 4, 5] })
    }
    return ok(described)
  }
}

test('a price is sealed, remembered, and submitted to all parties in the same bytes', async () => {
  const trial = new Trial()
  await trial.bidder.place('48.50', [])
  trial.bidder.stop()
  const sent = [...trial.bundles.values()].flat()
  expect(sent).toHaveLength(5)
  expect(new Set(sent.map(toBase64url)).size).toBe(1)
  const [content] = sent
  if (!content) throw new Error('something was sent')
  expect(decodeBundle(content)).toMatchObject({ auction, bidder: BIDDER, revision: 1, threshold: 2 })
  const { state } = trial.bidder
  expect(state).toMatchObject({ isSealing: false, split: { price: '48.50' }, bundle: { revision: 1, withdrawal: false } })
  expect(countOf(state.submission)).toMatchObject({ given: 5, missing: 0 })
  expect(rememberedPrice(auction, BIDDER, await bundleDigest(content))).toBe('48.50')
  expect(rememberedOpenings(auction, BIDDER)).toHaveLength(1)
  expect([...(rememberedBids(auction, BIDDER)[0]?.receipts.keys() ?? [])].sort()).toEqual([1, 2, 3, 4, 5])
})

test('a view sees the bid being prepared, then sent, then received, without a gap', async () => {
  const trial = new Trial()
  await trial.bidder.place('48.50', [])
  trial.bidder.stop()
  const isBusy = trial.states.map((state) => state.isSealing || (state.submission?.isSending ?? true))
  const end = isBusy.indexOf(false)
  expect(isBusy.slice(0, end)).not.toContain(false)
  expect(isBusy.slice(end)).not.toContain(true)
  expect(trial.states[0]).toEqual({ isSealing: true, split: null, bundle: null, submission: null })
})

test('a withdrawal is the next revision, and shows no price', async () => {
  const trial = new Trial()
  await trial.bidder.place('48.50', [])
  await trial.bidder.withdraw(rememberedBids(auction, BIDDER))
  trial.bidder.stop()
  const content = trial.bundles.get(1)?.at(-1)
  if (!content) throw new Error('something was sent')
  expect(decodeBundle(content)).toMatchObject({ revision: 2, envelopes: [] })
  expect(trial.bidder.state).toMatchObject({ split: null, bundle: { revision: 2, withdrawal: true } })
  expect(rememberedBids(auction, BIDDER).map((bid) => bid.withdrawal)).toEqual([false, true])
})

test('too few receipts are an error; sending again asks the others alone', async () => {
  const trial = new Trial()
  for (const party of [3, 4, 5]) trial.refusing.add(party)
  expect(await codeOf(() => trial.bidder.place('48.50', []))).toBe(CLOSED)
  expect(countOf(trial.bidder.state.submission)).toEqual({ given: 2, missing: 3, keepers: 0 })
  trial.refusing.clear()
  await trial.bidder.sendAgain()
  trial.bidder.stop()
  expect(countOf(trial.bidder.state.submission)).toMatchObject({ given: 5, missing: 0 })
  expect([...trial.bundles.values()].flat()).toHaveLength(5)
})

test('a price that cannot be bid ends before anything is sent, and nothing stays busy', async () => {
  const trial = new Trial()
  expect(await codeOf(() => trial.bidder.place('48.51', []))).toBe('price-off-grid')
  expect(trial.bundles.size).toBe(0)
  expect(trial.bidder.state).toEqual({ isSealing: false, split: null, bundle: null, submission: null })
  expect(rememberedOpenings(auction, BIDDER)).toEqual([])
})

test('a bid from an earlier visit is relayed only as long as nothing newer was submitted', async () => {
  const trial = new Trial()
  await trial.bidder.place('48.50', [])
  const [held] = rememberedBids(auction, BIDDER)
  if (!held) throw new Error('the bid is remembered')
  const before = trial.states.length
  trial.bidder.resume(held)()
  trial.bidder.stop()
  expect(trial.states.length).toBe(before)
})

test('a bidder learns what the parties hold, and a party with a false receipt is ignored', async () => {
  const digest = 'cd'.repeat(32)
  const parties = networkOf(cluster, ({ party, path }) => {
    if (!path.endsWith('/bids')) return ok(described)
    const signed = receiptStatement(party, party === 2 ? 'ee'.repeat(32) : digest, auction)
    const bid = { revision: 1, bundle: digest, withdrawal: false, received_at: spec.opens_at, statement: toBase64url(signed) }
    return ok({ bids: [bid] })
  })
  const held = await heldBids(parties, sessionOf(cluster), await describeAuction(parties, auction))
  expect(held.map((bid: HeldBid) => [bid.revision, [...bid.receipts.keys()].sort()])).toEqual([[1, [1, 3, 4, 5]]])
})

test('an order needs as many parties as can vouch for it', async () => {
  const paths = new Set<string>()
  const refusing = new Set([4, 5])
  const parties = networkOf(cluster, ({ party, path }) => {
    paths.add(path)
    return refusing.has(party) ? problem(409, 'order-too-late') : ok({})
  })
  const told: [number, string | null][] = []
  const note = (party: number, error: PageError | null) => told.push([party, error?.code ?? null])
  await giveOrder(parties, sessionOf(cluster), auction, 'close', NEEDED, note)
  expect([...paths]).toEqual([`/api/auctions/${auction}/close`])
  expect(told.filter(([, code]) => code === null).map(([party]) => party).sort()).toEqual([1, 2, 3])
  refusing.add(3)
  expect(await codeOf(() => giveOrder(parties, sessionOf(cluster), auction, 'cancel', NEEDED, note))).toBe('order-too-late')
})

test('a repeated creation registers the same auction, and a changed form another one', async () => {
  const sent: string[] = []
  let isDown = true
  const parties = networkOf(cluster, ({ party, body }) => {
    sent.push(fromUtf8(body))
    if (isDown && party > 2) return problem(409, 'rules-for-others')
    return ok({ ...(described as object), spec: JSON.parse(fromUtf8(body)) as Json })
  })
  const now = Date.now()
  const form = { ...blankForm(now), title: 'Beets', minimum: '0', maximum: '10', step: '1' }
  const creation = new AuctionCreation(parties)
  const creator = { session: sessionOf(cluster), threshold: 2 }
  const ignore = () => undefined
  const create = (title: string, at: number) =>
    creation.create(draftOf({ ...form, title }, at), title, creator, ignore)
  expect(await codeOf(() => create('Beets', now))).toBe('rules-for-others')
  isDown = false
  const id = await create('Beets', now + 5_000)
  expect(new Set(sent).size).toBe(1)
  expect(id).toBe(await auctionId(JSON.parse(sent[0] ?? '') as AuctionSpec))
  // Once it is created, the same entries make a new auction.
  expect(await create('Beets', now + 9_000)).not.toBe(id)
  expect(await create('Turnips', now + 9_000)).not.toBe(id)
})

test('a typed price is spelled in one way, or refused with the nearest prices', () => {
  const grid = PriceGrid.of('0.00', '1000.00', '0.50')
  expect(checkTypedPrice(grid, '1 000,0 zł')).toEqual({ price: '1000.00' })
  const between = checkTypedPrice(grid, '12.30')
  expect(between).toMatchObject({ code: 'price-off-grid' })
  expect(nearestPrices(between)).toEqual(['12.00', '12.50'])
  expect(nearestPrices(checkTypedPrice(grid, '2000'))).toEqual(['0.00', '1000.00'])
  expect(checkTypedPrice(grid, 'twelve')).toMatchObject({ code: 'malformed-price' })
  expect(nearestPrices(checkTypedPrice(grid, 'twelve'))).toEqual([])
  expect(nearestPrices({ price: '12.00' })).toEqual([])
})
