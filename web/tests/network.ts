/** Scripted parties with keys to sign, for tests without known answers. */

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'

import type { Fetch } from '../src/api/connection'
import { Parties } from '../src/api/parties'
import { Session } from '../src/api/session'
import { parseCluster, type Cluster } from '../src/core/cluster'
import { canonicalJson, concat, labelled, toBase64url, toHex, utf8, type Bytes, type Json } from '../src/core/encoding'

export const BIDDER = '22222222-2222-4222-8222-222222222222'
export const AUCTION = 'ab'.repeat(32)

const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

function keyOf(party: number) {
  const seed = Buffer.alloc(32, party)
  return createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, seed]), format: 'der', type: 'pkcs8' })
}

export function signature(party: number, label: string, body: Bytes): Bytes {
  return new Uint8Array(sign(null, labelled(label, body), keyOf(party)))
}

/** A signed statement as a party sends it. */
export function statement(party: number, label: string, body: Json): Bytes {
  const content = canonicalJson(body)
  return concat(signature(party, label, content), content)
}

export function receiptStatement(party: number, bundle: string, auction = AUCTION, at = '2026-03-01T12:00:00.000Z'): Bytes {
  return statement(party, 'receipt', { auction, bundle, kind: 'receipt', party, received_at: at })
}

export function clusterFile(parties: number): string {
  const entries = Array.from({ length: parties }, (_, index) => ({
    number: index + 1,
    name: `Party ${index + 1}`,
    url: `https://party${index + 1}.example`,
    address: `10.0.0.${index + 1}`,
    identity_key: toBase64url(new Uint8Array(createPublicKey(keyOf(index + 1)).export({ format: 'der', type: 'spki' }).subarray(-32))),
  }))
  return JSON.stringify({ version: 1, parties: entries })
}

export function clusterOf(parties: number): Promise<Cluster> {
  return parseCluster(utf8(clusterFile(parties)))
}

export function sessionOf(cluster: Cluster, uid = BIDDER): Session {
  const claims = toBase64url(utf8(JSON.stringify({ uid, email: 'ada@example.org', isAdmin: false, exp: 2_000_000_000 })))
  return Session.of(cluster.parties.map(() => `x.${claims}.x`))
}

export interface Asked {
  readonly party: number
  readonly path: string
  readonly body: Bytes
}

/** A network whose parties answer as `answer` says, which may throw for silence. */
export function networkOf(cluster: Cluster, answer: (asked: Asked) => Response | Promise<Response>): Parties {
  const network: Fetch = async (url, init) => {
    const party = cluster.parties.find((entry) => url.startsWith(`${entry.url}/`))
    if (!party) throw new TypeError('no such party')
    return answer({ party: party.number, path: url.slice(party.url.length), body: init.body as Bytes })
  }
  return new Parties(cluster, network)
}

export function problem(status: number, code: string): Response {
  return new Response(JSON.stringify({ code, detail: 'as it says' }), { status })
}

export function ok(body: Json): Response {
  return new Response(canonicalJson(body))
}

export const someDigest = (byte: number): string => toHex(new Uint8Array(32).fill(byte))
