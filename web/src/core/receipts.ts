/** The receipt file, which `aukciszek verify --receipts` reads, too. */

import type { Cluster } from './cluster'
import { canonicalText, fromUtf8, toBase64url, type Bytes, type Json } from './encoding'
import { PageError } from './errors'
import { bytes, digest, flag, integer, list, optional, read, strict, userId } from './schema'
import { readStatement, RECEIPT, type Receipt } from './statements'

export interface BidReceipts {
  readonly bundle: string
  readonly revision: number
  readonly withdrawal: boolean
  /** Signed receipt statements, as the parties sent them. */
  readonly receipts: readonly Bytes[]
  /** The sealed bundle of the last revision, to submit it to parties that were unreachable. */
  readonly content?: Bytes | undefined
}

export interface ReceiptFile {
  readonly version: number
  readonly auction: string
  readonly bidder: string
  /** One entry for each revision, ascending. */
  readonly bids: readonly BidReceipts[]
}

export const receiptFileReader = strict<ReceiptFile>({
  version: integer(1, 1),
  auction: digest,
  bidder: userId,
  bids: list(
    strict<BidReceipts>({
      bundle: digest,
      revision: integer(1, 2 ** 32 - 1),
      withdrawal: flag,
      receipts: list(bytes, 9),
      content: optional<Bytes | undefined>(bytes, undefined),
    }),
    1_000,
  ),
})

/** Revisions are listed once, in ascending order. */
export function isOrdered(file: ReceiptFile): boolean {
  return file.bids.every((bid, index) => bid.revision > (file.bids[index - 1]?.revision ?? 0))
}

/** @throws PageError with the code malformed-receipt-file. */
export function parseReceiptFile(content: Bytes): ReceiptFile {
  try {
    const file = read(receiptFileReader, JSON.parse(fromUtf8(content)) as unknown)
    if (!isOrdered(file)) throw new RangeError('list every revision once, in ascending order')
    return file
  } catch (error) {
    throw new PageError('malformed-receipt-file', `this is no receipt file: ${String(error)}`)
  }
}

/** A receipt file as JSON, alone or as a part of another file. */
export function plainReceiptFile(file: ReceiptFile): Json {
  return {
    version: 1,
    auction: file.auction,
    bidder: file.bidder,
    bids: file.bids.map(({ content, ...bid }) => ({
      ...bid,
      receipts: bid.receipts.map(toBase64url),
      ...(content ? { content: toBase64url(content) } : {}),
    })),
  }
}

export function encodeReceiptFile(file: ReceiptFile): string {
  return `${canonicalText(plainReceiptFile(file))}\n`
}

export function readReceipts(bid: BidReceipts, cluster: Cluster): Promise<Receipt[]> {
  return Promise.all(bid.receipts.map((content) => readStatement(RECEIPT, content, cluster)))
}

/** At the close is in time, a millisecond later is not; both moments in their one spelling. */
export function inTime(receivedAt: string, closesAt: string): boolean {
  return Date.parse(receivedAt) <= Date.parse(closesAt)
}
