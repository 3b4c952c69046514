/**
 * The proof that shares lie on polynomials of degree t (docs/protocol.md, "Proof of degree"): along with the values,
 * three random masks are shared; a hash of the commitments gives random coefficients; for each mask the polynomial
 * g = sum_b rho_b f_b + f_mask is published, and each party checks its own shares against it alone.
 */

import { concat, sha256, utf8, type Bytes } from './encoding'
import { ELEMENT_BYTES, modulo, P, power } from './field'
import type { Dealing } from './sharing'

/** How many masks are dealt after the values, and how many polynomials the proof holds. */
export const MASKS = 3

const LABEL = utf8('aukciszek/1/degree-proof')

export function proofBytes(threshold: number): number {
  return MASKS * (threshold + 1) * ELEMENT_BYTES
}

/** Spell field elements, 8 bytes each, little-endian. */
export function spellElements(elements: readonly bigint[]): Bytes {
  const content = new Uint8Array(elements.length * ELEMENT_BYTES)
  const view = new DataView(content.buffer)
  elements.forEach((element, index) => {
    view.setBigUint64(index * ELEMENT_BYTES, element, true)
  })
  return content
}

/** Read field elements; undefined if one is beyond the field. */
export function readElements(content: Bytes): bigint[] | undefined {
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  const elements = Array.from({ length: content.length / ELEMENT_BYTES }, (_, index) =>
    view.getBigUint64(index * ELEMENT_BYTES, true),
  )
  return elements.every((element) => element < P) ? elements : undefined
}

/** The coefficients rho, one row for each mask. */
export async function challenge(context: Bytes, values: number): Promise<bigint[][]> {
  return Promise.all(
    Array.from({ length: MASKS }, (_, mask) =>
      Promise.all(Array.from({ length: values }, (__, value) => challengeElement(context, mask, value))),
    ),
  )
}

async function challengeElement(context: Bytes, mask: number, value: number): Promise<bigint> {
  for (let attempt = 0; attempt < 256; attempt++) {
    const place = Uint8Array.of(mask, value >> 8, value & 0xff, attempt)
    const digest = await sha256(concat(LABEL, context, place))
    const element = new DataView(digest.buffer).getBigUint64(0) >> 3n
    if (element < P) return element
  }
  throw new RangeError('a hash function returned nothing but ones')
}

function combined(row: readonly bigint[], weights: readonly bigint[], mask: number): bigint {
  const sum = weights.reduce((total, weight, index) => total + weight * (row[index] ?? 0n), row[weights.length + mask] ?? 0n)
  return modulo(sum)
}

/** The proof for a dealing whose last values are the masks: lowest coefficient first, one polynomial after the other. */
export async function proveDegree(dealing: Dealing, context: Bytes): Promise<Bytes> {
  const values = (dealing.coefficients[0]?.length ?? 0) - MASKS
  const rho = await challenge(context, values)
  return spellElements(
    rho.flatMap((weights, mask) => dealing.coefficients.map((coefficient) => combined(coefficient, weights, mask))),
  )
}

/** Tell whether one party's share agrees with the proof. */
export async function shareFits(
  share: readonly bigint[],
  party: number,
  threshold: number,
  proof: Bytes,
  context: Bytes,
): Promise<boolean> {
  const polynomials = readElements(proof)
  if (polynomials?.length !== MASKS * (threshold + 1)) return false
  const rho = await challenge(context, share.length - MASKS)
  return rho.every((weights, mask) => {
    const expected = Array.from({ length: threshold + 1 }, (_, exponent) => exponent).reduce(
      (sum, k) => sum + (polynomials[mask * (threshold + 1) + k] ?? 0n) * power(BigInt(party), BigInt(k)),
      0n,
    )
    return combined(share, weights, mask) === modulo(expected)
  })
}
