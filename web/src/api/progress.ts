/** Following what the parties say about an auction while it runs. */

import { read } from '../core/schema'
import { progress as progressReader, type Progress } from './answers'
import type { Parties } from './parties'

/**
 * Follow every party's progress until stopped; the browser reconnects by itself.
 * @returns what stops it.
 */
export function followProgress(
  parties: Parties,
  auction: string,
  onProgress: (party: number, progress: Progress) => void,
): () => void {
  const sources = parties.numbers.map((number) => {
    const source = new EventSource(parties.at(number).address(`/api/auctions/${auction}/progress`))
    source.onmessage = (event) => {
      try {
        onProgress(number, read(progressReader, JSON.parse(String(event.data))))
      } catch {
        // Progress is shown and decides nothing: an event that cannot be read is skipped.
      }
    }
    return source
  })
  return () => {
    for (const source of sources) source.close()
  }
}
