/** An auction's rules, frozen: their canonical bytes name the auction (docs/protocol.md, "The rules of an auction"). */

import { canonicalJson, fromHex, labelledSha256, parseCanonicalJson, toHex, utf8, type Json } from './encoding'
import { PageError } from './errors'
import { decimalsOf, PriceGrid, withDecimals } from './prices'
import { digest, flag, integer, list, moment, nullable, oneOf, read, strict, text, userId } from './schema'

export const FORMATS = ['first-price', 'second-price', 'uniform-price', 'pay-as-bid'] as const
export type AuctionFormat = (typeof FORMATS)[number]
export type Direction = 'reverse' | 'forward'

export const LONGEST_TITLE = 200
export const LONGEST_DESCRIPTION = 10_000
export const MOST_WINNERS = 1_000
export const MOST_MINIMUM_BIDS = 100_000
const MOST_INVITED = 10_000
/** How long after the close the parties have to find an outcome, if the auctioneer names no other moment. */
export const ABANDONED_AFTER_MS = 30 * 24 * 3_600_000

export interface AuctionSpec {
  readonly version: number
  readonly title: string
  readonly description: string
  readonly direction: Direction
  readonly format: AuctionFormat
  readonly winners: number
  readonly currency: string
  readonly minimum: string
  readonly maximum: string
  readonly step: string
  readonly reserve_price: string | null
  readonly minimum_bids: number
  readonly opens_at: string
  readonly closes_at: string
  /** Without an outcome by then, the auction ends without one and the keys are destroyed. */
  readonly abandons_at: string
  readonly early_close_allowed: boolean
  readonly cancel_allowed: boolean
  readonly invited: readonly string[] | null
  readonly auctioneer: string
  readonly nonce: string
  readonly cluster: string
  readonly parties: number
  readonly threshold: number
}

const price = text(undefined, 30)

export const specReader = strict<AuctionSpec>({
  version: integer(1, 1),
  title: text(/./s),
  description: text(),
  direction: oneOf('reverse', 'forward'),
  format: oneOf(...FORMATS),
  winners: integer(1, MOST_WINNERS),
  currency: text(/^[A-Z]{3}$/),
  minimum: price,
  maximum: price,
  step: price,
  reserve_price: nullable(price),
  minimum_bids: integer(1, MOST_MINIMUM_BIDS),
  opens_at: moment,
  closes_at: moment,
  abandons_at: moment,
  early_close_allowed: flag,
  cancel_allowed: flag,
  invited: nullable(list(digest, MOST_INVITED)),
  auctioneer: userId,
  nonce: digest,
  cluster: digest,
  parties: integer(3, 9),
  threshold: integer(1, 4),
})

/** The hash of the canonical bytes: 64 hexadecimal digits. */
export async function auctionId(spec: AuctionSpec): Promise<string> {
  return toHex(await labelledSha256('auction', canonicalJson(spec as unknown as Json)))
}

export function gridOf(spec: AuctionSpec): PriceGrid {
  return PriceGrid.of(spec.minimum, spec.maximum, spec.step)
}

const ONE_WINNER: readonly AuctionFormat[] = ['first-price', 'second-price']
// Characters that reorder what stands around them could make rules look like other rules.
const HIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

function refuse(message: string): never {
  throw new PageError('malformed-auction-rules', message)
}

function checkText(typed: string, longest: number, allowed: '' | '\n'): void {
  if (typed !== typed.trim() || typed !== typed.normalize('NFC')) refuse('a text is trimmed and in normal form NFC')
  if (HIDDEN.test(allowed ? typed.replaceAll(allowed, '') : typed)) refuse('a text holds an invisible character')
  if (Array.from(typed).length > longest) refuse(`a text has more than ${longest} characters`)
}

function checkRules(spec: AuctionSpec): void {
  checkText(spec.title, LONGEST_TITLE, '')
  checkText(spec.description, LONGEST_DESCRIPTION, '\n')
  if (spec.parties < 2 * spec.threshold + 1) refuse('the threshold must be below half the number of parties')
  if (ONE_WINNER.includes(spec.format) && spec.winners !== 1) refuse(`a ${spec.format} auction has one winner`)
  if (spec.opens_at >= spec.closes_at) refuse('the auction must open before it closes')
  if (spec.closes_at >= spec.abandons_at) refuse('the auction must close before it is abandoned')
  const { invited } = spec
  if (invited && (!invited.length || invited.some((one, index) => index > 0 && one <= (invited[index - 1] ?? '')))) {
    refuse('list every invitation once, in ascending order')
  }
  const grid = gridOf(spec)
  if (spec.reserve_price !== null && grid.toPrice(grid.toStep(spec.reserve_price)) !== spec.reserve_price) {
    refuse('write the reserve price with as many decimals as the step')
  }
}

/** Read rules that came as JSON. @throws PageError with the code malformed-auction-rules. */
export function parseSpec(value: unknown): AuctionSpec {
  try {
    const spec = read(specReader, value)
    checkRules(spec)
    return spec
  } catch (error) {
    if (error instanceof PageError && error.code === 'malformed-auction-rules') throw error
    throw new PageError('malformed-auction-rules', `the rules are not valid: ${String(error)}`)
  }
}

/** Read canonical rules from their bytes. @throws PageError with the code malformed-auction-rules. */
export function parseSpecBytes(content: Uint8Array): AuctionSpec {
  let value: Json
  try {
    value = parseCanonicalJson(content)
  } catch (error) {
    return refuse(`the rules must be canonical JSON: ${String(error)}`)
  }
  return parseSpec(value)
}

/** The one spelling under which an address has its account: NFKC, lower case. */
function normalEmail(typed: string): string {
  return typed.trim().normalize('NFKC').toLowerCase()
}

/** What an auction's rules list for one invited e-mail address. */
export async function invitation(nonce: string, email: string): Promise<string> {
  return toHex(await labelledSha256('invitation', fromHex(nonce), utf8(normalEmail(email))))
}

/** Rules as a person writes them. */
export interface Draft {
  readonly title: string
  readonly description: string
  readonly direction: Direction
  readonly format: AuctionFormat
  readonly winners: number
  readonly currency: string
  readonly minimum: string
  readonly maximum: string
  readonly step: string
  readonly reserve_price: string | null
  readonly minimum_bids: number
  readonly opens_at: Date
  readonly closes_at: Date
  /** Null: {@link ABANDONED_AFTER_MS} after the close. */
  readonly abandons_at: Date | null
  readonly early_close_allowed: boolean
  readonly cancel_allowed: boolean
  /** E-mail addresses; null: open to all. */
  readonly invited: readonly string[] | null
}

export interface Frame {
  readonly auctioneer: string
  readonly cluster: string
  readonly parties: number
  readonly threshold: number
  /** 32 fresh random bytes. */
  readonly nonce: Uint8Array
}

function tidy(typed: string): string {
  return typed.replaceAll('\r\n', '\n').normalize('NFC').trim()
}

/** Give all prices of a draft the same number of decimals. */
export function alignPrices(draft: Pick<Draft, 'minimum' | 'maximum' | 'step' | 'reserve_price'>) {
  const { minimum, maximum, step, reserve_price: reserve } = draft
  const decimals = Math.max(...[minimum, maximum, step, ...(reserve === null ? [] : [reserve])].map(decimalsOf))
  return {
    minimum: withDecimals(minimum, decimals),
    maximum: withDecimals(maximum, decimals),
    step: withDecimals(step, decimals),
    reserve_price: reserve === null ? null : withDecimals(reserve, decimals),
  }
}

export function abandonedByDefault(closesAt: Date): Date {
  return new Date(closesAt.getTime() + ABANDONED_AFTER_MS)
}

/** Return the rules that a draft means. @throws PageError if it is against a rule. */
export async function freeze(draft: Draft, frame: Frame): Promise<AuctionSpec> {
  const nonce = toHex(frame.nonce)
  const prices = alignPrices(draft)
  // Said here, a wrong price keeps the text that tells the auctioneer what to type instead.
  const grid = PriceGrid.of(prices.minimum, prices.maximum, prices.step)
  if (prices.reserve_price !== null) grid.toStep(prices.reserve_price)
  const invited = draft.invited && (await Promise.all(draft.invited.map((email) => invitation(nonce, email))))
  return parseSpec({
    version: 1,
    ...draft,
    ...prices,
    title: tidy(draft.title),
    description: tidy(draft.description),
    opens_at: draft.opens_at.toISOString(),
    closes_at: draft.closes_at.toISOString(),
    abandons_at: (draft.abandons_at ?? abandonedByDefault(draft.closes_at)).toISOString(),
    invited: invited && [...new Set(invited)].sort(),
    auctioneer: frame.auctioneer,
    nonce,
    cluster: frame.cluster,
    parties: frame.parties,
    threshold: frame.threshold,
  })
}
