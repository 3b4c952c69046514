/** What a check found, in the reader's words. */

import type { Check } from '../core/checks'
import { formatPrice, has, t } from './i18n.svelte'

/** The codes of what can be wrong with a bid, among a check's values. */
const FAULTS = ['reason', 'fault'] as const

/** A bid's fault in words; a code that this page does not know stays as it is. */
function faultText(code: string): string {
  const key = `fault.${code}`
  return has(key) ? t(key) : code
}

/** The finding as a sentence: prices as the reader writes them, faults in words. */
export function checkText({ text, values }: Check): string {
  const shown: Record<string, string | number> = { ...values }
  const { price, currency } = values
  if (typeof price === 'string' && typeof currency === 'string') shown['price'] = formatPrice(price, currency)
  for (const name of FAULTS) if (typeof values[name] === 'string') shown[name] = faultText(values[name])
  return t(text, shown)
}
