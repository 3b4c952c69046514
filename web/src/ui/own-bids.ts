/** What was bid in this tab: kept in memory alone, and gone with it. No party can tell it. */

import type { Bytes } from '../core/encoding'

export interface OwnSecret {
  readonly price: string
  /** What the dealing follows from. */
  readonly key: Bytes
  /** The sealed bundle. */
  readonly content: Bytes
}

const secrets = new Map<string, OwnSecret>()
const typed = new Map<string, string>()

/** @param bundle the digest of what was sealed. */
export function rememberOwn(bundle: string, secret: OwnSecret): void {
  secrets.set(bundle, secret)
}

export function ownBid(bundle: string): OwnSecret | undefined {
  return secrets.get(bundle)
}

/** What is typed and not sent yet, by auction: it outlives a look at another page. */
export function rememberTyped(auction: string, text: string): void {
  typed.set(auction, text)
}

export function typedBefore(auction: string): string {
  return typed.get(auction) ?? ''
}
