import { expect, test } from 'vitest'

import { PriceGrid, readTypedPrice } from '../src/core/prices'
import { codeOf } from './vectors'

test.each([
  ['1234.50', '1234.50'],
  ['1234,50', '1234.50'],
  ['1 234,50 zł', '1234.50'],
  ['1\u00a0234,50\u00a0zł', '1234.50'],
  ['PLN 1,234.50', '1234.50'],
  ['€1.234,50', '1234.50'],
  ['1,234,567', '1234567'],
  ["1'234.50", '1234.50'],
  ['007', '7'],
  ['0.5', '0.5'],
  ['-5', '-5'],
])('%s is read as %s', (typed, price) => {
  expect(readTypedPrice(typed)).toBe(price)
})

test.each(['', 'abc', '1e5', '12a4', '1.2.3', '--1'])('%s is no price', async (typed) => {
  const grid = PriceGrid.of('0.00', '99999.00', '0.01')
  expect(await codeOf(() => grid.toStep(readTypedPrice(typed)))).toBe('malformed-price')
})

test('a price off the grid names its neighbours', () => {
  const grid = PriceGrid.of('10.00', '20.00', '0.50')
  expect(() => grid.toStep('12.30')).toThrow(
    expect.objectContaining({ code: 'price-off-grid', details: { below: '12.00', above: '12.50' } }),
  )
  expect(() => grid.toStep('9')).toThrow(
    expect.objectContaining({ code: 'price-out-of-range', details: { lowest: '10.00', highest: '20.00' } }),
  )
})

test('a maximum between two steps names the next one that fits', () => {
  expect(() => PriceGrid.of('0', '10', '3')).toThrow(
    expect.objectContaining({ code: 'malformed-price', details: { reason: 'grid-uneven', next: '12' } }),
  )
})
