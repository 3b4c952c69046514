/** The cluster file: who the parties are. The same bytes at every party; its SHA-256 stands for it. */

import { fromBase64url, fromUtf8, sha256, toHex, type Bytes } from './encoding'
import { malformed } from './errors'
import { bytes, integer, list, read, strict, text, type Reader } from './schema'

export interface PartyEntry {
  readonly number: number
  readonly name: string
  readonly url: string
  readonly address: string
  readonly identity_key: string
}

export interface Cluster {
  readonly parties: readonly PartyEntry[]
  readonly digest: string
}

const identityKey: Reader<string> = (value, place) => {
  if (bytes(value, place).length !== 32) throw malformed(`${place} is not an identity key`)
  return value as string
}

const party = strict<PartyEntry>({
  number: integer(1, 9),
  name: text(undefined, 80),
  url: text(/^https?:\/\/[^/?#@]+$/),
  address: text(),
  identity_key: identityKey,
})

const file = strict<{ version: number; parties: readonly PartyEntry[] }>({
  version: integer(1, 1),
  parties: list(party, 9),
})

export async function parseCluster(content: Bytes): Promise<Cluster> {
  const { parties } = read(file, JSON.parse(fromUtf8(content)) as unknown)
  if (parties.length < 3 || parties.some((entry, index) => entry.number !== index + 1)) {
    throw malformed('the parties must be numbered 1, 2, 3, ...')
  }
  return { parties, digest: toHex(await sha256(content)) }
}

export function identityKeyOf(cluster: Cluster, number: number): Bytes | undefined {
  const entry = cluster.parties[number - 1]
  return entry && fromBase64url(entry.identity_key)
}
