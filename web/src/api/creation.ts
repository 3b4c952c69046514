/** Creating an auction: its rules are frozen here, and registered with every party under their hash. */

import { canonicalJson, type Json } from '../core/encoding'
import type { PageError } from '../core/errors'
import { systemRandom } from '../core/field'
import { auctionId, freeze, type AuctionSpec, type Draft } from '../core/spec'
import { auction as auctionReader } from './answers'
import { need, type Parties } from './parties'
import type { Session } from './session'

interface Frozen {
  readonly origin: string
  readonly spec: AuctionSpec
  readonly id: string
}

/** In whose name an auction is created, and with which threshold. */
interface Creator {
  readonly session: Session
  readonly threshold: number
}

/**
 * Creates auctions. If too few parties answered, some may have registered the
 * auction; so rules that were sent once are sent again unchanged, as long as the auctioneer's entries are the same.
 */
export class AuctionCreation {
  private frozen: Frozen | null = null

  constructor(private readonly parties: Parties) {}

  /**
   * @param draft the rules as the auctioneer entered them.
   * @param origin what was entered: the same text again is a repeat.
   * @param onSettled is called for each party, with the error of one that did not register the rules.
   * @returns the auction's id.
   * @throws PageError if the draft is against a rule, or fewer than t + 1 parties registered it.
   */
  async create(
    draft: Draft,
    origin: string,
    creator: Creator,
    onSettled: (party: number, error: PageError | null) => void,
  ): Promise<string> {
    const { session, threshold } = creator
    const { spec, id } = (this.frozen = await this.freeze(draft, `${session.uid}/${threshold}/${origin}`, creator))
    const outcomes = await this.parties.each(
      async (party) => {
        await party.askFor(auctionReader, '/api/auctions', {
          method: 'POST',
          body: canonicalJson(spec as unknown as Json),
          token: session.tokenAt(party.number),
        })
        return null
      },
      this.parties.numbers,
      onSettled,
    )
    need(outcomes, threshold + 1)
    this.frozen = null
    return id
  }

  private async freeze(draft: Draft, origin: string, { session, threshold }: Creator): Promise<Frozen> {
    if (this.frozen?.origin === origin) return this.frozen
    const { cluster } = this.parties
    const spec = await freeze(draft, {
      auctioneer: session.uid,
      cluster: cluster.digest,
      parties: cluster.parties.length,
      threshold,
      nonce: systemRandom(32),
    })
    return { origin, spec, id: await auctionId(spec) }
  }
}
