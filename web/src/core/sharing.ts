/**
 * Shamir's secret sharing [Sha79]: party i holds the value at i of a polynomial, the secret is the value at 0.
 * Any t shares are uniformly distributed, any t + 1 determine the secret.
 */

import type { Bytes } from './encoding'
import { inverse, modulo, P } from './field'
import { streamOf } from './stream'

/** Polynomials of degree t, one for each secret; a dealer's own secret. */
export interface Dealing {
  /** Those of X^0 to X^t, each with one element for every secret. */
  readonly coefficients: readonly (readonly bigint[])[]
  /** Row i - 1 belongs to party i. */
  readonly shares: readonly (readonly bigint[])[]
}

/**
 * Split values, and `drawn` random elements after them, with uniform polynomials of degree at most `threshold`.
 *
 * All that is random follows from the key: its stream gives the elements that are drawn, then the coefficients of X^1 of
 * all secrets, of X^2, to X^t. From the key the same dealing can be computed again.
 * @param key 32 fresh random bytes, used for nothing else.
 */
export async function deal(
  values: readonly bigint[],
  drawn: number,
  parties: number,
  threshold: number,
  key: Bytes,
): Promise<Dealing> {
  if (threshold < 1 || parties < 2 * threshold + 1) throw new RangeError('the threshold must be below half of the parties')
  if (values.some((value) => value < 0n || value >= P)) throw new RangeError('only field elements can be shared')
  const width = values.length + drawn
  const stream = await streamOf(key, drawn + threshold * width)
  const coefficients = Array.from({ length: threshold + 1 }, (_, exponent) =>
    exponent === 0
      ? [...values, ...stream.slice(0, drawn)]
      : stream.slice(drawn + (exponent - 1) * width, drawn + exponent * width),
  )
  const shares = Array.from({ length: parties }, (_, index) => evaluate(coefficients, BigInt(index + 1)))
  return { coefficients, shares }
}

function evaluate(coefficients: readonly (readonly bigint[])[], point: bigint): bigint[] {
  const [constant = [], ...higher] = coefficients
  return constant.map((secret, index) =>
    // Horner's rule, from the highest coefficient down.
    modulo(higher.reduceRight((sum, row) => ((sum + (row[index] ?? 0n)) * point) % P, 0n) + secret),
  )
}

/** The value at 0, or at another point, of the polynomial of degree below `points.length` through single points. */
export function interpolate(points: readonly number[], values: readonly bigint[], at = 0): bigint {
  let sum = 0n
  points.forEach((i, index) => {
    let numerator = 1n
    let denominator = 1n
    for (const j of points) {
      if (j === i) continue
      numerator = modulo(numerator * BigInt(at - j))
      denominator = modulo(denominator * BigInt(i - j))
    }
    sum = modulo(sum + numerator * inverse(denominator) * (values[index] ?? 0n))
  })
  return sum
}

/** Tell whether one polynomial of at most this degree takes these values at 1, 2, 3, ... */
export function fits(values: readonly bigint[], degree: number): boolean {
  const points = Array.from({ length: degree + 1 }, (_, index) => index + 1)
  const base = values.slice(0, degree + 1)
  return values.slice(degree + 1).every((value, index) => interpolate(points, base, degree + 2 + index) === value)
}
