/** A price as a bidder types it, held against the prices that the rules allow. */

import { PageError } from '../../core/errors'
import { readTypedPrice, type PriceGrid } from '../../core/prices'

export type CheckedPrice = { readonly price: string } | PageError

/** The price in its one spelling, or why it cannot be bid. */
export function checkTypedPrice(grid: PriceGrid, typed: string): CheckedPrice {
  try {
    return { price: grid.toPrice(grid.toStep(readTypedPrice(typed))) }
  } catch (error) {
    return error instanceof PageError ? error : new PageError('malformed-price', String(error))
  }
}

/** The valid prices next to one that is not, from the lowest. */
export function nearestPrices(checked: CheckedPrice): string[] {
  if (!(checked instanceof PageError)) return []
  return ['below', 'above', 'lowest', 'highest'].flatMap((name) => {
    const price = checked.details[name]
    return typeof price === 'string' ? [price] : []
  })
}
