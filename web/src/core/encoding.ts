/**
 * One value, one spelling: canonical JSON, base64url, hexadecimal and labelled hashes, byte for byte as
 * `src/aukciszek/encoding.py` and `protocol/rules/identifiers.py` have them.
 */

import { malformed } from './errors'

export type Bytes = Uint8Array<ArrayBuffer>
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8(text: string): Bytes {
  return encoder.encode(text)
}

export function fromUtf8(content: Uint8Array): string {
  try {
    return decoder.decode(content)
  } catch {
    throw malformed('the bytes are not UTF-8 text')
  }
}

/** RFC 8785 restricted to integers: the only spelling of a value. */
export function canonicalText(value: Json): string {
  if (value === null || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw malformed('numbers must be whole and below 2**53')
    return String(value)
  }
  if (typeof value === 'string') {
    if (/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(value)) {
      throw malformed('a lone surrogate has no UTF-8 form')
    }
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((member: Json) => canonicalText(member)).join(',')}]`
  const members = value as Readonly<Record<string, Json>>
  const keys = Object.keys(members).sort()
  if (keys.some((key) => !/^[\x00-\x7f]*$/.test(key))) throw malformed('keys must be ASCII text')
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(members[key] ?? null)}`).join(',')}}`
}

export function canonicalJson(value: Json): Bytes {
  return utf8(canonicalText(value))
}

/** Read canonical JSON; any other spelling is refused. */
export function parseCanonicalJson(content: Uint8Array): Json {
  const text = fromUtf8(content)
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    throw malformed('the text is not JSON')
  }
  if (canonicalText(value) !== text) throw malformed('the text is not canonical JSON')
  return value
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index])
}

export function toHex(content: Uint8Array): string {
  return Array.from(content, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function fromHex(text: string): Bytes {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw malformed('the text is not lower-case hexadecimal')
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => parseInt(text.slice(2 * index, 2 * index + 2), 16))
}

export function toBase64url(content: Uint8Array): string {
  let binary = ''
  for (const byte of content) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Decode what {@link toBase64url} wrote, and nothing else. */
export function fromBase64url(text: string): Bytes {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw malformed('the text is not unpadded base64url')
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const content = Uint8Array.from(binary, (character) => character.charCodeAt(0))
  if (toBase64url(content) !== text) throw malformed('the text is not unpadded base64url')
  return content
}

export async function sha256(content: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', content))
}

export async function sha512(content: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-512', content))
}

/** The bytes that a hash or signature for the purpose `label` covers. */
export function labelled(label: string, ...parts: readonly Uint8Array[]): Bytes {
  return concat(utf8(`aukciszek/1/${label}\0`), ...parts)
}

export async function labelledSha256(label: string, ...parts: readonly Uint8Array[]): Promise<Bytes> {
  return sha256(labelled(label, ...parts))
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function uuidBytes(text: string): Bytes {
  if (!UUID.test(text)) throw malformed('a user id is a UUID in lower case')
  return fromHex(text.replaceAll('-', ''))
}

export function uuidText(content: Uint8Array): string {
  const hex = toHex(content)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
