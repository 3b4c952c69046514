/** A party's audit record (docs/protocol.md, "The audit record"): who did what and what was opened, as a hash chain. */

import { canonicalJson, parseCanonicalJson, sha256, toHex, type Bytes, type Json } from './encoding'
import { PageError } from './errors'
import { digest, integer, json, list, moment, party, read, strict, text } from './schema'

export interface RecordEntry {
  readonly seq: number
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly details: Json
  readonly previous_hash: string
  readonly hash: string
}

export interface AuditRecord {
  readonly version: number
  readonly auction: string
  readonly party: number
  readonly entries: readonly RecordEntry[]
}

const FIRST_PREVIOUS_HASH = '0'.repeat(64)

const reader = strict<AuditRecord>({
  version: integer(1, 1),
  auction: digest,
  party,
  entries: list(
    strict<RecordEntry>({
      seq: integer(1, Number.MAX_SAFE_INTEGER),
      at: moment,
      actor: text(undefined, 200),
      action: text(undefined, 200),
      details: json,
      previous_hash: digest,
      hash: digest,
    }),
  ),
})

export interface Opened {
  readonly reason: string
  readonly values: number
}

/** Read a record's bytes and check its chain. @throws PageError with the code malformed-record or record-broken. */
export async function parseRecord(content: Bytes): Promise<AuditRecord> {
  let record: AuditRecord
  try {
    record = read(reader, parseCanonicalJson(content))
  } catch (error) {
    throw new PageError('malformed-record', `this is no audit record: ${String(error)}`)
  }
  let previous = FIRST_PREVIOUS_HASH
  for (const [index, entry] of record.entries.entries()) {
    const expected = await entryHash(record.auction, entry, previous)
    if (entry.seq !== index + 1 || entry.previous_hash !== previous || entry.hash !== expected) {
      throw new PageError('record-broken', `entry ${index + 1} was changed, moved or follows a missing one`)
    }
    previous = entry.hash
  }
  return record
}

async function entryHash(auction: string, entry: RecordEntry, previous: string): Promise<string> {
  const { seq, at, actor, action, details } = entry
  return toHex(await sha256(canonicalJson({ auction, seq, at, actor, action, details, previous })))
}

/** What the engine opened, according to the record: the reasons, and how many values for each. */
export function openedIn(record: AuditRecord): Opened[] {
  const found: Opened[] = []
  for (const { details } of record.entries) {
    const revealed = (details as { revealed?: unknown } | null)?.revealed
    if (!Array.isArray(revealed)) continue
    for (const one of revealed as { reason?: unknown; values?: unknown }[]) {
      if (typeof one.reason === 'string' && Array.isArray(one.values)) {
        found.push({ reason: one.reason, values: one.values.length })
      }
    }
  }
  return found
}
