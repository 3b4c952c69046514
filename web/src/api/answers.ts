/** The forms of the parties' answers; members that a newer server adds are ignored. */

import { bytes, digest, flag, integer, json, list, moment, number, open, optional, party, text, userId } from '../core/schema'
import type { Bytes, Json } from '../core/encoding'

export const STATES = [
  'created',
  'open',
  'closed',
  'agreeing',
  'computing',
  'revealing',
  'signing',
  'final',
  'cancelled',
  'abandoned',
] as const
export type AuctionState = (typeof STATES)[number]

const count = integer(0, Number.MAX_SAFE_INTEGER)
const numbers = list(party, 9)

/** A state that this page does not know is shown as computing. */
const state = (value: unknown, place: string): AuctionState => {
  const found = text()(value, place)
  return (STATES as readonly string[]).includes(found) ? (found as AuctionState) : 'computing'
}

interface PeerStatus {
  readonly party: number
  readonly connected: boolean
}

export const status = open({
  party,
  name: text(),
  version: text(),
  ready: flag,
  cluster_digest: digest,
  parties: integer(3, 9),
  threshold: integer(1, 4),
  mode: text(),
  login_server: party,
  peers: list(open<PeerStatus>({ party, connected: flag }), 9),
  time: moment,
})
export type Status = ReturnType<typeof status>

export const registered = open({ uid: userId, email: text() })
export const loggedIn = open({ access_tokens: list(open({ server: text(), access_token: text() }), 9) })

export interface AuctionAnswer {
  readonly id: string
  readonly spec: Json
  readonly state: AuctionState
  readonly state_since: string
  readonly stage: string
  readonly fraction: number
  readonly waiting_for: readonly number[]
  readonly failure: string | null
  readonly bids: number
  readonly sealing_keys: readonly { readonly party: number; readonly statement: Bytes }[]
  readonly close_vouchers: readonly number[]
  readonly cancel_vouchers: readonly number[]
}

const nullableText = (value: unknown, place: string): string | null => (value === null ? null : text()(value, place))

export const auction = open<AuctionAnswer>({
  id: digest,
  spec: json,
  state,
  state_since: moment,
  stage: optional(text(), ''),
  fraction: optional(number, 0),
  waiting_for: optional(numbers, []),
  failure: optional(nullableText, null),
  bids: count,
  sealing_keys: list(open({ party, statement: bytes }), 9),
  close_vouchers: optional(numbers, []),
  cancel_vouchers: optional(numbers, []),
})

export const auctions = open({ auctions: list(auction, 100) })

export const receipt = open({ statement: bytes })

export const relayedReceipts = open({ bundle: digest, receipts_of: numbers })

export interface OwnBidAnswer {
  readonly revision: number
  readonly bundle: string
  readonly withdrawal: boolean
  readonly received_at: string
  readonly statement: Bytes
}

export const ownBids = open({
  bids: list(
    open<OwnBidAnswer>({
      revision: integer(1, 2 ** 32 - 1),
      bundle: digest,
      withdrawal: flag,
      received_at: moment,
      statement: bytes,
    }),
  ),
})

export const progress = open({
  state,
  stage: optional(text(), ''),
  fraction: optional(number, 0),
  waiting_for: optional(numbers, []),
  bids: optional(count, 0),
})
export type Progress = ReturnType<typeof progress>

export const winners = open({ winners: list(open({ uid: userId, email: text() })) })

interface PageFile {
  readonly path: string
  readonly sha256: string
}

export const pageFiles = open({ digest, files: list(open<PageFile>({ path: text(/^[\w./-]+$/), sha256: digest }), 500) })
