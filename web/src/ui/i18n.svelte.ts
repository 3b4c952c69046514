/**
 * Texts in the reader's language, from the message files; numbers, prices and moments in the reader's locale.
 * A text may have plural forms (`key.one`, `key.few`, ...) and places for values (`{name}`).
 */

import type { PageError } from '../core/errors'

export const LANGUAGES = { en: 'English', pl: 'Polski' } as const
export type Language = keyof typeof LANGUAGES
export type Values = Readonly<Record<string, string | number>>

const KEY = 'aukciszek.language'

const files: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
  en: () => import('../messages/en.json'),
  pl: () => import('../messages/pl.json'),
}

const reader = $state<{ language: Language; texts: Record<string, string> }>({ language: 'en', texts: {} })

export function language(): Language {
  return reader.language
}

/** The locale for numbers and dates: the reader's own variant of the language, if the browser names one. */
function locale(): string {
  return navigator.languages.find((one) => one.toLowerCase().startsWith(reader.language)) ?? reader.language
}

function preferred(): Language {
  const asked = [localStorage.getItem(KEY), ...navigator.languages].map((one) => (one ?? '').slice(0, 2).toLowerCase())
  return asked.find((one): one is Language => one in LANGUAGES) ?? 'en'
}

export async function speak(chosen: Language = preferred()): Promise<void> {
  reader.texts = (await files[chosen]()).default
  reader.language = chosen
  document.documentElement.lang = chosen
}

export async function choose(chosen: Language): Promise<void> {
  localStorage.setItem(KEY, chosen)
  await speak(chosen)
}

function fill(text: string, values: Values): string {
  return text.replaceAll(/\{(\w+)\}/g, (place, name: string) => {
    const value = values[name]
    if (value === undefined) return place
    return typeof value === 'number' ? formatNumber(value) : value
  })
}

export function has(key: string): boolean {
  return key in reader.texts
}

/** A text; `values.count` picks among plural forms where there are some. */
export function t(key: string, values: Values = {}): string {
  const count = values['count']
  if (typeof count === 'number') {
    const form = new Intl.PluralRules(locale()).select(count)
    const text = reader.texts[`${key}.${form}`] ?? reader.texts[`${key}.other`]
    if (text !== undefined) return fill(text, values)
  }
  return fill(reader.texts[key] ?? key, values)
}

/** What failed and what to do about it; with the party's own words where the page has none for the code. */
export function explain(error: PageError): string {
  const reason = error.details['reason']
  const keys = [...(typeof reason === 'string' ? [`problem.${reason}`] : []), `problem.${error.code}`]
  const key = keys.find(has)
  return key === undefined ? t('problem.unknown', { message: error.message }) : t(key, error.details)
}

export function formatNumber(value: number | bigint): string {
  return new Intl.NumberFormat(locale()).format(value)
}

/** A price is exact decimal text and is shown with exactly its decimals. */
export function formatPrice(price: string, currency: string): string {
  const decimals = price.split('.')[1]?.length ?? 0
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  const exact = price as Intl.StringNumericLiteral
  try {
    return new Intl.NumberFormat(locale(), { style: 'currency', currency, ...digits }).format(exact)
  } catch {
    return `${new Intl.NumberFormat(locale(), digits).format(exact)} ${currency}`
  }
}

/** A price as the reader would type it. */
export function formatPlainPrice(price: string): string {
  const decimals = price.split('.')[1]?.length ?? 0
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals, useGrouping: false }
  return new Intl.NumberFormat(locale(), digits).format(price as Intl.StringNumericLiteral)
}

export function formatMoment(moment: string | number): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(moment))
}

export function formatTime(moment: string | number): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: 'medium' }).format(new Date(moment))
}

export function formatList(items: readonly (string | number)[]): string {
  return new Intl.ListFormat(locale(), { type: 'conjunction' }).format(items.map(String))
}

/** A length of time in its two largest units: "2 days, 3 hours"; below a minute the seconds. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const parts: [string, number][] = [
    ['day', Math.floor(seconds / 86_400)],
    ['hour', Math.floor(seconds / 3600) % 24],
    ['minute', Math.floor(seconds / 60) % 60],
    ['second', seconds % 60],
  ]
  const first = parts.findIndex(([, amount]) => amount > 0)
  const shown = first < 0 ? parts.slice(3) : parts.slice(first, first + 2)
  return shown
    .map(([unit, amount]) => new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(amount))
    .join(', ')
}
