/** The form for a new auction, without its looks: what is entered, what is wrong with it, and the rules that it means. */

import { PageError } from '../../core/errors'
import { PriceGrid, readTypedPrice } from '../../core/prices'
import {
  abandonedByDefault,
  alignPrices,
  MOST_MINIMUM_BIDS,
  MOST_WINNERS,
  type AuctionFormat,
  type Direction,
  type Draft,
} from '../../core/spec'
import { fromLocalInput, toLocalInput } from '../local-time'

const HOUR_MS = 3_600_000

/** Entries as they were typed; moments as `datetime-local` inputs hold them. */
export interface AuctionForm {
  title: string
  description: string
  direction: Direction
  format: AuctionFormat
  winners: number
  currency: string
  minimum: string
  maximum: string
  step: string
  hasReserve: boolean
  reserve: string
  minimumBids: number
  opensNow: boolean
  opensAt: string
  closesAt: string
  /** Null: a fixed time after the close. */
  abandonsAt: string | null
  mayCloseEarly: boolean
  mayCancel: boolean
  isOpenToAll: boolean
  invited: string
}

/** The fields that can be wrong, from the top of the form; `create-<name>` is the id of the control. */
const FIELDS = [
  'title',
  'winners',
  'currency',
  'minimum',
  'maximum',
  'step',
  'reserve',
  'opens',
  'closes',
  'abandons',
  'invited',
  'minimum-bids',
] as const
export type FormField = (typeof FIELDS)[number]

/** The key of a text, or an error that explains itself. */
export type FormError = string | PageError
export type FormErrors = Readonly<Partial<Record<FormField, FormError>>>

/** @param now in milliseconds; the form proposes to close a day later. */
export function blankForm(now: number): AuctionForm {
  return {
    title: '',
    description: '',
    direction: 'reverse',
    format: 'first-price',
    winners: 2,
    currency: 'PLN',
    minimum: '',
    maximum: '',
    step: '',
    hasReserve: false,
    reserve: '',
    minimumBids: 1,
    opensNow: true,
    opensAt: toLocalInput(now + HOUR_MS),
    closesAt: toLocalInput(now + 24 * HOUR_MS),
    abandonsAt: null,
    mayCloseEarly: true,
    mayCancel: true,
    isOpenToAll: true,
    invited: '',
  }
}

/** Whether the format has a number of winners that the auctioneer chooses. */
export function hasSeveralWinners({ format }: Pick<AuctionForm, 'format'>): boolean {
  return format === 'uniform-price' || format === 'pay-as-bid'
}

/** The addresses that are listed, one in each line or separated by commas. */
export function invitedIn({ invited }: Pick<AuctionForm, 'invited'>): string[] {
  return invited.split(/[\s,;]+/).filter(Boolean)
}

/** What the field for the latest moment of an outcome shows; it follows the close until it is set. */
export function shownAbandonsAt({ abandonsAt, closesAt }: Pick<AuctionForm, 'abandonsAt' | 'closesAt'>): string {
  const closes = fromLocalInput(closesAt)
  return abandonsAt ?? (closes ? toLocalInput(abandonedByDefault(closes).getTime()) : '')
}

function pricesOf(form: AuctionForm) {
  return alignPrices({
    minimum: readTypedPrice(form.minimum),
    maximum: readTypedPrice(form.maximum),
    step: readTypedPrice(form.step),
    reserve_price: form.hasReserve && form.reserve ? readTypedPrice(form.reserve) : null,
  })
}

/** The grid of valid prices, or what is wrong with it or the reserve price; null until all of its prices are entered. */
export function gridIn(form: AuctionForm): PriceGrid | PageError | null {
  if (!form.minimum || !form.maximum || !form.step) return null
  try {
    const prices = pricesOf(form)
    const grid = PriceGrid.of(prices.minimum, prices.maximum, prices.step)
    if (prices.reserve_price !== null) grid.toStep(prices.reserve_price)
    return grid
  } catch (error) {
    return error instanceof PageError ? error : new PageError('malformed-price', String(error))
  }
}

function isBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

function errorsInPrices(form: AuctionForm): FormErrors {
  const found: Partial<Record<FormField, FormError>> = {}
  for (const name of ['minimum', 'maximum', 'step'] as const) {
    if (!form[name].trim()) found[name] = 'create.error.price'
  }
  const grid = gridIn(form)
  if (grid instanceof PageError) {
    const isReserve = grid.code === 'price-off-grid' || grid.code === 'price-out-of-range'
    found[isReserve ? 'reserve' : 'step'] = grid
  }
  if (form.hasReserve && !form.reserve.trim()) found.reserve = 'create.error.price'
  return found
}

function errorsInTimes(form: AuctionForm, now: number): FormErrors {
  const found: Partial<Record<FormField, FormError>> = {}
  const opensAt = opensAtIn(form, now)
  const closesAt = fromLocalInput(form.closesAt)
  if (!opensAt) found.opens = 'create.error.moment'
  if (!closesAt) found.closes = 'create.error.moment'
  else if (closesAt.getTime() <= now) found.closes = 'create.error.past'
  else if (opensAt && closesAt <= opensAt) found.closes = 'create.error.order'
  if (form.abandonsAt !== null) {
    const abandonsAt = fromLocalInput(form.abandonsAt)
    if (!abandonsAt) found.abandons = 'create.error.moment'
    else if (closesAt && abandonsAt <= closesAt) found.abandons = 'create.error.abandons'
  }
  return found
}

/** What is wrong with the entries, from the top of the form to its end. */
export function errorsIn(form: AuctionForm, now: number): FormErrors {
  const found: Partial<Record<FormField, FormError>> = { ...errorsInPrices(form), ...errorsInTimes(form, now) }
  if (!form.title.trim()) found.title = 'create.error.title'
  if (!/^[A-Z]{3}$/.test(form.currency.trim().toUpperCase())) found.currency = 'create.error.currency'
  if (hasSeveralWinners(form) && !isBetween(form.winners, 1, MOST_WINNERS)) found.winners = 'create.error.winners'
  if (!isBetween(form.minimumBids, 1, MOST_MINIMUM_BIDS)) found['minimum-bids'] = 'create.error.minimum-bids'
  const emails = invitedIn(form)
  if (!form.isOpenToAll && (!emails.length || emails.some((email) => !/^[^@\s]+@[^@\s]+$/.test(email)))) {
    found.invited = 'create.error.invited'
  }
  return Object.fromEntries(FIELDS.flatMap((name) => (found[name] === undefined ? [] : [[name, found[name]]])))
}

function opensAtIn(form: AuctionForm, now: number): Date | undefined {
  return form.opensNow ? new Date(now) : fromLocalInput(form.opensAt)
}

/**
 * The rules that the form means, if {@link errorsIn} finds nothing wrong.
 * @throws PageError with the code malformed-price or malformed-auction-rules otherwise.
 */
export function draftOf(form: AuctionForm, now: number): Draft {
  const opensAt = opensAtIn(form, now)
  const closesAt = fromLocalInput(form.closesAt)
  if (!opensAt || !closesAt) throw new PageError('malformed-auction-rules', 'the auction has no times')
  return {
    title: form.title,
    description: form.description,
    direction: form.direction,
    format: form.format,
    winners: hasSeveralWinners(form) ? form.winners : 1,
    currency: form.currency.trim().toUpperCase(),
    minimum: readTypedPrice(form.minimum),
    maximum: readTypedPrice(form.maximum),
    step: readTypedPrice(form.step),
    reserve_price: form.hasReserve ? readTypedPrice(form.reserve) : null,
    minimum_bids: form.minimumBids,
    opens_at: opensAt,
    closes_at: closesAt,
    abandons_at: form.abandonsAt === null ? null : (fromLocalInput(form.abandonsAt) ?? null),
    early_close_allowed: form.mayCloseEarly,
    cancel_allowed: form.mayCancel,
    invited: form.isOpenToAll ? null : invitedIn(form),
  }
}
