/**
 * What can go wrong in the page itself. Each error has a stable code; `messages/*.json` says in the reader's language
 * what to do about it (`problem.<code>`).
 */

export type Details = Readonly<Record<string, string | number>>

export class PageError extends Error {
  /**
   * @param code names the problem in every language; the same codes as in docs/errors.md where the parties share it.
   * @param message for developers and for readers whose language has no text for the code.
   * @param details what the text in the reader's language is filled with; a `reason` among them picks a closer text
   *   (`problem.<reason>`).
   */
  constructor(
    readonly code: string,
    message: string,
    readonly details: Details = {},
  ) {
    super(message)
    this.name = 'PageError'
  }
}

/** Bytes or texts that are not in the one form that we accept. */
export function malformed(message: string): PageError {
  return new PageError('malformed-encoding', message)
}
