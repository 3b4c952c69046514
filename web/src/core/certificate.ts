/** The certificate (docs/protocol.md, "The certificate"): read strictly, as the parties write it. */

import { parseCluster, type Cluster } from './cluster'
import { canonicalJson, labelledSha256, parseCanonicalJson, toHex, utf8, type Bytes, type Json } from './encoding'
import { PageError } from './errors'
import { bytes, digest, integer, list, nullable, oneOf, party, read, strict, text, userId } from './schema'
import { auctionId, gridOf, parseSpec, specReader, type AuctionSpec } from './spec'

export type OutcomeKind = 'sold' | 'reserve-not-met' | 'too-few-bids'

export interface Winner {
  readonly bundle: string
  readonly bidder: string
}

export interface CertificateBody {
  readonly version: number
  readonly spec: AuctionSpec
  /** The input set, ascending. */
  readonly bids: readonly string[]
  readonly left_out: readonly { readonly bundle: string; readonly reason: string }[]
  readonly tie_break_seed: string | null
  readonly outcome: OutcomeKind
  readonly winners: readonly Winner[]
  /** With pay-as-bid one for each winner, in their order; else one for all. */
  readonly prices: readonly string[]
}

export interface PartySignature {
  readonly party: number
  readonly signature: Bytes
}

export interface Certificate {
  readonly body: CertificateBody
  readonly cluster: Cluster
  readonly signatures: readonly PartySignature[]
  readonly auction: string
  /** What the parties sign. */
  readonly digest: string
  /** The file's bytes. */
  readonly content: Bytes
}

const bodyReader = strict<CertificateBody>({
  version: integer(1, 1),
  spec: specReader,
  bids: list(digest, 200_000),
  left_out: list(strict({ bundle: digest, reason: text(/^[a-z][a-z0-9-]{0,63}$/) })),
  tie_break_seed: nullable(text(/^([0-9a-f]{2}){8,64}$/)),
  outcome: oneOf('sold', 'reserve-not-met', 'too-few-bids'),
  winners: list(strict<Winner>({ bundle: digest, bidder: userId })),
  prices: list(text(undefined, 30)),
})

interface CertificateFile {
  readonly version: number
  readonly body: CertificateBody
  readonly cluster_file: string
  readonly signatures: readonly PartySignature[]
}

const fileReader = strict<CertificateFile>({
  version: integer(1, 1),
  body: bodyReader,
  cluster_file: text(undefined, 65_536),
  signatures: list(strict<PartySignature>({ party, signature: bytes }), 9),
})

function refuse(message: string): never {
  throw new PageError('malformed-certificate', message)
}

function ascending(digests: readonly string[]): boolean {
  return digests.every((one, index) => index === 0 || (digests[index - 1] ?? '') < one)
}

export function validBids(body: CertificateBody): number {
  return body.bids.length - body.left_out.length
}

function checkBundles(body: CertificateBody): void {
  const leftOut = body.left_out.map((one) => one.bundle)
  const winners = body.winners.map((one) => one.bundle)
  if (![body.bids, leftOut, winners].every(ascending)) refuse('every bundle is listed once, in ascending order')
  const bids = new Set(body.bids)
  const void_ = new Set(leftOut)
  if (!leftOut.every((bundle) => bids.has(bundle))) refuse('a bid that was left out must be in the input set')
  if (!winners.every((bundle) => bids.has(bundle) && !void_.has(bundle))) refuse('a winner must be in the input set')
  if (new Set(body.winners.map((one) => one.bidder)).size !== winners.length) refuse('a bidder can win once only')
}

function checkSale(body: CertificateBody): void {
  const { spec, winners, prices } = body
  const most = Math.min(spec.winners, validBids(body))
  if (winners.length < 1 || winners.length > most || (spec.reserve_price === null && winners.length !== most)) {
    refuse('the number of winners contradicts the rules')
  }
  if (prices.length !== (spec.format === 'pay-as-bid' ? winners.length : 1)) refuse('the number of prices is wrong')
  const grid = gridOf(spec)
  const reserve = spec.reserve_price === null ? null : grid.toStep(spec.reserve_price)
  for (const price of prices) {
    const step = grid.toStep(price)
    if (grid.toPrice(step) !== price) refuse('a price must be written with as many decimals as the step')
    if (reserve !== null && (spec.direction === 'reverse' ? step > reserve : step < reserve)) {
      refuse('a price is worse than the reserve price')
    }
  }
}

function checkBody(body: CertificateBody): void {
  parseSpec(body.spec)
  checkBundles(body)
  if (body.outcome === 'sold') checkSale(body)
  else if (body.winners.length || body.prices.length) refuse('without a sale there are no winners and no prices')
  if ((body.outcome === 'too-few-bids') !== validBids(body) < body.spec.minimum_bids) {
    refuse('the outcome contradicts the number of valid bids')
  }
  if (body.outcome === 'reserve-not-met' && body.spec.reserve_price === null) refuse('there is no reserve price')
  if (body.tie_break_seed === null && body.outcome !== 'too-few-bids') {
    refuse('bids were ranked, so there must be a tie-break seed')
  }
}

/** Read a certificate file's bytes. @throws PageError with the code malformed-certificate. */
export async function parseCertificate(content: Bytes): Promise<Certificate> {
  try {
    const file = read(fileReader, parseCanonicalJson(content))
    const { body } = file
    checkBody(body)
    const cluster = await parseCluster(utf8(file.cluster_file))
    if (cluster.digest !== body.spec.cluster || cluster.parties.length !== body.spec.parties) {
      refuse('the cluster file is not the one that the rules name')
    }
    const parties = file.signatures.map((signature) => signature.party)
    if (parties.some((number, index) => number > cluster.parties.length || number <= (parties[index - 1] ?? 0))) {
      refuse('every party signs at most once')
    }
    const labelledDigest = await labelledSha256('certificate', canonicalJson(body as unknown as Json))
    return {
      body,
      cluster,
      signatures: file.signatures,
      auction: await auctionId(body.spec),
      digest: toHex(labelledDigest),
      content,
    }
  } catch (error) {
    if (error instanceof PageError && error.code === 'malformed-certificate') throw error
    return refuse(`this is no certificate: ${String(error)}`)
  }
}

/** The price that one winner pays or gets. */
export function priceOf(body: CertificateBody, index: number): string {
  return body.prices[body.spec.format === 'pay-as-bid' ? index : 0] ?? ''
}
