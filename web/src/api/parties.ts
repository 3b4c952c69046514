/** All parties at once: each is asked at the same time, and each answers or fails for itself. */

import type { Cluster } from '../core/cluster'
import { PageError } from '../core/errors'
import { PartyConnection, type Fetch } from './connection'

export interface Outcomes<T> {
  readonly answers: ReadonlyMap<number, T>
  readonly errors: ReadonlyMap<number, PageError>
}

export function asPageError(error: unknown): PageError {
  if (error instanceof PageError) return error
  return new PageError('internal-page-error', String(error))
}

export class Parties {
  private readonly connections: readonly PartyConnection[]

  constructor(
    readonly cluster: Cluster,
    network?: Fetch,
  ) {
    this.connections = cluster.parties.map((entry) => new PartyConnection(entry, network))
  }

  at(number: number): PartyConnection {
    const connection = this.connections[number - 1]
    if (!connection) throw new RangeError(`there is no party ${number}`)
    return connection
  }

  get numbers(): readonly number[] {
    return this.connections.map((connection) => connection.number)
  }

  /** @param onSettled is called as soon as a party has answered or failed. */
  async each<T>(
    work: (party: PartyConnection) => Promise<T>,
    only: readonly number[] = this.numbers,
    onSettled: (party: number, outcome: T | PageError) => void = () => undefined,
  ): Promise<Outcomes<T>> {
    const answers = new Map<number, T>()
    const errors = new Map<number, PageError>()
    await Promise.all(
      only.map(async (number) => {
        try {
          const answer = await work(this.at(number))
          answers.set(number, answer)
          onSettled(number, answer)
        } catch (thrown) {
          const error = asPageError(thrown)
          errors.set(number, error)
          onSettled(number, error)
        }
      }),
    )
    return { answers, errors }
  }
}

/** @throws PageError with the code of what most parties that failed say, if fewer than `least` answered. */
export function need<T>(outcomes: Outcomes<T>, least: number): ReadonlyMap<number, T> {
  if (outcomes.answers.size >= least) return outcomes.answers
  const all = [...outcomes.errors.values()]
  const refused = all.filter((error) => error.code !== 'party-unreachable')
  // What a party says is worth more to the reader than that another one is silent.
  const telling = refused.length ? refused : all
  const counts = new Map<string, number>()
  for (const error of telling) counts.set(error.code, (counts.get(error.code) ?? 0) + 1)
  const [code] = [...counts].sort((one, other) => other[1] - one[1])[0] ?? ['party-unreachable']
  throw (
    telling.find((error) => error.code === code) ?? new PageError('party-unreachable', 'too few parties gave an answer')
  )
}
