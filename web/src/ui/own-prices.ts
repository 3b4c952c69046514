/** The prices that were bid in this tab: kept in memory alone, and gone with it. No party can tell them. */

const prices = new Map<string, string>()

export function rememberPrice(bundle: string, price: string): void {
  prices.set(bundle, price)
}

export function rememberedPrice(bundle: string): string | undefined {
  return prices.get(bundle)
}
