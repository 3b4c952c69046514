/**
 * Uniform field elements from a key of 32 bytes, as `src/aukciszek/mpc/sharing/random_stream.py` draws them: AES-256 in counter
 * mode, the top 61 bits of each little-endian word, the one value outside the field skipped.
 */

import type { Bytes } from './encoding'
import { ELEMENT_BYTES, P } from './field'

export const KEY_BYTES = 32
const COUNTER_BITS = 64

/** The elements that these words of a key stream hold, in their order. */
export function elementsOf(words: Bytes): bigint[] {
  const view = new DataView(words.buffer, words.byteOffset, words.length)
  return Array.from(
    { length: words.length / ELEMENT_BYTES },
    (_, index) => view.getBigUint64(index * ELEMENT_BYTES, true) >> 3n,
  ).filter((element) => element < P)
}

/** The first `count` elements of the key's stream. A key is used for one stream only, so the counter starts at zero. */
export async function streamOf(key: Bytes, count: number): Promise<bigint[]> {
  if (key.length !== KEY_BYTES) throw new RangeError("a stream's key has 32 bytes")
  const cipher = await crypto.subtle.importKey('raw', key, 'AES-CTR', false, ['encrypt'])
  const algorithm = { name: 'AES-CTR', counter: new Uint8Array(16), length: COUNTER_BITS }
  let words = count
  for (;;) {
    const drawn = await crypto.subtle.encrypt(algorithm, cipher, new Uint8Array(words * ELEMENT_BYTES))
    const elements = elementsOf(new Uint8Array(drawn))
    if (elements.length >= count) return elements
    // Once in 2^61 words one was skipped: look further into the same stream.
    words += count - elements.length
  }
}
