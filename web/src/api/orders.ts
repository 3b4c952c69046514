/** The auctioneer's orders: to close an auction early, or to cancel it before the close. */

import type { PageError } from '../core/errors'
import { need, type Parties } from './parties'
import type { Session } from './session'

export type Order = 'close' | 'cancel'

/**
 * Give an order to all parties.
 * @param needed how many must vouch for it.
 * @param onSettled is called for each party, with the error of one that did not accept the order.
 * @throws PageError with what most parties say, if too few accepted it.
 */
export async function giveOrder(
  parties: Parties,
  session: Session,
  auction: string,
  order: Order,
  needed: number,
  onSettled: (party: number, error: PageError | null) => void,
): Promise<void> {
  const outcomes = await parties.each(
    async (party) => {
      await party.ask(`/api/auctions/${auction}/${order}`, { method: 'POST', token: session.tokenAt(party.number) })
      return null
    },
    parties.numbers,
    onSettled,
  )
  need(outcomes, needed)
}
