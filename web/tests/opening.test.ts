/** Bids that their bidders open, against certificates that all parties signed, true ones and forged ones. */

import { beforeAll, expect, test } from 'vitest'

import type { Certificate } from '../src/core/certificate'
import { tieBreakOrder } from '../src/core/contradictions'
import { fromBase64url, toBase64url, utf8 } from '../src/core/encoding'
import { P } from '../src/core/field'
import {
  decodeSecret,
  encodeOpenedBid,
  encodeSecret,
  findBid,
  openBid,
  parseOpenedBid,
  type OpenedBid,
} from '../src/core/opening'
import { encodeOpeningFile, openKeptBid, parseOpeningFile, type KeptOpening } from '../src/core/opening-file'
import { fits } from '../src/core/sharing'
import { verifyCertificate } from '../src/core/verification'
import { ANN, BOB, DAN, EVE, EVERYBODY, Evidence, TIE_BREAK, type MadeBid } from './evidence'
import { codeOf, vectors } from './vectors'

let evidence: Evidence

beforeAll(async () => {
  evidence = await Evidence.of()
})

/** The verdict and the message that an opened bid leads to. */
async function says(certificate: Certificate, opened: OpenedBid): Promise<[string, string]> {
  // By way of the file, as the Verify page has it.
  const read = parseOpenedBid(utf8(encodeOpenedBid(opened)))
  const report = await verifyCertificate(certificate, undefined, undefined, read)
  const found = new Map(report.checks.map((check) => [check.name, check]))
  expect([found.get('signatures')?.verdict, found.get('opening')?.verdict]).toEqual(['passed', 'passed'])
  const check = found.get('opened-bid')
  expect(report.valid).toBe(check?.verdict !== 'failed')
  return [check?.verdict ?? '', (check?.text ?? '').replace('check.opened.', '')]
}

async function judged(of: Evidence, bid: MadeBid, bids: readonly MadeBid[], ...won: [MadeBid, string][]): Promise<string> {
  const [verdict, text] = await says(await of.certificate(bids, won), await of.open(bid))
  expect(verdict).toBe(text.startsWith('false.') ? 'failed' : 'passed')
  return text
}

function sealAll(of: Evidence, ...steps: number[]): Promise<MadeBid[]> {
  return Promise.all(steps.map((step, index) => of.seal([ANN, BOB, EVE, DAN][index] ?? '', step)))
}

async function byTieBreak(bids: readonly MadeBid[]): Promise<MadeBid[]> {
  const order = await tieBreakOrder(TIE_BREAK, bids.map((bid) => bid.digest))
  return order.flatMap((digest) => bids.filter((bid) => bid.digest === digest))
}

test('the order among equal bids is the one of the parties', async () => {
  const { tie_breaks } = vectors<{ tie_breaks: { tie_break_seed: string; order: string[] }[] }>('agreement.json')
  for (const { tie_break_seed, order } of tie_breaks)
    expect(await tieBreakOrder(tie_break_seed, [...order].sort())).toEqual(order)
})

test('a true outcome is consistent with every bid, and the price is told', async () => {
  const bids = await sealAll(evidence, 100, 200, 300)
  const [best] = bids as [MadeBid]
  expect(await Promise.all(bids.map((bid) => judged(evidence, bid, bids, [best, '50.00'])))).toEqual(['won', 'lost', 'lost'])
  const report = await verifyCertificate(
    await evidence.certificate(bids, [[best, '50.00']]),
    evidence.cluster,
    undefined,
    await evidence.open(best),
  )
  const opening = report.checks.find((check) => check.name === 'opening')
  expect(opening?.values).toEqual({ parties: 5, revision: 1, bidder: ANN, price: '50.00', currency: 'PLN' })
})

test('a loser exposes another winner, and a winner a price that was not bid, although all parties signed', async () => {
  const [best, friend] = (await sealAll(evidence, 100, 200)) as [MadeBid, MadeBid]
  expect(await judged(evidence, best, [best, friend], [friend, '100.00'])).toBe('false.better-than-winner')
  expect(await judged(evidence, best, [best, friend], [best, '49.50'])).toBe('false.own-price')
})

test('between equal bids the tie-break value decides', async () => {
  const bids = await byTieBreak(await sealAll(evidence, 100, 100))
  const [first, second] = bids as [MadeBid, MadeBid]
  expect(await judged(evidence, second, bids, [first, '50.00'])).toBe('lost')
  expect(await judged(evidence, first, bids, [second, '50.00'])).toBe('false.tied-with-winner')
})

test('forward auctions are judged the other way round', async () => {
  const forward = await Evidence.of({ direction: 'forward', reserve_price: '10.00' })
  const bids = (await sealAll(forward, 100, 200)) as [MadeBid, MadeBid]
  expect(await judged(forward, bids[0], bids, [bids[1], '100.00'])).toBe('lost')
  expect(await judged(forward, bids[1], bids, [bids[0], '50.00'])).toBe('false.better-than-winner')
})

test('a bid that meets the reserve exposes that none is said to', async () => {
  const bids = (await sealAll(evidence, 1800, 1801)) as [MadeBid, MadeBid]
  expect(await judged(evidence, bids[0], bids)).toBe('false.meets-reserve')
  expect(await judged(evidence, bids[1], bids)).toBe('lost')
})

test('too few bids are too few whatever they are', async () => {
  const few = await Evidence.of({ minimum_bids: 2 })
  const bid = await few.seal(ANN, 1)
  const certificate = await few.certificate([bid], [], { outcome: 'too-few-bids', tie_break_seed: null })
  expect(await says(certificate, await few.open(bid))).toEqual(['passed', 'lost'])
})

test('a second price lies between the winner and the losers', async () => {
  const second = await Evidence.of({ format: 'second-price' })
  const bids = await sealAll(second, 100, 200, 300)
  const [best] = bids as [MadeBid]
  const verdicts = async (price: string) => Promise.all(bids.map((bid) => judged(second, bid, bids, [best, price])))
  expect(await verdicts('100.00')).toEqual(['won', 'lost', 'lost'])
  // Only somebody whose bid contradicts the price can tell.
  expect(await verdicts('99.50')).toEqual(['won', 'lost', 'lost'])
  expect(await verdicts('100.50')).toEqual(['won', 'false.loser-better', 'lost'])
  expect(await verdicts('49.50')).toEqual(['false.winner-worse', 'lost', 'lost'])
  expect(await verdicts('151.00')).toEqual(['won', 'false.loser-better', 'false.loser-better'])
})

test('the only rejected bid knows the price, and beyond the reserve it is the reserve', async () => {
  const second = await Evidence.of({ format: 'second-price' })
  const [best, other, beyond] = (await sealAll(second, 100, 200, 1900)) as [MadeBid, MadeBid, MadeBid]
  expect(await judged(second, other, [best, other], [best, '100.00'])).toBe('lost')
  expect(await judged(second, other, [best, other], [best, '75.00'])).toBe('false.only-loser')
  expect(await judged(second, beyond, [best, beyond], [best, '900.00'])).toBe('lost')
  expect(await judged(second, beyond, [best, beyond], [best, '899.50'])).toBe('false.only-loser')
})

test.each([
  ['reverse', '900.00', '900.00'],
  ['reverse', null, '1000.00'],
  ['forward', null, '0.00'],
] as const)('a lone winner pays the reserve or the worst price: %s, %s', async (direction, reserve_price, price) => {
  const second = await Evidence.of({ format: 'second-price', direction, reserve_price })
  const bid = await second.seal(ANN, 1790)
  expect(await judged(second, bid, [bid], [bid, price])).toBe('won')
  const wrong = direction === 'reverse' ? '899.50' : '0.50'
  expect(await judged(second, bid, [bid], [bid, wrong])).toBe('false.price-without-losers')
})

test('a winner that ties with the price came before some rejected bid', async () => {
  const second = await Evidence.of({ format: 'second-price', reserve_price: null })
  const bids = await byTieBreak(await sealAll(second, 100, 100))
  const [first, last] = bids as [MadeBid, MadeBid]
  expect(await judged(second, first, bids, [first, '50.00'])).toBe('won')
  expect(await judged(second, last, bids, [last, '50.00'])).toBe('false.winner-tied')
})

test('among several winners each forgery is exposed by those that it wrongs', async () => {
  const uniform = await Evidence.of({ format: 'uniform-price', winners: 2 })
  const one = (await sealAll(uniform, 100, 200, 300, 400)) as [MadeBid, MadeBid, MadeBid, MadeBid]
  const forged: [MadeBid, string][] = [[one[0], '200.50'], [one[3], '200.50']]
  const found = await Promise.all(one.map((bid) => judged(uniform, bid, one, ...forged)))
  expect(found).toEqual(['won', 'false.loser-better', 'false.loser-better', 'won'])
  const each = await Evidence.of({ format: 'pay-as-bid', winners: 2 })
  const bids = (await sealAll(each, 100, 200, 300, 1900)) as [MadeBid, MadeBid, MadeBid, MadeBid]
  const verdicts = (...won: [MadeBid, string][]) => Promise.all(bids.map((bid) => judged(each, bid, bids, ...won)))
  expect(await verdicts([bids[0], '50.00'], [bids[1], '100.00'])).toEqual(['won', 'won', 'lost', 'lost'])
  expect(await verdicts([bids[0], '50.00'], [bids[2], '150.00'])).toEqual(['won', 'false.better-than-winner', 'won', 'lost'])
  expect(await verdicts([bids[0], '50.00'])).toEqual(['won', 'false.fewer-winners', 'false.fewer-winners', 'lost'])
})

test('a winner under another name and a bidder with two bids are exposed', async () => {
  const [best, other] = (await sealAll(evidence, 100, 200)) as [MadeBid, MadeBid]
  const twin = await evidence.seal(BOB, 90, 2)
  const winners = [{ bundle: best.digest, bidder: EVE }]
  const renamed = await evidence.certificate([best, other], [[best, '50.00']], { winners })
  expect(await says(renamed, await evidence.open(best))).toEqual(['failed', 'false.other-bidder'])
  const twice = await evidence.certificate([other, twin], [[twin, '45.00']])
  expect(await says(twice, await evidence.open(other))).toEqual(['failed', 'false.other-bundle'])
})

async function leftOut(bid: MadeBid, reason: string): Promise<Certificate> {
  const other = await evidence.seal(BOB, 300)
  return evidence.certificate([bid, other], [[other, '150.00']], { left_out: [{ bundle: bid.digest, reason }] })
}

test('a bid that was left out is judged by its rows or by who signed for it', async () => {
  const valid = await evidence.seal(ANN, 100)
  const invalid = await evidence.seal(ANN, 2001)
  const few = evidence.receipts(ANN, evidence.signed(valid, [1, 2]))
  expect(await says(await leftOut(valid, 'out-of-range'), await evidence.open(valid))).toEqual(['failed', 'left-out.wrongly'])
  expect(await says(await leftOut(invalid, 'out-of-range'), await evidence.open(invalid))).toEqual(['passed', 'left-out.rightly'])
  expect(await says(await leftOut(valid, 'unusable'), await evidence.open(valid))).toEqual(['failed', 'left-out.signed'])
  expect(await says(await leftOut(valid, 'unusable'), await evidence.open(valid, few))).toEqual(['not-checked', 'left-out.unknown'])
})

test('a bid off the grid that took part exposes the outcome', async () => {
  const invalid = await evidence.seal(ANN, 2001)
  const other = await evidence.seal(BOB, 300)
  const certificate = await evidence.certificate([invalid, other], [[other, '150.00']])
  expect(await says(certificate, await evidence.open(invalid))).toEqual(['failed', 'invalid-counted'])
})

test('parties that denied their receipts are named', async () => {
  const [bid, other] = (await sealAll(evidence, 100, 300)) as [MadeBid, MadeBid]
  const certificate = await evidence.certificate([other], [[other, '150.00']])
  const opened = (parties: readonly number[], isLate = false) =>
    evidence.open(bid, evidence.receipts(ANN, evidence.signed(bid, parties, isLate)))
  expect(await says(certificate, await opened([2, 4, 5]))).toEqual(['failed', 'denied.signed'])
  expect(await says(certificate, await opened([2, 4]))).toEqual(['not-checked', 'unsettled'])
  expect(await says(certificate, await opened(EVERYBODY, true))).toEqual(['not-checked', 'unsettled'])
  const report = await verifyCertificate(certificate, undefined, undefined, await opened([5, 2, 4]))
  expect(report.checks.at(-1)?.values['parties']).toBe('2 (Party 2), 4 (Party 4), 5 (Party 5)')
})

test('a later revision explains why an earlier one is missing', async () => {
  const [bid, other] = (await sealAll(evidence, 100, 300)) as [MadeBid, MadeBid]
  const later = await evidence.seal(ANN, 120, 2)
  const withdrawn = { ...evidence.signed({ digest: await evidence.withdrawal(ANN, 2), revision: 2 }, [1, 2, 3]), withdrawal: true }
  const first = evidence.signed(bid, EVERYBODY)
  const without = await evidence.certificate([other], [[other, '150.00']])
  const withLater = await evidence.certificate([other, later], [[later, '60.00']])
  const opened = (...after: Parameters<Evidence['receipts']>[1][]) => evidence.open(bid, evidence.receipts(ANN, first, ...after))
  expect(await says(withLater, await opened(evidence.signed(later, [])))).toEqual(['passed', 'later-counted'])
  expect(await says(without, await opened(evidence.signed(later, [1, 2, 3])))).toEqual(['not-checked', 'replaced'])
  expect(await says(without, await opened(evidence.signed(later, [1, 2])))).toEqual(['failed', 'denied.signed'])
  expect(await says(without, await opened(withdrawn))).toEqual(['passed', 'withdrawn'])
  const barely = { ...withdrawn, receipts: withdrawn.receipts.slice(0, 1) }
  expect(await says(without, await opened(barely))).toEqual(['not-checked', 'maybe-withdrawn'])
})

test('an opened bid that does not hold together proves nothing', async () => {
  const [bid, other] = (await sealAll(evidence, 100, 200)) as [MadeBid, MadeBid]
  const opened = await evidence.open(bid)
  const foreign = await evidence.open(other)
  const elsewhere = await Evidence.of({ title: 'Carrots' })
  const spoil = (content: Uint8Array<ArrayBuffer>) => content.map((byte, at) => byte ^ Number(at === 0))
  const forged = opened.receipts.bids.map((one) => ({ ...one, receipts: one.receipts.slice(0, 1).map(spoil) }))
  const cases: Record<string, OpenedBid> = {
    'another row': { ...opened, rows: [...opened.rows.slice(1), opened.rows[0] ?? utf8('')] },
    'a changed row': { ...opened, rows: opened.rows.map((row, index) => (index === 4 ? spoil(row) : row)) },
    'a row too few': { ...opened, rows: opened.rows.slice(1) },
    'another bundle': { ...opened, bundle: foreign.bundle },
    'no bundle': { ...opened, bundle: utf8('none') },
    'receipts of another bidder': { ...opened, receipts: { ...opened.receipts, bidder: BOB } },
    'receipts of another bundle': { ...opened, receipts: { ...opened.receipts, bids: foreign.receipts.bids } },
    'a receipt that is not genuine': { ...opened, receipts: { ...opened.receipts, bids: forged } },
    'another auction': await elsewhere.open(await elsewhere.seal(ANN, 100)),
  }
  const certificate = await evidence.certificate([bid, other], [[bid, '50.00']])
  for (const [why, one] of Object.entries(cases)) {
    const report = await verifyCertificate(certificate, undefined, undefined, one)
    expect([why, ...report.checks.slice(3).map((check) => check.text), report.valid]).toEqual([why, 'check.opening.nothing', false])
  }
})

test('only the secret of a bundle opens it, and a withdrawal has none', async () => {
  const bid = await evidence.seal(ANN, 100)
  const receipts = evidence.receipts(ANN)
  expect(await codeOf(() => openBid(bid.content, { key: bid.key, step: 101n }, receipts))).toBe('opening-does-not-fit')
  expect(await codeOf(() => openBid(bid.content, { key: bid.key, step: 5000n }, receipts))).toBe('opening-does-not-fit')
  expect(await codeOf(() => openBid(bid.content, bid, evidence.receipts(BOB)))).toBe('opening-does-not-fit')
  expect((await findBid(await openBid(bid.content, bid, receipts))).step).toBe(100n)
})

test('rows that lie on no polynomial of the degree are noticed', () => {
  expect(fits([1n, 2n, 3n, 4n], 1)).toBe(true)
  expect(fits([1n, 2n, 3n, 5n], 1)).toBe(false)
  expect(fits([1n, 4n, 9n, 16n, 25n], 2)).toBe(true)
  expect(fits([P - 1n, 0n, 1n], 1)).toBe(true)
})

test('an opened bid is read as it was written, and in no other spelling', async () => {
  const opened = await evidence.open(await evidence.seal(ANN, 100))
  const text = encodeOpenedBid(opened)
  expect(encodeOpenedBid(parseOpenedBid(utf8(text)))).toBe(text)
  const withContent = text.replace('"bundle":"', '"content":"AAAA","bundle":"')
  for (const wrong of [` ${text}`, `${text}\n`, text.replace('"version":1', '"version":2'), withContent, '{}']) {
    expect(await codeOf(() => parseOpenedBid(utf8(wrong)))).toBe('malformed-opening')
  }
})

test('an opening secret has one length whatever the price', async () => {
  const secret = { key: new Uint8Array(32).fill(7), step: 2n ** 60n - 1n }
  expect(encodeSecret(secret)).toHaveLength(40)
  expect(decodeSecret(encodeSecret(secret))).toEqual(secret)
  expect(await codeOf(() => decodeSecret(new Uint8Array(39)))).toBe('malformed-opening')
})

function kept(bid: MadeBid): KeptOpening {
  return { revision: bid.revision, bundle: bid.content, secret: { key: bid.key, step: bid.step } }
}

test('what opens bids is a file that the command line reads, too', async () => {
  const bid = await evidence.seal(ANN, 100)
  const file = { auction: evidence.auction, bidder: ANN, bids: [kept(bid)] }
  const text = encodeOpeningFile(file)
  expect(parseOpeningFile(utf8(text))).toEqual(file)
  const [plain] = (JSON.parse(text) as { bids: { secret: string }[] }).bids
  expect(decodeSecret(fromBase64url(plain?.secret ?? ''))).toEqual({ key: bid.key, step: 100n })
  const box = { content: '', lanes: 4, memory_kib: 65536, nonce: '', passes: 3, salt: '' }
  const entry = { bundle: toBase64url(bid.content), revision: 1, locked: box }
  const locked = parseOpeningFile(utf8(JSON.stringify({ version: 1, auction: evidence.auction, bidder: ANN, bids: [entry] })))
  expect(await codeOf(() => openKeptBid(locked.bids, [], evidence.receipts(ANN)))).toBe('opening-locked')
  expect(await codeOf(() => parseOpeningFile(utf8(text.replace('"secret"', '"sacred"'))))).toBe('malformed-opening')
})

test('of what was kept, the bid that counted is opened, else the newest that was signed for', async () => {
  const [one, two, three] = [await evidence.seal(ANN, 1, 1), await evidence.seal(ANN, 2, 2), await evidence.seal(ANN, 3, 2)]
  const all = [kept(one), kept(two), kept(three)]
  const receipts = evidence.receipts(ANN, evidence.signed(one, EVERYBODY), evidence.signed(two, EVERYBODY))
  const opens = async (counted: string[], file = receipts) => (await findBid(await openKeptBid(all, counted, file))).step
  expect(await opens([one.digest])).toBe(1n)
  expect(await opens([])).toBe(2n)
  // Of a revision that was made twice, the receipts of the other bundle are left aside.
  expect(await opens([three.digest])).toBe(3n)
  expect(await opens([], evidence.receipts(ANN))).toBe(3n)
  expect(await codeOf(() => openKeptBid([], [], receipts))).toBe('opening-missing')
})
