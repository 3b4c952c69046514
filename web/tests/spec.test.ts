/** Rules as a person writes them, and as they are frozen. */

import { beforeAll, expect, test } from 'vitest'

import type { Cluster } from '../src/core/cluster'
import { canonicalJson, fromUtf8, toHex, utf8, type Json } from '../src/core/encoding'
import { ABANDONED_AFTER_MS, auctionId, freeze, parseSpec, parseSpecBytes, type Draft } from '../src/core/spec'
import { rules } from './evidence'
import { clusterOf } from './network'
import { codeOf } from './vectors'

let cluster: Cluster

beforeAll(async () => {
  cluster = await clusterOf(5)
})

const draft: Draft = {
  title: ' Beets ',
  description: 'one\r\ntwo',
  direction: 'reverse',
  format: 'first-price',
  winners: 1,
  currency: 'PLN',
  minimum: '0',
  maximum: '1000',
  step: '0.50',
  reserve_price: null,
  minimum_bids: 1,
  opens_at: new Date('2026-03-01T08:00:00Z'),
  closes_at: new Date('2026-03-01T12:00:00Z'),
  abandons_at: null,
  early_close_allowed: true,
  cancel_allowed: true,
  invited: null,
}
const frame = () => ({
  auctioneer: '11111111-1111-4111-8111-111111111111',
  cluster: cluster.digest,
  parties: 5,
  threshold: 2,
  nonce: new Uint8Array(32).fill(7),
})

test('without another moment the parties have thirty days for an outcome', async () => {
  const spec = await freeze(draft, frame())
  expect(spec.abandons_at).toBe('2026-03-31T12:00:00.000Z')
  expect(Date.parse(spec.abandons_at) - Date.parse(spec.closes_at)).toBe(ABANDONED_AFTER_MS)
  const sooner = await freeze({ ...draft, abandons_at: new Date('2026-03-02T00:00:00Z') }, frame())
  expect(sooner.abandons_at).toBe('2026-03-02T00:00:00.000Z')
  expect(await auctionId(sooner)).not.toBe(await auctionId(spec))
})

test('an auction is abandoned after its close, and every auction says when', async () => {
  const spec = rules(cluster)
  const { abandons_at: missing, ...without } = spec
  expect(missing).not.toBe('')
  const wrong: object[] = [
    without,
    { ...spec, abandons_at: spec.closes_at },
    { ...spec, abandons_at: spec.opens_at },
    { ...spec, abandons_at: '2026-03-31T12:00:00Z' },
    { ...spec, abandons_at: null },
  ]
  for (const one of wrong) expect(await codeOf(() => parseSpec(one))).toBe('malformed-auction-rules')
  expect(parseSpec({ ...spec, abandons_at: '2026-03-01T12:00:00.001Z' }).abandons_at).toBe('2026-03-01T12:00:00.001Z')
  await expect(freeze({ ...draft, abandons_at: draft.closes_at }, frame())).rejects.toMatchObject({
    code: 'malformed-auction-rules',
  })
})

test('the id is the hash of the canonical rules, this moment first', async () => {
  const spec = rules(cluster)
  const content = canonicalJson(spec as unknown as Json)
  expect(fromUtf8(content).startsWith('{"abandons_at":"2026-03-31T12:00:00.000Z","auctioneer":')).toBe(true)
  const hash = await crypto.subtle.digest('SHA-256', utf8(`aukciszek/1/auction\0${fromUtf8(content)}`))
  expect(await auctionId(parseSpecBytes(content))).toBe(toHex(new Uint8Array(hash)))
})
