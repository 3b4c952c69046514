import { expect, test } from 'vitest'

import { challenge, MASKS, proveDegree, shareFits } from '../src/core/degree'
import { inverse, P, randomElement, systemRandom } from '../src/core/field'
import { deal, interpolate } from '../src/core/sharing'

const values = [0n, 1n, 1n, P - 1n, 12345678901234567n]

test.each([
  [3, 1],
  [5, 2],
  [9, 4],
])('%i parties: any t + 1 shares give the values, t do not', (parties, threshold) => {
  const { shares } = deal(values, parties, threshold, systemRandom)
  const all = shares.map((_, index) => index + 1)
  for (const points of [all.slice(0, threshold + 1), all.slice(-threshold - 1), all]) {
    const found = values.map((_, place) => interpolate(points, points.map((party) => shares[party - 1]?.[place] ?? -1n)))
    expect(found).toEqual(values)
  }
  const few = all.slice(0, threshold)
  expect(values.map((_, place) => interpolate(few, few.map((party) => shares[party - 1]?.[place] ?? -1n)))).not.toEqual(values)
})

test('t shares are uniform, whatever the value is', () => {
  // The top two bits of a uniform element are uniform: with 4000 draws each count is within five deviations of 1000.
  for (const value of [0n, 1n]) {
    const counts = [0, 0, 0, 0]
    const { shares } = deal(Array.from({ length: 4000 }, () => value), 5, 2, systemRandom)
    for (const element of shares[1] ?? []) {
      const top = Number(element >> 59n)
      counts[top] = (counts[top] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(140)
  }
})

test('a draw beyond the field is drawn again', () => {
  const draws = [new Uint8Array(8).fill(255), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 80])]
  expect(randomElement(() => draws.shift() ?? new Uint8Array(8))).toBe(10n)
})

test('what cannot be shared is refused', () => {
  expect(() => deal([P], 5, 2, systemRandom)).toThrow(RangeError)
  expect(() => deal([1n], 4, 2, systemRandom)).toThrow(RangeError)
  expect(() => inverse(0n)).toThrow(RangeError)
})

test('the proof of degree convinces every party, and no share that was changed fits it', async () => {
  const context = systemRandom(32)
  const masks = Array.from({ length: MASKS }, () => randomElement(systemRandom))
  const dealing = deal([1n, 0n, 1n, ...masks], 5, 2, systemRandom)
  const proof = await proveDegree(dealing, context)
  for (const [index, share] of dealing.shares.entries()) {
    expect(await shareFits(share, index + 1, 2, proof, context)).toBe(true)
    const changed = share.map((element, place) => (place === 1 ? (element + 1n) % P : element))
    expect(await shareFits(changed, index + 1, 2, proof, context)).toBe(false)
    expect(await shareFits(share, ((index + 1) % 5) + 1, 2, proof, context)).toBe(false)
  }
  expect(await shareFits(dealing.shares[0] ?? [], 1, 2, proof.slice(8), context)).toBe(false)
  expect((await challenge(context, 3)).flat().every((element) => element < P)).toBe(true)
})
