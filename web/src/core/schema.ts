/**
 * Reading what came from outside: each reader returns the value in its type or throws. Objects are strict (no member
 * missing, none besides) where something is hashed or signed, open (members may be added) for a party's answers.
 */

import { fromBase64url, type Bytes, type Json } from './encoding'
import { malformed } from './errors'

export type Reader<T> = (value: unknown, place: string) => T
type Fields<T> = { readonly [Name in keyof T]: Reader<T[Name]> }

function fail(place: string, what: string): never {
  throw malformed(`${place || 'the whole'} ${what}`)
}

export function read<T>(reader: Reader<T>, value: unknown): T {
  return reader(value, '')
}

function members(value: unknown, place: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(place, 'is not an object')
  return value as Record<string, unknown>
}

function readFields<T>(fields: Fields<T>, found: Record<string, unknown>, place: string): T {
  const result: Partial<T> = {}
  for (const name of Object.keys(fields) as (keyof T & string)[]) {
    result[name] = fields[name](found[name], place ? `${place}.${name}` : name)
  }
  return result as T
}

/** An object that may have more members than are read here. */
export function open<T>(fields: Fields<T>): Reader<T> {
  return (value, place) => readFields(fields, members(value, place), place)
}

/** An object with exactly these members. */
export function strict<T>(fields: Fields<T>): Reader<T> {
  return (value, place) => {
    const found = members(value, place)
    const foreign = Object.keys(found).find((name) => !Object.hasOwn(fields, name))
    if (foreign !== undefined) fail(place, `has the unknown member ${foreign}`)
    return readFields(fields, found, place)
  }
}

export function text(pattern?: RegExp, longest = Infinity): Reader<string> {
  return (value, place) => {
    if (typeof value !== 'string' || value.length > longest) fail(place, 'is not a text of the agreed length')
    if (pattern && !pattern.test(value)) fail(place, 'does not have the agreed form')
    return value
  }
}

export function integer(least: number, most: number): Reader<number> {
  return (value, place) => {
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
      fail(place, `is not a whole number from ${least} to ${most}`)
    }
    return value as number
  }
}

export const number: Reader<number> = (value, place) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) fail(place, 'is not a number')
  return value
}

export const flag: Reader<boolean> = (value, place) => {
  if (typeof value !== 'boolean') fail(place, 'is neither true nor false')
  return value
}

export function oneOf<const Values extends readonly string[]>(...values: Values): Reader<Values[number]> {
  return (value, place) => {
    if (typeof value !== 'string' || !values.includes(value)) fail(place, `is none of ${values.join(', ')}`)
    return value
  }
}

export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value, place) => (value === null ? null : reader(value, place))
}

/** A member that older servers leave out. */
export function optional<T>(reader: Reader<T>, otherwise: T): Reader<T> {
  return (value, place) => (value === undefined ? otherwise : reader(value, place))
}

export function list<T>(reader: Reader<T>, most = Infinity): Reader<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value) || value.length > most) fail(place, 'is not a list of the agreed length')
    return value.map((member, index) => reader(member, `${place}.${index}`))
  }
}

/** Any JSON, for members that are shown or hashed as they are. */
export const json: Reader<Json> = (value) => value as Json

export const digest = text(/^[0-9a-f]{64}$/)
export const userId = text(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
export const party = integer(1, 9)

/** A moment in its one spelling. */
export const moment: Reader<string> = (value, place) => {
  const found = text(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)(value, place)
  const parsed = new Date(found)
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString() !== found) fail(place, 'is not a moment')
  return found
}

export const bytes: Reader<Bytes> = (value, place) => fromBase64url(text()(value, place))
