/**
 * What parties say in writing (docs/protocol.md, "Signed statements"): a 64-byte Ed25519 signature followed by a
 * canonical JSON body that names kind, auction and party. No statement is used before its signature is verified.
 */

import { identityKeyOf, type Cluster } from './cluster'
import { canonicalJson, labelled, parseCanonicalJson, type Bytes, type Json } from './encoding'
import { PageError } from './errors'
import { bytes, digest, moment, oneOf, party, read, strict, type Reader } from './schema'

const SIGNATURE_BYTES = 64

export interface Statement {
  readonly auction: string
  readonly party: number
}

export interface Receipt extends Statement {
  readonly kind: 'receipt'
  readonly bundle: string
  readonly received_at: string
}

export interface SealingKeyStatement extends Statement {
  readonly kind: 'sealing-key'
  readonly public_key: Bytes
}

interface Kind<S extends Statement> {
  readonly label: string
  readonly reader: Reader<S>
}

export const RECEIPT: Kind<Receipt> = {
  label: 'receipt',
  reader: strict<Receipt>({ auction: digest, party, kind: oneOf('receipt'), bundle: digest, received_at: moment }),
}

export const SEALING_KEY: Kind<SealingKeyStatement> = {
  label: 'sealing-key',
  reader: strict<SealingKeyStatement>({ auction: digest, party, kind: oneOf('sealing-key'), public_key: bytes }),
}

/** Whether this browser can verify the parties' signatures at all. */
export async function canVerify(): Promise<boolean> {
  try {
    await crypto.subtle.importKey('raw', new Uint8Array(32).fill(1), { name: 'Ed25519' }, false, ['verify'])
    return true
  } catch {
    return false
  }
}

/** Tell whether `signature` was given for `content` under `label` by the party. */
export async function verifies(
  cluster: Cluster,
  number: number,
  label: string,
  content: Bytes,
  signature: Bytes,
): Promise<boolean> {
  const identity = identityKeyOf(cluster, number)
  if (!identity) return false
  let key: CryptoKey
  try {
    key = await crypto.subtle.importKey('raw', identity, { name: 'Ed25519' }, false, ['verify'])
  } catch (error) {
    if (await canVerify()) return false
    throw new PageError('no-ed25519', `this browser cannot verify Ed25519 signatures: ${String(error)}`)
  }
  return crypto.subtle.verify({ name: 'Ed25519' }, key, signature, labelled(label, content))
}

/**
 * Read a signed statement and verify it.
 * @throws PageError with the code malformed-statement, unknown-party or wrong-signature.
 */
export async function readStatement<S extends Statement>(kind: Kind<S>, content: Bytes, cluster: Cluster): Promise<S> {
  const [signature, body] = [content.slice(0, SIGNATURE_BYTES), content.slice(SIGNATURE_BYTES)]
  let statement: S
  try {
    statement = read(kind.reader, parseCanonicalJson(body))
  } catch (error) {
    throw new PageError('malformed-statement', `this is no ${kind.label} statement: ${String(error)}`)
  }
  if (statement.party > cluster.parties.length) {
    throw new PageError('unknown-party', `the cluster has no party ${statement.party}`)
  }
  if (!(await verifies(cluster, statement.party, kind.label, body, signature))) {
    throw new PageError('wrong-signature', `party ${statement.party} did not sign this ${kind.label} statement`, {
      party: statement.party,
    })
  }
  return statement
}

/** The body of a party's statement that it computed the outcome with this certificate digest. */
export function outcomeBody(auction: string, number: number, certificate: string): Bytes {
  const body: Json = { auction, certificate, kind: 'outcome', party: number }
  return canonicalJson(body)
}
