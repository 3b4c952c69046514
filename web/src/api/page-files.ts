/**
 * What page each party serves: every file is fetched from every party and hashed here, so that a party cannot merely
 * claim a digest. (A party could still serve another page to other visitors; the page of the trustees says so.)
 */

import { canonicalJson, sha256, toHex } from '../core/encoding'
import { pageFiles } from './answers'
import type { PartyConnection } from './connection'
import type { Outcomes, Parties } from './parties'

export interface MeasuredPage {
  /** Over the files as they were fetched. */
  readonly digest: string
  /** Whether the party claims the same digest. */
  readonly isAsClaimed: boolean
}

async function measure(party: PartyConnection): Promise<MeasuredPage> {
  const claimed = await party.askFor(pageFiles, '/api/page')
  const found = await Promise.all(
    claimed.files.map(async ({ path }): Promise<[string, string]> => {
      const { content } = await party.ask(path === 'index.html' ? '/' : `/${path}`)
      return [path, toHex(await sha256(content))]
    }),
  )
  const digest = toHex(await sha256(canonicalJson(Object.fromEntries(found))))
  return { digest, isAsClaimed: digest === claimed.digest }
}

export function measurePage(parties: Parties): Promise<Outcomes<MeasuredPage>> {
  return parties.each(measure)
}
