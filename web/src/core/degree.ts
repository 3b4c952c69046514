/**
 * The proof that shares lie on polynomials of degree t (docs/protocol.md, "Proof of degree"): along with the values,
 * salts and masks are shared; a hash of the commitments gives random coefficients; for each mask the polynomial
 * g = sum_b rho_b f_b + f_mask is published, the sum over values and salts, and each party checks its own row alone.
 */

import { concat, sha512, utf8, type Bytes } from './encoding'
import { ELEMENT_BYTES, modulo, P, power } from './field'
import type { Dealing } from './sharing'

/** How many random elements are dealt after the values, so that a hash of a row hides the row. */
export const SALTS = 5
/** How many masks are dealt after the salts, and how many polynomials the proof holds. */
export const MASKS = 3

const LABEL = utf8('aukciszek/1/degree-proof')
const WORDS_A_BLOCK = 8

/** How many elements each party is dealt along with so many values. */
export function rowElements(values: number): number {
  return values + SALTS + MASKS
}

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

/** The coefficients rho, one row for each value (the salts among them) and one element in it for each mask. */
export async function challenge(context: Bytes, values: number): Promise<bigint[][]> {
  const blocks = await Promise.all(
    Array.from({ length: Math.ceil((values * MASKS) / WORDS_A_BLOCK) }, (_, block) =>
      sha512(concat(LABEL, context, Uint8Array.of(block >> 8, block & 0xff))),
    ),
  )
  const words = new DataView(concat(...blocks).buffer)
  return Array.from({ length: values }, (_, value) =>
    Array.from({ length: MASKS }, (__, mask) => modulo(words.getBigUint64((value * MASKS + mask) * ELEMENT_BYTES) >> 3n)),
  )
}

/** The sum of all rho times value, plus the mask: one element for each mask. */
function fold(row: readonly bigint[], rho: readonly bigint[][]): bigint[] {
  const masks = row.slice(rho.length)
  return masks.map((own, mask) => modulo(rho.reduce((sum, weights, value) => sum + (weights[mask] ?? 0n) * (row[value] ?? 0n), own)))
}

/** The proof for a dealing whose last secrets are the masks: lowest coefficient first, one polynomial after the other. */
export async function proveDegree(dealing: Dealing, context: Bytes): Promise<Bytes> {
  const values = (dealing.coefficients[0]?.length ?? 0) - MASKS
  const rho = await challenge(context, values)
  const folded = dealing.coefficients.map((coefficient) => fold(coefficient, rho))
  return spellElements(Array.from({ length: MASKS }, (_, mask) => folded.map((elements) => elements[mask] ?? 0n)).flat())
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
  const found = fold(share, await challenge(context, share.length - MASKS))
  return found.every((element, mask) => {
    const expected = Array.from({ length: threshold + 1 }, (_, exponent) => exponent).reduce(
      (sum, k) => sum + (polynomials[mask * (threshold + 1) + k] ?? 0n) * power(BigInt(party), BigInt(k)),
      0n,
    )
    return element === modulo(expected)
  })
}
