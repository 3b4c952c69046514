/**
 * What the page seals: `tests/vectors/sealed_by_page.json`, which the Python side must open (tests/unit/auctions).
 * Sealing is random, so the file is written only by `npm run vectors`; here it is checked to open as it says.
 */

import { writeFileSync } from 'node:fs'

import { XWing } from '@hpke/hybridkem-x-wing'
import { expect, test } from 'vitest'

import { decodeBundle, encodeBundle } from '../src/core/bundle'
import { fromBase64url, toBase64url, toHex } from '../src/core/encoding'
import { systemRandom } from '../src/core/field'
import { spellElements } from '../src/core/degree'
import { checkRow, dealBid, openEnvelope, sealBid } from '../src/core/sealing'
import { VECTORS, vectors } from './vectors'

interface Sealed {
  bits: string
  threshold: number
  /** What the dealing follows from; the row of party i is what its envelope holds. */
  key: string
  bundle: string
  envelopes: { party: number; seed: string; elements: string[]; row: string }[]
}

const NAME = 'sealed_by_page.json'
const SHAPES = [
  { parties: 3, threshold: 1, bits: '1' },
  { parties: 5, threshold: 2, bits: '1011001' },
  { parties: 5, threshold: 1, bits: '0'.repeat(32) },
  { parties: 9, threshold: 4, bits: '1'.repeat(60) },
]

async function seal(shape: (typeof SHAPES)[number]): Promise<Sealed> {
  const kem = new XWing()
  const pairs = await Promise.all(Array.from({ length: shape.parties }, () => kem.generateKeyPair()))
  const seeds = await Promise.all(pairs.map(async (pair) => new Uint8Array(await kem.serializePrivateKey(pair.privateKey))))
  const keys = await Promise.all(pairs.map(async (pair) => new Uint8Array(await kem.serializePublicKey(pair.publicKey))))
  const place = { auction: toHex(systemRandom(32)), bidder: crypto.randomUUID(), revision: 7 }
  const { bundle, dealing, key } = await sealBid(place, Array.from(shape.bits, Number), shape.threshold, keys)
  const envelopes = await Promise.all(
    seeds.map(async (seed, index) => ({
      party: index + 1,
      seed: toBase64url(seed),
      elements: (await openEnvelope(bundle, index + 1, seed)).map(String),
      row: toBase64url(spellElements(dealing.shares[index] ?? [])),
    })),
  )
  const { bits, threshold } = shape
  return { bits, threshold, key: toBase64url(key), bundle: toBase64url(encodeBundle(bundle)), envelopes }
}

test('what is sealed now opens; `npm run vectors` keeps it as the known answers', async () => {
  const sealed: Sealed[] = []
  for (const shape of SHAPES) sealed.push(await seal(shape))
  for (const [index, { parties, bits }] of SHAPES.entries()) {
    expect(sealed[index]?.envelopes).toHaveLength(parties)
    for (const { elements } of sealed[index]?.envelopes ?? []) expect(elements).toHaveLength(bits.length)
  }
  if (process.env['WRITE_VECTORS']) writeFileSync(new URL(NAME, VECTORS), `${JSON.stringify({ sealed }, null, 1)}\n`)
})

test('the known answers open as they say', async () => {
  const { sealed } = vectors<{ sealed: Sealed[] }>(NAME)
  expect(sealed).toHaveLength(SHAPES.length)
  for (const one of sealed) {
    const bundle = decodeBundle(fromBase64url(one.bundle))
    const { shares } = await dealBid(Array.from(one.bits, Number), bundle.envelopes.length, one.threshold, fromBase64url(one.key))
    for (const { party, seed, elements, row } of one.envelopes) {
      expect((await openEnvelope(bundle, party, fromBase64url(seed))).map(String)).toEqual(elements)
      expect(toBase64url(spellElements(shares[party - 1] ?? []))).toBe(row)
      expect((await checkRow(bundle, party, fromBase64url(row))).map(String)).toEqual(elements)
    }
  }
})
