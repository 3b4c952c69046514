/** A bundle: what a bidder submits to every party, the same bytes for all (docs/protocol.md, "The bundle"). */

import { proofBytes, rowElements } from './degree'
import { concat, fromHex, labelledSha256, toHex, utf8, uuidBytes, uuidText, type Bytes } from './encoding'
import { PageError } from './errors'
import { ELEMENT_BYTES } from './field'
import { LARGEST_BITS } from './prices'

const DIGEST_BYTES = 32
/** What sealing adds: the encapsulated key in front and the authentication tag behind. */
const SEALING_OVERHEAD_BYTES = 1120 + 16
const MAGIC = utf8('AUKB')
const VERSION = 2
const BID = 1
const WITHDRAWAL = 2
const HEAD_BYTES = 4 + 1 + 1 + 32 + 16 + 4 + 1 + 1 + 1
const LARGEST_REVISION = 2 ** 32 - 1

/** Where a bundle belongs; its envelopes open nowhere else. */
export interface BidPlace {
  readonly auction: string
  readonly bidder: string
  readonly revision: number
}

export interface Bundle extends BidPlace {
  /** The degree of the polynomials; 0 for a withdrawal. */
  readonly threshold: number
  /** 0 for a withdrawal. */
  readonly bits: number
  readonly commitments: readonly Bytes[]
  /** That the shares have this degree; empty for a withdrawal. */
  readonly proof: Bytes
  readonly envelopes: readonly Bytes[]
}

/** How long a party's row is: one element for each bit, each salt and each mask of the proof. */
export function contentBytes(bits: number): number {
  return ELEMENT_BYTES * rowElements(bits)
}

function envelopeBytes(bits: number): number {
  return contentBytes(bits) + SEALING_OVERHEAD_BYTES
}

export function withdrawalOf(place: BidPlace): Bundle {
  return { ...place, threshold: 0, bits: 0, commitments: [], proof: new Uint8Array(), envelopes: [] }
}

function refuse(message: string): never {
  throw new PageError('malformed-bundle', message)
}

export function encodeBundle(bundle: Bundle): Bytes {
  if (bundle.revision < 1 || bundle.revision > LARGEST_REVISION) refuse('a revision counts from 1')
  const head = new Uint8Array(HEAD_BYTES)
  const view = new DataView(head.buffer)
  head.set(MAGIC)
  head[4] = VERSION
  head[5] = bundle.envelopes.length ? BID : WITHDRAWAL
  head.set(fromHex(bundle.auction), 6)
  head.set(uuidBytes(bundle.bidder), 38)
  view.setUint32(54, bundle.revision)
  head[58] = bundle.envelopes.length
  head[59] = bundle.threshold
  head[60] = bundle.bits
  const sealed = bundle.envelopes.map((envelope) => {
    const length = new Uint8Array(2)
    new DataView(length.buffer).setUint16(0, envelope.length)
    return concat(length, envelope)
  })
  return concat(head, ...bundle.commitments, bundle.proof, ...sealed)
}

/** @throws PageError with the code malformed-bundle: the bytes are not the one form of a bundle. */
export function decodeBundle(content: Bytes): Bundle {
  if (content.length < HEAD_BYTES) refuse('a bundle is longer')
  const view = new DataView(content.buffer, content.byteOffset)
  if (MAGIC.some((byte, index) => content[index] !== byte) || content[4] !== VERSION) refuse(`no bundle of version ${VERSION}`)
  const kind = content[5]
  const [revision, parties] = [view.getUint32(54), view.getUint8(58)]
  const [threshold, bits] = [view.getUint8(59), view.getUint8(60)]
  if ((kind !== BID && kind !== WITHDRAWAL) || (kind === WITHDRAWAL) !== (parties === 0)) refuse('bid or withdrawal')
  if (revision === 0) refuse('a revision counts from 1')
  if (parties === 0 && (bits !== 0 || threshold !== 0)) refuse('a withdrawal has neither bits nor a proof')
  if (parties !== 0 && (parties < 3 || parties > 9)) refuse('a bid has 3 to 9 envelopes')
  if (parties !== 0 && (threshold < 1 || parties < 2 * threshold + 1)) refuse('the threshold does not fit')
  if (parties !== 0 && (bits < 1 || bits > LARGEST_BITS)) refuse(`a bid has 1 to ${LARGEST_BITS} bits`)
  const stride = 2 + envelopeBytes(bits)
  const proofStart = HEAD_BYTES + parties * DIGEST_BYTES
  const start = proofStart + (parties && proofBytes(threshold))
  if (content.length !== start + parties * stride) refuse('the length does not follow from parties and bits')
  const numbers = Array.from({ length: parties }, (_, index) => index)
  if (numbers.some((index) => view.getUint16(start + index * stride) !== stride - 2)) refuse('wrong envelope length')
  return {
    auction: toHex(content.slice(6, 38)),
    bidder: uuidText(content.slice(38, 54)),
    revision,
    threshold,
    bits,
    commitments: numbers.map((i) => content.slice(HEAD_BYTES + i * DIGEST_BYTES, HEAD_BYTES + (i + 1) * DIGEST_BYTES)),
    proof: content.slice(proofStart, start),
    envelopes: numbers.map((i) => content.slice(start + i * stride + 2, start + (i + 1) * stride)),
  }
}

/** The hash that identifies a bundle's bytes. */
export async function bundleDigest(content: Uint8Array): Promise<string> {
  return toHex(await labelledSha256('bundle', content))
}
