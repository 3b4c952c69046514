/**
 * What the page seals, `tests/vectors/sealed_by_page.json`, and what it opens of its own, `opened_by_page.json`: the Python
 * side must open the one and come to the same verdicts about the other (tests/unit/auctions). Sealing is random, so the
 * files are written only by `npm run vectors`; here they are checked to be as they say.
 */

import { writeFileSync } from 'node:fs'

import { XWing } from '@hpke/hybridkem-x-wing'
import { expect, test } from 'vitest'

import { decodeBundle, encodeBundle } from '../src/core/bundle'
import { parseCertificate } from '../src/core/certificate'
import { fromBase64url, fromUtf8, toBase64url, toHex, utf8 } from '../src/core/encoding'
import { systemRandom } from '../src/core/field'
import { spellElements } from '../src/core/degree'
import { checkRow, dealBid, openEnvelope, sealBid } from '../src/core/sealing'
import { encodeOpenedBid, parseOpenedBid, type OpenedBid } from '../src/core/opening'
import { encodeOpeningFile, openKeptBid, parseOpeningFile } from '../src/core/opening-file'
import { parseReceiptFile, encodeReceiptFile } from '../src/core/receipts'
import { verifyCertificate } from '../src/core/verification'
import { ANN, BOB, Evidence } from './evidence'
import { VECTORS, vectors } from './vectors'

interface Sealed {
  bits: string
  threshold: number
  /** What the dealing follows from; the row of party i is what its envelope holds. */
  key: string
  bundle: string
  envelopes: { party: number; seed: string; elements: string[]; row: string }[]
}

const NAME = 'sealed_by_page.json'
const SHAPES = [
  { parties: 3, threshold: 1, bits: '1' },
  { parties: 5, threshold: 2, bits: '1011001' },
  { parties: 5, threshold: 1, bits: '0'.repeat(32) },
  { parties: 9, threshold: 4, bits: '1'.repeat(60) },
]

async function seal(shape: (typeof SHAPES)[number]): Promise<Sealed> {
  const kem = new XWing()
  const pairs = await Promise.all(Array.from({ length: shape.parties }, () => kem.generateKeyPair()))
  const seeds = await Promise.all(pairs.map(async (pair) => new Uint8Array(await kem.serializePrivateKey(pair.privateKey))))
  const keys = await Promise.all(pairs.map(async (pair) => new Uint8Array(await kem.serializePublicKey(pair.publicKey))))
  const place = { auction: toHex(systemRandom(32)), bidder: crypto.randomUUID(), revision: 7 }
  const { bundle, dealing, key } = await sealBid(place, Array.from(shape.bits, Number), shape.threshold, keys)
  const envelopes = await Promise.all(
    seeds.map(async (seed, index) => ({
      party: index + 1,
      seed: toBase64url(seed),
      elements: (await openEnvelope(bundle, index + 1, seed)).map(String),
      row: toBase64url(spellElements(dealing.shares[index] ?? [])),
    })),
  )
  const { bits, threshold } = shape
  return { bits, threshold, key: toBase64url(key), bundle: toBase64url(encodeBundle(bundle)), envelopes }
}

test('what is sealed now opens; `npm run vectors` keeps it as the known answers', async () => {
  const sealed: Sealed[] = []
  for (const shape of SHAPES) sealed.push(await seal(shape))
  for (const [index, { parties, bits }] of SHAPES.entries()) {
    expect(sealed[index]?.envelopes).toHaveLength(parties)
    for (const { elements } of sealed[index]?.envelopes ?? []) expect(elements).toHaveLength(bits.length)
  }
  if (process.env['WRITE_VECTORS']) writeFileSync(new URL(NAME, VECTORS), `${JSON.stringify({ sealed }, null, 1)}\n`)
})

test('the known answers open as they say', async () => {
  const { sealed } = vectors<{ sealed: Sealed[] }>(NAME)
  expect(sealed).toHaveLength(SHAPES.length)
  for (const one of sealed) {
    const bundle = decodeBundle(fromBase64url(one.bundle))
    const { shares } = await dealBid(Array.from(one.bits, Number), bundle.envelopes.length, one.threshold, fromBase64url(one.key))
    for (const { party, seed, elements, row } of one.envelopes) {
      expect((await openEnvelope(bundle, party, fromBase64url(seed))).map(String)).toEqual(elements)
      expect(toBase64url(spellElements(shares[party - 1] ?? []))).toBe(row)
      expect((await checkRow(bundle, party, fromBase64url(row))).slice(0, one.bits.length).map(String)).toEqual(elements)
    }
  }
})

interface Opened {
  why: string
  certificate: string
  opened: string
  checks: Record<string, string>
}

/** What a bidder downloads when it bids, and what opens from it. */
interface Kept {
  file: string
  receipts: string
  opened: string
}

const OPENED_NAME = 'opened_by_page.json'

async function verdicts(certificate: string, opened: string): Promise<Record<string, string>> {
  const opening = parseOpenedBid(utf8(opened))
  const report = await verifyCertificate(await parseCertificate(utf8(certificate)), undefined, undefined, opening)
  return Object.fromEntries(report.checks.map((check) => [check.name, check.verdict]))
}

async function openAll(): Promise<{ opened: Opened[]; kept: Kept }> {
  const evidence = await Evidence.of()
  const [best, other] = [await evidence.seal(ANN, 100), await evidence.seal(BOB, 200)]
  const signed = (parties: number[]) => evidence.receipts(ANN, evidence.signed(best, parties))
  const [won, opened] = [await evidence.certificate([best, other], [[best, '50.00']]), await evidence.open(best)]
  const without = await evidence.certificate([other], [[other, '100.00']])
  const cases: [string, typeof won, OpenedBid][] = [
    ['the winner', won, opened],
    ['a loser', won, await evidence.open(other)],
    ['a better bid did not win', await evidence.certificate([best, other], [[other, '100.00']]), opened],
    ['another price was bid', await evidence.certificate([best, other], [[best, '49.50']]), opened],
    ['receipts were denied', without, await evidence.open(best, signed([1, 2, 3]))],
    ['too few receipts', without, await evidence.open(best, signed([1, 2]))],
    ['a row of another party', won, { ...opened, rows: [...opened.rows].reverse() }],
  ]
  const all = await Promise.all(
    cases.map(async ([why, certificate, one]) => {
      const [text, file] = [fromUtf8(certificate.content), encodeOpenedBid(one)]
      return { why, certificate: text, opened: file, checks: await verdicts(text, file) }
    }),
  )
  const bids = [{ revision: best.revision, bundle: best.content, secret: { key: best.key, step: best.step } }]
  const kept = {
    file: encodeOpeningFile({ auction: evidence.auction, bidder: ANN, bids }),
    receipts: encodeReceiptFile(opened.receipts),
    opened: encodeOpenedBid(opened),
  }
  return { opened: all, kept }
}

test('bids that are opened now are judged; `npm run vectors` keeps them as the known answers', async () => {
  const known = await openAll()
  const { opened } = known
  expect(opened.map((one) => one.checks['opened-bid'])).toEqual([
    'passed',
    'passed',
    'failed',
    'failed',
    'failed',
    'not-checked',
    undefined,
  ])
  if (process.env['WRITE_VECTORS']) writeFileSync(new URL(OPENED_NAME, VECTORS), `${JSON.stringify(known, null, 1)}\n`)
})

test('the known opened bids lead to the known verdicts', async () => {
  const { opened, kept } = vectors<{ opened: Opened[]; kept: Kept }>(OPENED_NAME)
  for (const one of opened) {
    expect([one.why, await verdicts(one.certificate, one.opened)]).toEqual([one.why, one.checks])
  }
  const { bids } = parseOpeningFile(utf8(kept.file))
  expect(encodeOpenedBid(await openKeptBid(bids, [], parseReceiptFile(utf8(kept.receipts))))).toBe(kept.opened)
})
