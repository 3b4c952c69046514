/** The prices that were bid in this tab: kept in memory alone, and gone with it. No party can tell them. */

const prices = new Map<string, string>()
const typed = new Map<string, string>()

export function rememberPrice(bundle: string, price: string): void {
  prices.set(bundle, price)
}

/** What is typed and not sent yet, by auction: it outlives a look at another page. */
export function rememberTyped(auction: string, text: string): void {
  typed.set(auction, text)
}

export function typedBefore(auction: string): string {
  return typed.get(auction) ?? ''
}

export function rememberedPrice(bundle: string): string | undefined {
  return prices.get(bundle)
}
