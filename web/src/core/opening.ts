/**
 * Opening one's own bid (docs/protocol.md, "Opening one's own bid"): the bundle, every row that it commits to, and the
 * receipts for it, in one file. It proves the exact price to anyone who sees it; `aukciszek verify --opening` reads it.
 */

import { bundleDigest, decodeBundle, type Bundle } from './bundle'
import { spellElements } from './degree'
import { canonicalText, concat, equal, parseCanonicalJson, toBase64url, type Bytes, type Json } from './encoding'
import { PageError } from './errors'
import { isOrdered, plainReceiptFile, receiptFileReader, type ReceiptFile } from './receipts'
import { bytes, digest, integer, list, read, strict } from './schema'
import { checkRow, commitmentTo, dealBid } from './sealing'
import { fits, interpolate } from './sharing'
import { KEY_BYTES } from './stream'

const STEP_BYTES = 8
const MOST_FILE_BYTES = 16 * 2 ** 20

/** What a bidder keeps to open its commitments later. It and the bundle together reveal the price and prove it. */
export interface OpeningSecret {
  /** What the dealing follows from. */
  readonly key: Bytes
  /** The price in steps of the grid. */
  readonly step: bigint
}

function unfit(message: string): never {
  throw new PageError('opening-does-not-fit', message)
}

function malformed(message: string): never {
  throw new PageError('malformed-opening', message)
}

/** The key, then the step, big-endian: the same length whatever the price. */
export function encodeSecret(secret: OpeningSecret): Bytes {
  const step = new Uint8Array(STEP_BYTES)
  new DataView(step.buffer).setBigUint64(0, secret.step)
  return concat(secret.key, step)
}

/** @throws PageError with the code malformed-opening. */
export function decodeSecret(content: Bytes): OpeningSecret {
  if (content.length !== KEY_BYTES + STEP_BYTES) malformed(`an opening secret has ${KEY_BYTES + STEP_BYTES} bytes`)
  const view = new DataView(content.buffer, content.byteOffset)
  return { key: content.slice(0, KEY_BYTES), step: view.getBigUint64(KEY_BYTES) }
}

/**
 * Every party's row of the dealing that the bundle commits to, in the order of their numbers.
 * @throws PageError with the code opening-does-not-fit: this is not the secret of that bundle.
 */
export async function rowsOf(bundle: Bundle, secret: OpeningSecret): Promise<Bytes[]> {
  if (!bundle.envelopes.length) unfit('a withdrawal commits to nothing that could be opened')
  if (secret.step >> BigInt(bundle.bits)) unfit('this opening secret belongs to another bundle')
  const digits = Array.from(secret.step.toString(2).padStart(bundle.bits, '0'), Number)
  const { shares } = await dealBid(digits, bundle.envelopes.length, bundle.threshold, secret.key)
  const rows = shares.map(spellElements)
  const found = await Promise.all(rows.map((row, index) => commitmentTo(bundle.auction, index + 1, row)))
  const isThis = found.every((one, index) => equal(one, bundle.commitments[index] ?? new Uint8Array()))
  return isThis ? rows : unfit('this opening secret belongs to another bundle')
}

export interface OpenedBid {
  readonly version: number
  readonly auction: string
  /** The sealed bundle, as it was submitted to the parties. */
  readonly bundle: Bytes
  /** For every party, in the order of their numbers, the row that its envelope holds. */
  readonly rows: readonly Bytes[]
  /** The receipts for all revisions of the bid, without bundles; the opened revision may have none. */
  readonly receipts: ReceiptFile
}

const reader = strict<OpenedBid>({
  version: integer(1, 1),
  auction: digest,
  bundle: bytes,
  rows: list(bytes, 9),
  receipts: receiptFileReader,
})

/**
 * Open a bundle.
 * @throws PageError with the code malformed-bundle or opening-does-not-fit.
 */
export async function openBid(content: Bytes, secret: OpeningSecret, receipts: ReceiptFile): Promise<OpenedBid> {
  const bundle = decodeBundle(content)
  if (receipts.auction !== bundle.auction || receipts.bidder !== bundle.bidder) {
    unfit('the receipts are those of another auction or bidder')
  }
  const bids = receipts.bids.map((bid) => ({ ...bid, content: undefined }))
  const rows = await rowsOf(bundle, secret)
  return { version: 1, auction: bundle.auction, bundle: content, rows, receipts: { ...receipts, bids } }
}

export function encodeOpenedBid(opened: OpenedBid): string {
  const plain: Json = {
    version: 1,
    auction: opened.auction,
    bundle: toBase64url(opened.bundle),
    rows: opened.rows.map(toBase64url),
    receipts: plainReceiptFile(opened.receipts),
  }
  return canonicalText(plain)
}

/** Read the file's bytes; only {@link findBid} checks what is in them. @throws PageError with the code malformed-opening. */
export function parseOpenedBid(content: Bytes): OpenedBid {
  if (content.length > MOST_FILE_BYTES) malformed(`an opened bid has at most ${MOST_FILE_BYTES} bytes`)
  let opened: OpenedBid
  try {
    opened = read(reader, parseCanonicalJson(content))
  } catch (error) {
    return malformed(`this is no opened bid: ${String(error)}`)
  }
  const { receipts } = opened
  if (opened.rows.length < 3 || !isOrdered(receipts)) malformed('too few rows, or revisions out of order')
  if (receipts.auction !== opened.auction) malformed('the receipts are from another auction')
  if (receipts.bids.some((bid) => bid.content !== undefined)) malformed('the receipts come without bundles')
  return opened
}

/** What an opened bid turned out to be. */
export interface FoundBid {
  readonly bundle: Bundle
  readonly digest: string
  /** The price in steps of the grid; null if what was shared are no bits. */
  readonly step: bigint | null
}

/**
 * Check an opened bid against itself. Each row must match its commitment and the proof of degree, and all of them must
 * lie on polynomials of degree t: so nobody can open one bundle in two ways.
 * @throws PageError with the code opening-does-not-fit: the parts do not belong together, or the bidder dealt wrongly.
 */
export async function findBid(opened: OpenedBid): Promise<FoundBid> {
  let bundle: Bundle
  try {
    bundle = decodeBundle(opened.bundle)
  } catch {
    return unfit('the bundle in this opening is none')
  }
  const { auction, rows, receipts } = opened
  if (bundle.auction !== auction || bundle.bidder !== receipts.bidder) {
    unfit('the bundle in this opening belongs to another auction or bidder')
  }
  if (!bundle.envelopes.length || rows.length !== bundle.envelopes.length) {
    unfit('an opening contains a bid, and one row for each of its envelopes')
  }
  const hash = await bundleDigest(opened.bundle)
  if (receipts.bids.some((bid) => (bid.bundle === hash) !== (bid.revision === bundle.revision))) {
    unfit('the receipts name another bundle for this revision')
  }
  return { bundle, digest: hash, step: stepOf(await openRows(bundle, rows)) }
}

/** What was shared in the place of the bits; a dishonest bidder may have shared anything. */
async function openRows(bundle: Bundle, rows: readonly Bytes[]): Promise<bigint[]> {
  const dealt: bigint[][] = []
  for (const [index, row] of rows.entries()) {
    try {
      dealt.push(await checkRow(bundle, index + 1, row))
    } catch (error) {
      const code = error instanceof PageError ? error.code : String(error)
      unfit(`the row of party ${index + 1} is not what the bundle promises (${code})`)
    }
  }
  const words = (dealt[0] ?? []).map((_, place) => dealt.map((row) => row[place] ?? 0n))
  if (!words.every((word) => fits(word, bundle.threshold))) {
    unfit(`the rows lie on no polynomials of degree ${bundle.threshold}`)
  }
  const points = Array.from({ length: bundle.threshold + 1 }, (_, index) => index + 1)
  return words.slice(0, bundle.bits).map((word) => interpolate(points, word.slice(0, points.length)))
}

function stepOf(elements: readonly bigint[]): bigint | null {
  if (elements.some((element) => element > 1n)) return null
  return elements.reduce((step, bit) => 2n * step + bit, 0n)
}
