import { expect, test } from 'vitest'

import { challenge, MASKS, proveDegree, SALTS, shareFits } from '../src/core/degree'
import { inverse, P, systemRandom } from '../src/core/field'
import { deal, interpolate } from '../src/core/sharing'
import { elementsOf, KEY_BYTES, streamOf } from '../src/core/stream'

const values = [0n, 1n, 1n, P - 1n, 12345678901234567n]

test.each([
  [3, 1],
  [5, 2],
  [9, 4],
])('%i parties: any t + 1 shares give the values, t do not', async (parties, threshold) => {
  const { shares } = await deal(values, 0, parties, threshold, systemRandom(KEY_BYTES))
  const all = shares.map((_, index) => index + 1)
  for (const points of [all.slice(0, threshold + 1), all.slice(-threshold - 1), all]) {
    const found = values.map((_, place) => interpolate(points, points.map((party) => shares[party - 1]?.[place] ?? -1n)))
    expect(found).toEqual(values)
  }
  const few = all.slice(0, threshold)
  expect(values.map((_, place) => interpolate(few, few.map((party) => shares[party - 1]?.[place] ?? -1n)))).not.toEqual(values)
})

test('t shares are uniform, whatever the value is', async () => {
  // The top two bits of a uniform element are uniform: with 4000 draws each count is within five deviations of 1000.
  for (const value of [0n, 1n]) {
    const counts = [0, 0, 0, 0]
    const { shares } = await deal(Array.from({ length: 4000 }, () => value), 0, 5, 2, systemRandom(KEY_BYTES))
    for (const element of shares[1] ?? []) {
      const top = Number(element >> 59n)
      counts[top] = (counts[top] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(140)
  }
})

test('a draw beyond the field is skipped, and nothing is lost by it', () => {
  const words = new Uint8Array([...new Uint8Array(8).fill(255), 80, 0, 0, 0, 0, 0, 0, 0, ...new Uint8Array(8)])
  expect(elementsOf(words)).toEqual([10n, 0n])
})

test('the stream is AES-256-CTR from counter zero', async () => {
  // The block of the zero key and the zero counter is AES-256(0, 0), of FIPS 197: dc95c078 a2408989 ad48a214 92842087.
  const [first, second] = await streamOf(new Uint8Array(KEY_BYTES), 2)
  expect([first, second]).toEqual([0x898940a278c095dcn >> 3n, 0x8720849214a248adn >> 3n])
  expect(await streamOf(new Uint8Array(KEY_BYTES), 1)).toEqual([first])
  await expect(streamOf(new Uint8Array(16), 1)).rejects.toThrow(RangeError)
})

test('a dealing is a function of the values and the key', async () => {
  const key = systemRandom(KEY_BYTES)
  const drawn = await deal([1n, 0n], 3, 5, 2, key)
  expect(await deal([1n, 0n], 3, 5, 2, key)).toEqual(drawn)
  const stream = await streamOf(key, 3 + 2 * 5)
  expect(drawn.coefficients).toEqual([[1n, 0n, ...stream.slice(0, 3)], stream.slice(3, 8), stream.slice(8)])
  const other = await deal([1n, 0n], 3, 5, 2, systemRandom(KEY_BYTES))
  expect(other.shares).not.toEqual(drawn.shares)
})

test('what cannot be shared is refused', async () => {
  await expect(deal([P], 0, 5, 2, systemRandom(KEY_BYTES))).rejects.toThrow(RangeError)
  await expect(deal([1n], 0, 4, 2, systemRandom(KEY_BYTES))).rejects.toThrow(RangeError)
  expect(() => inverse(0n)).toThrow(RangeError)
})

test('the proof of degree convinces every party, and no share that was changed fits it', async () => {
  const context = systemRandom(32)
  const dealing = await deal([1n, 0n, 1n], SALTS + MASKS, 5, 2, systemRandom(KEY_BYTES))
  const proof = await proveDegree(dealing, context)
  for (const [index, share] of dealing.shares.entries()) {
    expect(await shareFits(share, index + 1, 2, proof, context)).toBe(true)
    // A bit, a salt, a mask: all of them are proven.
    for (const at of [1, 3 + SALTS - 1, share.length - 1]) {
      const changed = share.map((element, place) => (place === at ? (element + 1n) % P : element))
      expect(await shareFits(changed, index + 1, 2, proof, context)).toBe(false)
    }
    expect(await shareFits(share, ((index + 1) % 5) + 1, 2, proof, context)).toBe(false)
  }
  expect(await shareFits(dealing.shares[0] ?? [], 1, 2, proof.slice(8), context)).toBe(false)
  expect((await challenge(context, 3)).flat().every((element) => element < P)).toBe(true)
})
