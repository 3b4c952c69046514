/**
 * The grid of valid prices (docs/protocol.md, "Sealing"): v = (price - min) / step, in exact integers of the smallest
 * decimal unit. A float never appears.
 */

import { PageError } from './errors'

export const LARGEST_BITS = 60
const PRICE = /^(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,9}))?$/

interface Written {
  readonly units: bigint
  readonly decimals: number
}

function parse(text: string): Written {
  const found = PRICE.exec(text)
  if (!found) throw new PageError('malformed-price', 'write a price as 1234.50')
  const [, sign, whole = '', fraction = ''] = found
  const units = BigInt(whole + fraction)
  if (sign && units === 0n) throw new PageError('malformed-price', 'write zero without a sign')
  return { units: sign ? -units : units, decimals: fraction.length }
}

function spell(units: bigint, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0')
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits
}

/** How many decimals a price is written with. */
export function decimalsOf(text: string): number {
  return parse(text).decimals
}

/** Spell a price with at least so many decimals. */
export function withDecimals(text: string, decimals: number): string {
  const written = parse(text)
  return spell(written.units * 10n ** BigInt(decimals - written.decimals), decimals)
}

/** The prices minimum, minimum + step, ..., minimum + highestStep * step, in units of 10^-decimals. */
export class PriceGrid {
  private constructor(
    private readonly minimum: bigint,
    private readonly step: bigint,
    readonly highestStep: bigint,
    readonly decimals: number,
  ) {}

  /** @throws PageError with the code malformed-price; its `reason` says which of the rules is broken. */
  static of(minimum: string, maximum: string, step: string): PriceGrid {
    const lowest = parse(minimum)
    const highest = parse(maximum)
    const width = parse(step)
    if (lowest.decimals !== highest.decimals || lowest.decimals !== width.decimals) {
      throw new PageError('malformed-price', 'write minimum, maximum and step with the same number of decimals')
    }
    if (lowest.units < 0n || width.units <= 0n || highest.units <= lowest.units) {
      throw new PageError('malformed-price', 'a price grid needs 0 <= minimum < maximum and a step above 0', {
        reason: 'grid-order',
      })
    }
    const range = highest.units - lowest.units
    const rest = range % width.units
    if (rest) {
      const next = spell(highest.units - rest + width.units, lowest.decimals)
      throw new PageError('malformed-price', `the maximum must be a whole number of steps above the minimum: try ${next}`, {
        reason: 'grid-uneven',
        next,
      })
    }
    const highestStep = range / width.units
    if (highestStep.toString(2).length > LARGEST_BITS) {
      throw new PageError('malformed-price', `the grid has more than 2**${LARGEST_BITS} prices`, {
        reason: 'grid-too-fine',
      })
    }
    return new PriceGrid(lowest.units, width.units, highestStep, lowest.decimals)
  }

  /** How many bits a step on the grid takes, 1..60. */
  get bits(): number {
    return this.highestStep.toString(2).length
  }

  /** @throws PageError with the code malformed-price, price-out-of-range or price-off-grid, naming the nearest prices. */
  toStep(price: string): bigint {
    const written = parse(price)
    const scale = 10n ** BigInt(Math.max(written.decimals - this.decimals, 0))
    const units = written.units * 10n ** BigInt(Math.max(this.decimals - written.decimals, 0))
    const above = units - this.minimum * scale
    if (above < 0n || above > this.highestStep * this.step * scale) {
      const [lowest, highest] = [this.toPrice(0n), this.toPrice(this.highestStep)]
      throw new PageError('price-out-of-range', `the price must be between ${lowest} and ${highest}`, { lowest, highest })
    }
    const step = above / (this.step * scale)
    if (above % (this.step * scale)) {
      const [below, beyond] = [this.toPrice(step), this.toPrice(step + 1n)]
      throw new PageError('price-off-grid', `the nearest valid prices are ${below} and ${beyond}`, {
        below,
        above: beyond,
      })
    }
    return step
  }

  toPrice(step: bigint): string {
    if (step < 0n || step > this.highestStep) throw new RangeError('there is no such step on the price grid')
    return spell(this.minimum + step * this.step, this.decimals)
  }

  /** The binary digits of a step, the most significant first. */
  bitsOf(step: bigint): number[] {
    if (step < 0n || step > this.highestStep) throw new RangeError('there is no such step on the price grid')
    return Array.from(step.toString(2).padStart(this.bits, '0'), Number)
  }
}

/**
 * Turn what a person types into a price: decimal comma or point, grouped digits, a currency sign in front or behind.
 * Returns the text unchanged where it is not clearly a number, so that the grid refuses it.
 */
export function readTypedPrice(typed: string): string {
  const compact = typed.replaceAll(/[\s\u00a0\u202f'’]/g, '').replaceAll(/^[^\d-]+|[^\d]+$/g, '')
  const lastComma = compact.lastIndexOf(',')
  const lastPoint = compact.lastIndexOf('.')
  let plain = compact
  if (lastComma >= 0 && lastPoint >= 0) {
    // Both appear: the later one is the decimal separator, the other one groups digits.
    const [group, decimal] = lastComma > lastPoint ? ['.', ','] : [',', '.']
    plain = compact.replaceAll(group, '').replace(decimal, '.')
  } else if (lastComma >= 0) {
    // A single comma is the decimal comma; several can only group.
    plain = compact.indexOf(',') === lastComma ? compact.replace(',', '.') : compact.replaceAll(',', '')
  }
  return plain.replace(/^0+(?=\d)/, '')
}
