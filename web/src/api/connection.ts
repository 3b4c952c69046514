/**
 * HTTP to one party: a time limit, repeats with growing pauses where a repeat does no harm, and the party's problem
 * documents (RFC 9457) as errors with their code. Answers are not verified here.
 */

import type { PartyEntry } from '../core/cluster'
import { fromUtf8, type Bytes } from '../core/encoding'
import { PageError } from '../core/errors'
import { read, type Reader } from '../core/schema'

const TIMEOUT_MS = 20_000
const PAUSES_MS = [250, 750]
const TRY_AGAIN: readonly number[] = [429, 502, 503, 504]

/** A party said no. */
export class RefusedError extends PageError {
  constructor(
    readonly party: number,
    readonly status: number,
    code: string,
    /** The party's own words, in English. */
    detail: string,
  ) {
    super(code, detail, { party })
  }
}

/** No answer in time. */
export class UnreachableError extends PageError {
  constructor(
    readonly party: number,
    message: string,
  ) {
    super('party-unreachable', message, { party })
  }
}

export interface Request {
  readonly method?: 'GET' | 'POST'
  readonly body?: Bytes
  readonly contentType?: string
  /** The user's access token at this party. */
  readonly token?: string | undefined
  /** Whether the request does the same when it arrives twice. */
  readonly repeatable?: boolean
  readonly timeoutMs?: number
}

export interface Answer {
  readonly content: Bytes
  readonly headers: Headers
  readonly sentAt: number
  readonly arrivedAt: number
}

/** How a page reaches the network; tests pass their own. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const browserFetch: Fetch = (url, init) => fetch(url, init)

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function refusal(party: number, response: Response): Promise<RefusedError> {
  let code = `http-${response.status}`
  let detail = response.statusText
  try {
    const problem = (await response.json()) as { code?: unknown; detail?: unknown }
    if (typeof problem.code === 'string') code = problem.code
    if (typeof problem.detail === 'string') detail = problem.detail
  } catch {
    // Not a problem document: the status has to do.
  }
  return new RefusedError(party, response.status, code, detail)
}

/** The way to one party. */
export class PartyConnection {
  readonly number: number
  private readonly url: string

  constructor(
    readonly entry: PartyEntry,
    private readonly network: Fetch = browserFetch,
  ) {
    this.number = entry.number
    this.url = entry.url
  }

  address(path: string): string {
    return `${this.url}${path}`
  }

  /** @throws RefusedError or UnreachableError. */
  async ask(path: string, request: Request = {}): Promise<Answer> {
    for (const wait of PAUSES_MS) {
      try {
        return await this.askOnce(path, request)
      } catch (error) {
        const again =
          request.repeatable !== false &&
          (error instanceof UnreachableError || (error instanceof RefusedError && TRY_AGAIN.includes(error.status)))
        if (!again) throw error
      }
      // Jitter, so that many pages do not come back at the same moment.
      await pause(wait * (0.5 + Math.random()))
    }
    return this.askOnce(path, request)
  }

  async askFor<T>(reader: Reader<T>, path: string, request: Request = {}): Promise<T> {
    const answer = await this.ask(path, request)
    try {
      return read(reader, JSON.parse(fromUtf8(answer.content)))
    } catch (error) {
      throw new PageError('answer-not-understood', `party ${this.number}: ${String(error)}`, { party: this.number })
    }
  }

  private async askOnce(path: string, request: Request): Promise<Answer> {
    const headers: Record<string, string> = {}
    if (request.body) headers['Content-Type'] = request.contentType ?? 'application/json'
    if (request.token) headers['Authorization'] = `Bearer ${request.token}`
    const sentAt = Date.now()
    let response: Response
    let content: Bytes
    try {
      response = await this.network(this.address(path), {
        method: request.method ?? 'GET',
        headers,
        ...(request.body ? { body: request.body } : {}),
        cache: 'no-store',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        redirect: 'error',
        signal: AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS),
      })
      if (!response.ok) throw await refusal(this.number, response)
      content = new Uint8Array(await response.arrayBuffer())
    } catch (error) {
      if (error instanceof RefusedError) throw error
      throw new UnreachableError(this.number, `party ${this.number} gave no answer: ${String(error)}`)
    }
    return { content, headers: response.headers, sentAt, arrivedAt: Date.now() }
  }
}
