import { readdirSync, readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import en from '../src/messages/en.json'
import pl from '../src/messages/pl.json'

const FORMS = /\.(zero|one|two|few|many|other)$/
const languages: Record<string, Record<string, string>> = { en, pl }

function stems(texts: Record<string, string>): string[] {
  return [...new Set(Object.keys(texts).map((key) => key.replace(FORMS, '')))].sort()
}

function places(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '').sort()
}

test('every language has every text', () => {
  expect(stems(pl)).toEqual(stems(en))
})

test('no text is empty or left in another language', () => {
  for (const texts of Object.values(languages)) expect(Object.values(texts).filter((text) => !text.trim())).toEqual([])
  const same = Object.keys(en).filter((key) => (pl as Record<string, string>)[key] === (en as Record<string, string>)[key])
  // A bit is a bit.
  expect(same).toEqual(['split.bits.one'])
})

test('a text has the same places for values in every language', () => {
  const other: Record<string, string> = pl
  for (const [key, text] of Object.entries(other)) {
    const counterpart = (en as Record<string, string>)[key] ?? (en as Record<string, string>)[key.replace(FORMS, '.other')]
    expect([key, places(text)]).toEqual([key, places(counterpart ?? '')])
  }
})

test('a text with plural forms has all that its language knows', () => {
  for (const [language, texts] of Object.entries(languages)) {
    const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions()
    // Where only `other` stands, the text is the same for every number, or for numbers that are fixed.
    const counted = stems(texts).filter((stem) => `${stem}.one` in texts)
    for (const stem of counted) {
      const missing = pluralCategories.filter((category) => !(`${stem}.${category}` in texts))
      expect([stem, missing]).toEqual([stem, []])
    }
  }
})

test('every text that the page names is there', () => {
  const source = new URL('../src/', import.meta.url)
  const files = readdirSync(source, { recursive: true, encoding: 'utf-8' }).filter((name) => /\.(svelte|ts)$/.test(name))
  const known = new Set(stems(en))
  const missing = files.flatMap((name) =>
    [...readFileSync(new URL(name, source), 'utf-8').matchAll(/\bt\(\s*'([\w.-]+)'/g)]
      .map((found) => found[1] ?? '')
      .filter((key) => !known.has(key)),
  )
  expect(missing).toEqual([])
})

/** Codes that a browser with this page never meets: of the command line, of branches of the tree, and of other parties. */
const NEVER_MET = [
  'accounts',
  'auction',
  'bundle',
  'envelope',
  'forbidden-transition',
  'malformed-identifier',
  'malformed-time',
  'method-not-allowed',
  'opening',
  'refused',
  'request',
  'request-refused',
  'token',
  'unknown-user',
  'unsupported-media-type',
]

test('every error that a user may meet has a text', () => {
  const docs = new URL('../../docs/', import.meta.url)
  const place = readdirSync(docs, { recursive: true, encoding: 'utf-8' }).find((name) => name.endsWith('errors.md'))
  const table = readFileSync(new URL(place ?? 'errors.md', docs), 'utf-8')
  const rows = [...table.matchAll(/^\| `([a-z0-9-]+)` \| (\d{3}) \|/gm)]
  // What only operators and other parties meet is 500: users are told internal-error.
  const codes = rows.flatMap(([, code, status]) => (code && status !== '500' ? [code] : []))
  expect(codes.length).toBeGreaterThan(50)
  expect(NEVER_MET.filter((code) => !codes.includes(code))).toEqual([])
  for (const texts of Object.values(languages)) {
    expect(codes.filter((code) => !NEVER_MET.includes(code) && !(`problem.${code}` in texts))).toEqual([])
  }
})

test('every error of the page itself has a text', () => {
  const source = new URL('../src/', import.meta.url)
  const files = readdirSync(source, { recursive: true, encoding: 'utf-8' }).filter((name) => /\.(svelte|ts)$/.test(name))
  const codes = files.flatMap((name) =>
    [...readFileSync(new URL(name, source), 'utf-8').matchAll(/PageError\(\s*'([\w-]+)'/g)].map((found) => found[1] ?? ''),
  )
  expect(codes.length).toBeGreaterThan(40)
  for (const texts of Object.values(languages)) {
    expect([...new Set(codes)].filter((code) => !(`problem.${code}` in texts))).toEqual([])
  }
})

/** The words that lay people read; pages of the site are "strona" in Polish, parties never are. */
const AVOIDED: Record<string, RegExp> = {
  en: /\b(part(y|ies)|lots?|whoever|mend|league|holds|hand(s|ed)? (in|over|on))\b/i,
  pl: /(?<!odśwież |znaleziono |do |ze |na )\bstron(?!a główna|y głównej)|\blos(em|u)?\b|szum/i,
}

test('people read of trustees, of tie-breaks, and of certificates that are valid', () => {
  for (const [language, texts] of Object.entries(languages)) {
    const plain = Object.entries(texts).map(([key, text]) => [key, text.replaceAll(/\{\w+\}/g, '')] as const)
    expect(plain.filter(([, text]) => AVOIDED[language]?.test(text))).toEqual([])
  }
})
