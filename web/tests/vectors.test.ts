import { expect, test } from 'vitest'

import { bundleDigest, decodeBundle, encodeBundle } from '../src/core/bundle'
import { parseCertificate } from '../src/core/certificate'
import { parseCluster } from '../src/core/cluster'
import { spellElements } from '../src/core/degree'
import { fromBase64url, fromHex, toBase64url, utf8 } from '../src/core/encoding'
import { decodeSecret, encodeSecret, parseOpenedBid, rowsOf } from '../src/core/opening'
import { PriceGrid } from '../src/core/prices'
import { parseReceiptFile } from '../src/core/receipts'
import { parseRecord } from '../src/core/record'
import { dealBid, envelopeInfo, openEnvelope, sealTo, unseal } from '../src/core/sealing'
import { interpolate } from '../src/core/sharing'
import { auctionId, gridOf, invitation, parseSpecBytes } from '../src/core/spec'
import { readStatement, RECEIPT } from '../src/core/statements'
import { verifyCertificate } from '../src/core/verification'
import { codeOf, vectors } from './vectors'

interface Refused {
  why: string
  code: string
}

test('prices', async () => {
  const known = vectors<{
    grids: {
      minimum: string
      maximum: string
      step: string
      highest_step: string
      prices: { written: string; step: string; bits: string; price: string }[]
      refused: { written: string; code: string }[]
    }[]
    refused: { minimum: string; maximum: string; step: string; code: string }[]
  }>('prices.json')
  expect(known.grids.length).toBeGreaterThan(0)
  for (const one of known.grids) {
    const grid = PriceGrid.of(one.minimum, one.maximum, one.step)
    expect(grid.highestStep).toBe(BigInt(one.highest_step))
    for (const price of one.prices) {
      expect(grid.toStep(price.written)).toBe(BigInt(price.step))
      expect(grid.bitsOf(BigInt(price.step)).join('')).toBe(price.bits)
      expect(grid.toPrice(BigInt(price.step))).toBe(price.price)
    }
    for (const price of one.refused) {
      expect([price.written, await codeOf(() => grid.toStep(price.written))]).toEqual([price.written, price.code])
    }
  }
  for (const one of known.refused) {
    expect(await codeOf(() => PriceGrid.of(one.minimum, one.maximum, one.step))).toBe(one.code)
  }
})

test('rules', async () => {
  const known = vectors<{
    rules: { text: string; auction: string; bits: number; highest_step: string; reserve_step: string | null }[]
    invitations: { nonce: string; email: string; invitation: string }[]
    refused: (Refused & { text: string })[]
  }>('rules.json')
  for (const one of known.rules) {
    const spec = parseSpecBytes(utf8(one.text))
    expect(await auctionId(spec)).toBe(one.auction)
    expect(gridOf(spec).bits).toBe(one.bits)
  }
  for (const one of known.invitations) expect(await invitation(one.nonce, one.email)).toBe(one.invitation)
  for (const one of known.refused) {
    expect([one.why, await codeOf(() => parseSpecBytes(utf8(one.text)))]).toEqual([one.why, one.code])
  }
})

test('bundles', async () => {
  const known = vectors<{
    bundles: { bytes: string; digest: string; auction: string; bidder: string; revision: number; bits: number }[]
    refused: (Refused & { bytes: string })[]
  }>('bundles.json')
  for (const one of known.bundles) {
    const content = fromBase64url(one.bytes)
    const bundle = decodeBundle(content)
    expect(bundle).toMatchObject({ auction: one.auction, bidder: one.bidder, revision: one.revision, bits: one.bits })
    expect(toBase64url(encodeBundle(bundle))).toBe(one.bytes)
    expect(await bundleDigest(content)).toBe(one.digest)
  }
  for (const one of known.refused) {
    expect([one.why, await codeOf(() => decodeBundle(fromBase64url(one.bytes)))]).toEqual([one.why, one.code])
  }
})

test('what the Python side sealed opens here, and only where it belongs', async () => {
  const known = vectors<{
    bits: string
    threshold: number
    key: string
    bundle: string
    envelopes: { party: number; seed: string; info: string; content: string; elements: string[] }[]
    refused: (Refused & { bundle: string })[]
  }>('sealing.json')
  const bundle = decodeBundle(fromBase64url(known.bundle))
  const bitsSealed = Array.from(known.bits, Number)
  const dealt = await dealBid(bitsSealed, known.envelopes.length, known.threshold, fromBase64url(known.key))
  const shares: bigint[][] = []
  for (const one of known.envelopes) {
    expect(toBase64url(envelopeInfo(bundle, one.party))).toBe(one.info)
    const elements = await openEnvelope(bundle, one.party, fromBase64url(one.seed))
    expect(elements).toEqual(one.elements.slice(0, elements.length).map(BigInt))
    // The page deals the same from the same key, salts and masks included.
    expect(dealt.shares[one.party - 1]).toEqual(one.elements.map(BigInt))
    expect(toBase64url(spellElements(dealt.shares[one.party - 1] ?? []))).toBe(one.content)
    shares.push(elements)
  }
  const enough = shares.slice(-known.threshold - 1)
  const points = known.envelopes.slice(-known.threshold - 1).map((one) => one.party)
  const bits = Array.from(known.bits, (_, bit) => interpolate(points, enough.map((share) => share[bit] ?? -1n)))
  expect(bits.join('')).toBe(known.bits)
  const seed = fromBase64url(known.envelopes[0]?.seed ?? '')
  for (const one of known.refused) {
    const refused = decodeBundle(fromBase64url(one.bundle))
    expect([one.why, await codeOf(() => openEnvelope(refused, 1, seed))]).toEqual([one.why, one.code])
  }
})

test('signed statements', async () => {
  const known = vectors<{
    cluster_file: string
    statements: { label: string; statement: string; body: string }[]
    refused_receipts: (Refused & { statement: string })[]
  }>('statements.json')
  const cluster = await parseCluster(utf8(known.cluster_file))
  const receipts = known.statements.filter((one) => one.label === 'receipt')
  expect(receipts).not.toHaveLength(0)
  for (const one of receipts) {
    const receipt = await readStatement(RECEIPT, fromBase64url(one.statement), cluster)
    expect(receipt).toEqual(JSON.parse(one.body))
  }
  for (const one of known.refused_receipts) {
    const code = await codeOf(() => readStatement(RECEIPT, fromBase64url(one.statement), cluster))
    expect([one.why, code]).toEqual([one.why, one.code])
  }
})

test('certificates', async () => {
  const known = vectors<{
    certificates: {
      why: string
      certificate: string
      digest: string
      receipts: string | null
      checks: Record<string, string>
      valid: boolean
    }[]
    refused: (Refused & { text: string })[]
  }>('certificates.json')
  const trusted = await parseCluster(utf8(vectors<{ cluster_file: string }>('statements.json').cluster_file))
  for (const one of known.certificates) {
    const certificate = await parseCertificate(utf8(one.certificate))
    expect(certificate.digest).toBe(one.digest)
    const receipts = one.receipts === null ? undefined : parseReceiptFile(utf8(one.receipts))
    const report = await verifyCertificate(certificate, trusted, receipts)
    const checks = Object.fromEntries(report.checks.map((check) => [check.name, check.verdict]))
    expect([one.why, checks, report.valid]).toEqual([one.why, one.checks, one.valid])
  }
  for (const one of known.refused) {
    expect([one.why, await codeOf(() => parseCertificate(utf8(one.text)))]).toEqual([one.why, one.code])
  }
})

test('opened bids', async () => {
  const known = vectors<{
    openings: { why: string; certificate: string; opening: string; checks: Record<string, string> }[]
    refused: (Refused & { text: string })[]
  }>('openings.json')
  for (const one of known.openings) {
    const certificate = await parseCertificate(utf8(one.certificate))
    const opened = parseOpenedBid(utf8(one.opening))
    const report = await verifyCertificate(certificate, certificate.cluster, undefined, opened)
    const checks = Object.fromEntries(report.checks.map((check) => [check.name, check.verdict]))
    expect([one.why, checks]).toEqual([one.why, one.checks])
  }
  for (const one of known.refused) {
    expect([one.why, await codeOf(() => parseOpenedBid(utf8(one.text)))]).toEqual([one.why, one.code])
  }
})

test('what opens a bid', async () => {
  const { secret: known } = vectors<{
    secret: { bundle: string; secret: string; key: string; step: string; rows: string[] }
  }>('openings.json')
  const secret = decodeSecret(fromBase64url(known.secret))
  expect(secret).toEqual({ key: fromBase64url(known.key), step: BigInt(known.step) })
  expect(toBase64url(encodeSecret(secret))).toBe(known.secret)
  const rows = await rowsOf(decodeBundle(fromBase64url(known.bundle)), secret)
  expect(rows.map(toBase64url)).toEqual(known.rows)
})

test('audit records', async () => {
  const known = vectors<Record<'records', { why: string; record: string; code: string | null }[]>>('records.json')
  expect(known.records.some((one) => one.code === null)).toBe(true)
  for (const one of known.records) {
    expect([one.why, await codeOf(() => parseRecord(utf8(one.record)))]).toEqual([one.why, one.code])
  }
})

test('the keys of the draft open what is sealed to them, and nothing else', async () => {
  const known = vectors<{ keys: { seed: string; public_key: string }[] }>('x_wing_keys.json')
  const [info, text] = [utf8('info'), utf8('text')]
  for (const one of known.keys) {
    const sealed = await sealTo(fromHex(one.public_key), text, info)
    expect(await unseal(sealed, fromHex(one.seed), info)).toEqual(text)
    expect(await codeOf(() => unseal(sealed, fromHex(one.seed), utf8('other')))).toBe('envelope-does-not-open')
  }
})
