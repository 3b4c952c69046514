/**
 * Who uses this tab, and the tokens that let them: one for each party, as the login server issued them. They live in
 * the tab's session storage and nowhere else. Only the party that a token is for can verify it; here it is only read.
 */

import { fromBase64url, fromUtf8 } from '../core/encoding'
import { PageError } from '../core/errors'
import { flag, integer, open, read, text, userId } from '../core/schema'
import { canonicalJson } from '../core/encoding'
import { loggedIn, registered } from './answers'
import type { Parties } from './parties'

const KEY = 'aukciszek.session'

const claims = open({ uid: userId, email: text(), isAdmin: flag, exp: integer(0, Number.MAX_SAFE_INTEGER) })

export class Session {
  private constructor(
    readonly uid: string,
    readonly email: string,
    readonly isAuctioneer: boolean,
    /** When the first of the tokens expires, in milliseconds by the login server's clock. */
    readonly expiresAt: number,
    private readonly tokens: readonly string[],
  ) {}

  /** @param tokens one for each party, in the order of their numbers. */
  static of(tokens: readonly string[]): Session {
    const all = tokens.map((token) => read(claims, JSON.parse(fromUtf8(fromBase64url(token.split('.')[1] ?? '')))))
    const [first] = all
    if (!first || all.some((one) => one.uid !== first.uid || one.isAdmin !== first.isAdmin)) {
      throw new PageError('answer-not-understood', 'the access tokens are not all for one user')
    }
    const expiresAt = Math.min(...all.map((one) => one.exp)) * 1000
    return new Session(first.uid, first.email, first.isAdmin, expiresAt, tokens)
  }

  tokenAt(party: number): string {
    const token = this.tokens[party - 1]
    if (token === undefined) throw new PageError('not-logged-in', `there is no token for party ${party}`)
    return token
  }

  keep(storage: Storage): void {
    storage.setItem(KEY, JSON.stringify(this.tokens))
  }

  static restore(storage: Storage): Session | null {
    try {
      const kept = JSON.parse(storage.getItem(KEY) ?? '[]') as string[]
      return kept.length ? Session.of(kept) : null
    } catch {
      storage.removeItem(KEY)
      return null
    }
  }

  static forget(storage: Storage): void {
    storage.removeItem(KEY)
  }
}

export async function register(parties: Parties, loginServer: number, email: string, password: string): Promise<void> {
  const body = canonicalJson({ email, password })
  await parties.at(loginServer).askFor(registered, '/api/auth/register', { method: 'POST', body, repeatable: false })
}

export async function logIn(parties: Parties, loginServer: number, email: string, password: string): Promise<Session> {
  const body = canonicalJson({ email, password })
  const answer = await parties
    .at(loginServer)
    .askFor(loggedIn, '/api/auth/login', { method: 'POST', body, repeatable: false })
  const issued = new Map(answer.access_tokens.map((one) => [one.server.replace(/\/$/, ''), one.access_token]))
  return Session.of(
    parties.cluster.parties.map(({ url }) => {
      const token = issued.get(url.replace(/\/$/, ''))
      if (!token) throw new PageError('answer-not-understood', `the login server issued no token for ${url}`)
      return token
    }),
  )
}
