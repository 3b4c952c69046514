/**
 * Whether one bid, known in the clear, contradicts an outcome by the auction's own rules (docs/protocol.md, "Opening one's
 * own bid"; `protocol/evidence/contradictions.py`). Bids rank by price, the best first, and equal ones by the tie-break
 * seed in the certificate. Nothing is assumed about the other bids but what the outcome discloses.
 */

import type { CertificateBody } from './certificate'
import { concat, fromHex, labelledSha256, toHex } from './encoding'
import { gridOf, type AuctionFormat } from './spec'

/** A valid bid of the input set, and its price in steps of the grid. */
export interface OpenedPrice {
  readonly bundle: string
  readonly bidder: string
  readonly step: bigint
}

/** What is wrong: the messages `check.opened.false.<this>`. */
export type Contradiction =
  | 'meets-reserve'
  | 'other-bidder'
  | 'other-bundle'
  | 'own-price'
  | 'winner-worse'
  | 'price-without-losers'
  | 'winner-tied'
  | 'fewer-winners'
  | 'loser-better'
  | 'only-loser'
  | 'better-than-winner'
  | 'tied-with-winner'

const EACH_PAYS_THE_OWN_PRICE: readonly AuctionFormat[] = ['first-price', 'pay-as-bid']

/** Bundles in the order of the tie-break seed; of equal bids the earlier one wins. */
export async function tieBreakOrder(seed: string, digests: readonly string[]): Promise<string[]> {
  const key = await labelledSha256('tie-break-seed', fromHex(seed))
  const places = await Promise.all(
    digests.map(async (digest): Promise<[string, string]> => [
      toHex(await labelledSha256('tie-break-order', concat(key, fromHex(digest)))),
      digest,
    ]),
  )
  return places.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, digest]) => digest)
}

/**
 * @param body the outcome; the bid is in its input set and not left out.
 * @returns what is wrong with the outcome if this bid took part in it; null if nothing is.
 */
export async function contradiction(body: CertificateBody, bid: OpenedPrice): Promise<Contradiction | null> {
  // The number of valid bids says it, whatever they are.
  if (body.outcome === 'too-few-bids') return null
  const ranking = await Ranking.of(body)
  if (body.outcome === 'reserve-not-met') return ranking.meetsReserve(bid.step) ? 'meets-reserve' : null
  for (const winner of body.winners) {
    if (winner.bundle === bid.bundle && winner.bidder !== bid.bidder) return 'other-bidder'
    if (winner.bundle !== bid.bundle && winner.bidder === bid.bidder) return 'other-bundle'
  }
  return ranking.hasWon(bid.bundle) ? ranking.asWinner(bid) : ranking.asLoser(bid)
}

/** A sale according to the certificate. The lower a cost, the better the bid. */
class Ranking {
  private readonly sign: bigint
  private readonly reserve: bigint | null
  private readonly highestStep: bigint
  private readonly hasOwnPrices: boolean
  private readonly prices: readonly bigint[]
  private readonly winners: readonly string[]
  private readonly losers: readonly string[]

  private constructor(
    private readonly body: CertificateBody,
    private readonly places: ReadonlyMap<string, number>,
  ) {
    const { spec } = body
    const grid = gridOf(spec)
    this.sign = spec.direction === 'reverse' ? 1n : -1n
    this.reserve = spec.reserve_price === null ? null : grid.toStep(spec.reserve_price)
    this.highestStep = grid.highestStep
    this.hasOwnPrices = EACH_PAYS_THE_OWN_PRICE.includes(spec.format)
    this.prices = body.prices.map((price) => grid.toStep(price))
    this.winners = body.winners.map((winner) => winner.bundle)
    const won = new Set(this.winners)
    this.losers = [...places.keys()].filter((bundle) => !won.has(bundle))
  }

  static async of(body: CertificateBody): Promise<Ranking> {
    const leftOut = new Set(body.left_out.map((one) => one.bundle))
    const ordered = await tieBreakOrder(body.tie_break_seed ?? '', body.bids.filter((bundle) => !leftOut.has(bundle)))
    return new Ranking(body, new Map(ordered.map((bundle, place) => [bundle, place])))
  }

  hasWon(bundle: string): boolean {
    return this.winners.includes(bundle)
  }

  meetsReserve(step: bigint): boolean {
    return this.reserve !== null && this.cost(step) <= this.cost(this.reserve)
  }

  asWinner({ bundle, step }: OpenedPrice): Contradiction | null {
    if (this.hasOwnPrices) return this.prices[this.winners.indexOf(bundle)] === step ? null : 'own-price'
    const price = this.onlyPrice
    if (this.cost(step) > this.cost(price)) return 'winner-worse'
    if (!this.losers.length) return price === this.priceWithoutLosers ? null : 'price-without-losers'
    const isTied = step === price && price !== this.reserve
    return isTied && this.losers.every((other) => this.placeOf(other) < this.placeOf(bundle)) ? 'winner-tied' : null
  }

  asLoser({ bundle, step }: OpenedPrice): Contradiction | null {
    const isShort = this.winners.length < Math.min(this.body.spec.winners, this.places.size)
    if (isShort && this.meetsReserve(step)) return 'fewer-winners'
    if (this.hasOwnPrices) return this.besideOwnPrices(bundle, step)
    const price = this.onlyPrice
    if (this.cost(step) < this.cost(price)) return 'loser-better'
    if (this.losers.length > 1) return null
    const expected = this.reserve === null || this.meetsReserve(step) ? step : this.reserve
    return price === expected ? null : 'only-loser'
  }

  private besideOwnPrices(bundle: string, step: bigint): Contradiction | null {
    const ranks = this.winners.map((winner, index) => ({
      cost: this.cost(this.prices[this.body.spec.format === 'pay-as-bid' ? index : 0] ?? 0n),
      place: this.placeOf(winner),
    }))
    const last = ranks.reduce((worst, one) =>
      one.cost > worst.cost || (one.cost === worst.cost && one.place > worst.place) ? one : worst,
    )
    if (this.cost(step) < last.cost) return 'better-than-winner'
    return this.cost(step) === last.cost && this.placeOf(bundle) < last.place ? 'tied-with-winner' : null
  }

  private get onlyPrice(): bigint {
    return this.prices[0] ?? 0n
  }

  /** The price where no bid is rejected. */
  private get priceWithoutLosers(): bigint {
    return this.reserve ?? (this.sign > 0n ? this.highestStep : 0n)
  }

  private placeOf(bundle: string): number {
    return this.places.get(bundle) ?? -1
  }

  private cost(step: bigint): bigint {
    return this.sign * step
  }
}
