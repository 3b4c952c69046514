/** The field F_p with p = 2^61 - 1 (docs/protocol.md, "Field"). A bid has a few hundred elements, so BigInt will do. */

export const P = 2n ** 61n - 1n
export const ELEMENT_BYTES = 8

/** Random bytes fit for keys. */
export function systemRandom(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length))
}

export function modulo(value: bigint): bigint {
  const rest = value % P
  return rest < 0n ? rest + P : rest
}

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let factor = modulo(base)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % P
    factor = (factor * factor) % P
  }
  return result
}

export function inverse(value: bigint): bigint {
  if (modulo(value) === 0n) throw new RangeError('zero has no inverse')
  return power(value, P - 2n)
}
