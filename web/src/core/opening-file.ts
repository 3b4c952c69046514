/**
 * What a bidder keeps to open its own bids, as a file: `aukciszek bid prove` looks for it beside the receipts, under their
 * name with `.opening` behind it. It reveals the price to anyone who reads it.
 */

import { bundleDigest } from './bundle'
import { canonicalText, fromUtf8, toBase64url, type Bytes, type Json } from './encoding'
import { PageError } from './errors'
import { decodeSecret, encodeSecret, openBid, type OpenedBid, type OpeningSecret } from './opening'
import type { ReceiptFile } from './receipts'
import { bytes, digest, integer, json, list, optional, read, strict, userId, type Reader } from './schema'

/** The file's name is that of the receipts and this. */
export const OPENING_SUFFIX = '.opening'

const MOST_KEPT = 200

export interface KeptOpening {
  readonly revision: number
  /** The sealed bundle, as it was submitted to the parties. */
  readonly bundle: Bytes
  /** Null: it is locked with a password, which the command line alone can open. */
  readonly secret: OpeningSecret | null
}

export interface OpeningFile {
  readonly auction: string
  readonly bidder: string
  /** As they were made, the newest last. */
  readonly bids: readonly KeptOpening[]
}

interface Kept {
  readonly revision: number
  readonly bundle: Bytes
  readonly secret: Bytes | undefined
  readonly locked: Json | undefined
}

const reader = strict<Omit<OpeningFile, 'bids'> & { readonly version: number; readonly bids: readonly Kept[] }>({
  version: integer(1, 1),
  auction: digest,
  bidder: userId,
  bids: list(
    strict<Kept>({
      revision: integer(1, 2 ** 32 - 1),
      bundle: bytes,
      secret: optional<Bytes | undefined>(bytes, undefined),
      locked: optional<Json | undefined>(json as Reader<Json | undefined>, undefined),
    }),
    MOST_KEPT,
  ),
})

/** @throws PageError with the code malformed-opening. */
export function parseOpeningFile(content: Bytes): OpeningFile {
  try {
    const { auction, bidder, bids } = read(reader, JSON.parse(fromUtf8(content)) as unknown)
    return {
      auction,
      bidder,
      bids: bids.map(({ revision, bundle, secret, locked }) => {
        if ((secret === undefined) === (locked === undefined)) throw new RangeError('in plain or locked, and not both')
        return { revision, bundle, secret: secret ? decodeSecret(secret) : null }
      }),
    }
  } catch (error) {
    throw new PageError('malformed-opening', `this file contains no opening secrets: ${String(error)}`)
  }
}

/** The file's text; locked secrets are left out, as they cannot be read here. */
export function encodeOpeningFile(file: OpeningFile): string {
  const bids = file.bids.slice(-MOST_KEPT).flatMap(({ revision, bundle, secret }) =>
    secret ? [{ revision, bundle: toBase64url(bundle), secret: toBase64url(encodeSecret(secret)) }] : [],
  )
  return `${canonicalText({ version: 1, auction: file.auction, bidder: file.bidder, bids })}\n`
}

/**
 * Open the bid that matters: the one that was counted, else the newest with receipts, else the newest of all.
 * @param counted the input set of the outcome.
 * @throws PageError with the code opening-missing, opening-locked or opening-does-not-fit.
 */
export async function openKeptBid(
  kept: readonly KeptOpening[],
  counted: readonly string[],
  receipts: ReceiptFile,
): Promise<OpenedBid> {
  const inputSet = new Set(counted)
  const signed = new Set(receipts.bids.map((bid) => bid.bundle))
  const all = await Promise.all(kept.map(async (one) => ({ ...one, digest: await bundleDigest(one.bundle) })))
  const chosen =
    all.findLast((one) => inputSet.has(one.digest)) ?? all.findLast((one) => signed.has(one.digest)) ?? all.at(-1)
  if (!chosen) throw new PageError('opening-missing', 'nothing was kept that opens a bid in this auction')
  if (!chosen.secret) throw new PageError('opening-locked', 'what was kept of this bid is locked with a password')
  // Of a revision that was made twice, the receipts of the other bundle are none of this one.
  const bids = receipts.bids.filter((bid) => bid.bundle === chosen.digest || bid.revision !== chosen.revision)
  return openBid(chosen.bundle, chosen.secret, { ...receipts, bids })
}
