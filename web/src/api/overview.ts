/**
 * What the page believes about an auction, put together from what the parties say. Rules prove themselves by their id,
 * sealing keys by their signature; states and counts are claims of each party and shown as such.
 */

import type { Cluster } from '../core/cluster'
import type { Bytes } from '../core/encoding'
import { equal } from '../core/encoding'
import { PageError } from '../core/errors'
import { auctionId, parseSpec, type AuctionSpec } from '../core/spec'
import { readStatement, SEALING_KEY } from '../core/statements'
import { auction as auctionReader, auctions as auctionsReader, STATES, type AuctionAnswer, type AuctionState } from './answers'
import type { PartyConnection } from './connection'
import { asPageError, need, type Parties } from './parties'

export interface Overview {
  readonly id: string
  readonly spec: AuctionSpec
  /** What each party claims. */
  readonly answers: ReadonlyMap<number, AuctionAnswer>
  /** The parties that gave no usable answer. */
  readonly errors: ReadonlyMap<number, PageError>
  /** Verified keys, by the party that signed them. */
  readonly sealingKeys: ReadonlyMap<number, Bytes>
}

async function rulesOf(answer: AuctionAnswer, party: number, cluster: Cluster): Promise<AuctionSpec> {
  const spec = parseSpec(answer.spec)
  if ((await auctionId(spec)) !== answer.id) {
    throw new PageError('forged-statement', `party ${party} gave rules that do not belong to the auction's id`, { party })
  }
  if (spec.cluster !== cluster.digest) {
    throw new PageError('parties-disagree', 'the auction is run by another cluster', { party })
  }
  return spec
}

async function keysIn(answer: AuctionAnswer, party: number, cluster: Cluster): Promise<Map<number, Bytes>> {
  const keys = new Map<number, Bytes>()
  for (const relayed of answer.sealing_keys) {
    const statement = await readStatement(SEALING_KEY, relayed.statement, cluster)
    if (statement.auction !== answer.id || statement.party !== relayed.party) {
      throw new PageError('forged-statement', `party ${party} relays a sealing key from another place`, { party })
    }
    join(keys, statement.party, statement.public_key)
  }
  return keys
}

function join(keys: Map<number, Bytes>, party: number, key: Bytes): void {
  const known = keys.get(party)
  if (known && !equal(known, key)) {
    throw new PageError('two-sealing-keys', `party ${party} signed two sealing keys: do not bid`, { party })
  }
  keys.set(party, key)
}

async function combine(
  id: string,
  answers: ReadonlyMap<number, AuctionAnswer>,
  errors: ReadonlyMap<number, PageError>,
  cluster: Cluster,
  withKeys: boolean,
): Promise<Overview> {
  const good = new Map<number, AuctionAnswer>()
  const bad = new Map(errors)
  const sealingKeys = new Map<number, Bytes>()
  let spec: AuctionSpec | undefined
  for (const [party, answer] of answers) {
    let found: Map<number, Bytes>
    try {
      if (answer.id !== id) throw new PageError('forged-statement', `party ${party} answered about another auction`, { party })
      spec = await rulesOf(answer, party, cluster)
      found = withKeys ? await keysIn(answer, party, cluster) : new Map<number, Bytes>()
    } catch (error) {
      bad.set(party, asPageError(error))
      continue
    }
    good.set(party, answer)
    for (const [number, key] of found) join(sealingKeys, number, key)
  }
  if (!spec) throw [...bad.values()][0] ?? new PageError('party-unreachable', 'no party described the auction')
  return { id, spec, answers: good, errors: bad, sealingKeys }
}

/** What all parties together say about one auction. */
export async function describeAuction(parties: Parties, id: string): Promise<Overview> {
  const outcomes = await parties.each((party) => party.askFor(auctionReader, `/api/auctions/${id}`))
  return combine(id, need(outcomes, 1), outcomes.errors, parties.cluster, true)
}

/** A party's newest auctions, each page from where its own last one ended. */
async function newestOf(party: PartyConnection, pages: number): Promise<{ auctions: AuctionAnswer[] }> {
  const auctions: AuctionAnswer[] = []
  for (let page = 0; page < pages; page++) {
    const last = auctions.at(-1)
    const found = await party.askFor(auctionsReader, last ? `/api/auctions?before=${last.id}` : '/api/auctions')
    const fresh = found.auctions.filter((one) => !auctions.some((known) => known.id === one.id))
    if (fresh.length === 0) break
    auctions.push(...fresh)
  }
  return { auctions }
}

/** The newest auctions that any party knows. A party whose answer contradicts itself is ignored for that auction. */
export async function listAuctions(parties: Parties, pagesWanted = 1): Promise<Overview[]> {
  const outcomes = await parties.each((party) => newestOf(party, pagesWanted))
  const pages = need(outcomes, 1)
  const ids = new Set([...pages.values()].flatMap((page) => page.auctions.map((one) => one.id)))
  const found: Overview[] = []
  for (const id of ids) {
    const answers = new Map<number, AuctionAnswer>()
    for (const [party, page] of pages) {
      const answer = page.auctions.find((one) => one.id === id)
      if (answer) answers.set(party, answer)
    }
    try {
      found.push(await combine(id, answers, outcomes.errors, parties.cluster, false))
    } catch {
      // No party gave rules that belong to this id: there is no such auction.
    }
  }
  return found.sort((one, other) => other.spec.opens_at.localeCompare(one.spec.opens_at))
}

/** The state that most parties report; of several equally frequent ones, the earliest. */
export function stateOf(overview: Overview): AuctionState {
  const states = [...overview.answers.values()].map((answer) => answer.state)
  const votes = (state: AuctionState) => states.filter((one) => one === state).length
  return STATES.reduce((best, state) => (votes(state) > votes(best) ? state : best))
}

/** The state of an auction as it is shown: `cancelling` is reported by no party, but follows from what several report. */
export type ShownState = AuctionState | 'cancelling'

/** A party that is about to open something never cancels any more. */
const CANCELLABLE: readonly AuctionState[] = ['created', 'open', 'closed', 'agreeing', 'computing']

/**
 * The state to show. An auction that t + 1 parties vouch is cancelled takes no more bids, but is not `cancelled` before
 * the parties agreed on it after the close. As many must report it: one of them is honest.
 */
export function shownStateOf(overview: Overview): ShownState {
  const state = stateOf(overview)
  const needed = overview.spec.threshold + 1
  const reporters = [...overview.answers.values()].filter((answer) => new Set(answer.cancel_vouchers).size >= needed)
  return CANCELLABLE.includes(state) && reporters.length >= needed ? 'cancelling' : state
}

/** The number of bidders with a bid, as the party that has most reports it. */
export function bidsOf(overview: Overview): number {
  return Math.max(0, ...[...overview.answers.values()].map((answer) => answer.bids))
}

/** Every party's sealing key, in the order of their numbers. @throws PageError with the code sealing-keys-missing. */
export function allSealingKeys(overview: Overview): Bytes[] {
  return Array.from({ length: overview.spec.parties }, (_, index) => {
    const key = overview.sealingKeys.get(index + 1)
    if (!key) {
      throw new PageError('sealing-keys-missing', `the sealing key of party ${index + 1} is not known yet`, {
        party: index + 1,
      })
    }
    return key
  })
}
