/** The form for a new auction: what is wrong with it, and what rules it means. */

import { expect, test } from 'vitest'

import { PageError } from '../src/core/errors'
import { PriceGrid } from '../src/core/prices'
import { freeze } from '../src/core/spec'
import en from '../src/messages/en.json'
import { blankForm, draftOf, errorsIn, gridIn, invitedIn, shownAbandonsAt, type AuctionForm } from '../src/ui/creation/auction-form'
import { toLocalInput } from '../src/ui/local-time'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const HOUR_MS = 3_600_000

function filled(changes: Partial<AuctionForm> = {}): AuctionForm {
  return { ...blankForm(NOW), title: 'Beets', minimum: '0', maximum: '1000', step: '0,50', ...changes }
}

function codes(form: AuctionForm): Record<string, string> {
  const found = Object.entries(errorsIn(form, NOW))
  return Object.fromEntries(found.map(([field, error]) => [field, error instanceof PageError ? error.code : error]))
}

test('an empty form lacks a title and prices, in the order of the form', () => {
  expect(Object.keys(errorsIn(blankForm(NOW), NOW))).toEqual(['title', 'minimum', 'maximum', 'step'])
  expect(gridIn(blankForm(NOW))).toBeNull()
})

test('a filled form has nothing wrong, and its prices get the same number of decimals', async () => {
  const form = filled({ hasReserve: true, reserve: '900' })
  expect(errorsIn(form, NOW)).toEqual({})
  expect(gridIn(form)).toBeInstanceOf(PriceGrid)
  const spec = await freeze(draftOf(form, NOW), {
    auctioneer: '11111111-1111-4111-8111-111111111111',
    cluster: 'ab'.repeat(32),
    parties: 5,
    threshold: 2,
    nonce: new Uint8Array(32),
  })
  expect(spec).toMatchObject({ minimum: '0.00', maximum: '1000.00', step: '0.50', reserve_price: '900.00', winners: 1 })
  expect(Date.parse(spec.opens_at)).toBe(NOW)
})

test('prices that contradict one another are reported at the price that is wrong', () => {
  expect(codes(filled({ step: '0.30' }))).toEqual({ step: 'malformed-price' })
  expect(codes(filled({ maximum: '0' }))).toEqual({ step: 'malformed-price' })
  expect(codes(filled({ hasReserve: true, reserve: '900.20' }))).toEqual({ reserve: 'price-off-grid' })
  expect(codes(filled({ hasReserve: true, reserve: '2000' }))).toEqual({ reserve: 'price-out-of-range' })
  expect(codes(filled({ hasReserve: true }))).toEqual({ reserve: 'create.error.price' })
  // What is not shown is not wrong.
  expect(codes(filled({ hasReserve: false, reserve: 'nonsense' }))).toEqual({})
})

test('times must lie in the future and follow one another', () => {
  const at = (hours: number) => toLocalInput(NOW + hours * HOUR_MS)
  expect(codes(filled({ closesAt: at(-1) }))).toEqual({ closes: 'create.error.past' })
  expect(codes(filled({ closesAt: '' }))).toEqual({ closes: 'create.error.moment' })
  expect(codes(filled({ opensNow: false, opensAt: at(3), closesAt: at(2) }))).toEqual({ closes: 'create.error.order' })
  expect(codes(filled({ closesAt: at(2), abandonsAt: at(2) }))).toEqual({ abandons: 'create.error.abandons' })
  expect(codes(filled({ abandonsAt: 'soon' }))).toEqual({ abandons: 'create.error.moment' })
})

test('the latest moment of an outcome follows the close until it is set', () => {
  const form = filled({ closesAt: '2026-03-02T12:00' })
  expect(shownAbandonsAt(form).slice(0, 10)).toBe('2026-04-01')
  expect(shownAbandonsAt({ ...form, closesAt: '2026-03-03T12:00' }).slice(0, 10)).toBe('2026-04-02')
  expect(shownAbandonsAt({ ...form, abandonsAt: '2026-03-09T12:00' })).toBe('2026-03-09T12:00')
  expect(shownAbandonsAt({ ...form, closesAt: '' })).toBe('')
  expect(draftOf(form, NOW).abandons_at).toBeNull()
})

test('numbers are whole and within their bounds; winners count only where there can be several', () => {
  for (const winners of [0, 1.5, 1001, Number.NaN]) {
    expect(codes(filled({ format: 'pay-as-bid', winners }))).toEqual({ winners: 'create.error.winners' })
    expect(codes(filled({ format: 'first-price', winners }))).toEqual({})
  }
  expect(codes(filled({ minimumBids: 0 }))).toEqual({ 'minimum-bids': 'create.error.minimum-bids' })
  expect(draftOf(filled({ format: 'second-price', winners: 7 }), NOW).winners).toBe(1)
  expect(draftOf(filled({ format: 'uniform-price', winners: 7 }), NOW).winners).toBe(7)
})

test('invited addresses are read in any arrangement, and each must be one', () => {
  const invited = 'ann@example.org, bob@example.org;\neve@example.org'
  expect(invitedIn({ invited })).toEqual(['ann@example.org', 'bob@example.org', 'eve@example.org'])
  expect(codes(filled({ isOpenToAll: false, invited }))).toEqual({})
  expect(codes(filled({ isOpenToAll: false, invited: 'ann' }))).toEqual({ invited: 'create.error.invited' })
  expect(codes(filled({ isOpenToAll: false }))).toEqual({ invited: 'create.error.invited' })
  expect(draftOf(filled({ invited }), NOW).invited).toBeNull()
})

test('every error of the form has a text', () => {
  const wrong = filled({
    title: ' ',
    currency: 'zł',
    minimum: '',
    hasReserve: true,
    format: 'pay-as-bid',
    winners: 0,
    minimumBids: 0,
    opensNow: false,
    opensAt: '',
    closesAt: '',
    abandonsAt: '',
    isOpenToAll: false,
  })
  const keys = Object.values(errorsIn(wrong, NOW)).filter((error) => typeof error === 'string')
  expect(keys.length).toBeGreaterThan(8)
  for (const key of [...keys, 'create.error.past', 'create.error.order', 'create.error.abandons']) expect(en).toHaveProperty([key])
})
