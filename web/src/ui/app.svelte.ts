/** What all pages share: the parties, who is signed in, and the time by the parties' clocks. */

import { status as statusReader, type Status } from '../api/answers'
import { asPageError, Parties, type Outcomes } from '../api/parties'
import { logIn, register, Session } from '../api/session'
import { parseCluster } from '../core/cluster'
import { PageError } from '../core/errors'
import { canVerify } from '../core/statements'

const CLUSTER_TIMEOUT_MS = 10_000
const ASK_AGAIN_MS = 60_000
const TICK_MS = 1_000

interface SeenStatus {
  readonly status: Status
  /** The party's clock minus this browser's, in milliseconds. */
  readonly skew: number
  /** Half of the time that the answer took: the skew is known no better. */
  readonly precision: number
}

class App {
  parties = $state.raw<Parties | null>(null)
  statuses = $state.raw<Outcomes<SeenStatus>>({ answers: new Map(), errors: new Map() })
  session = $state.raw<Session | null>(null)
  /** Set when a token ran out while something was being done: the sign-in dialog opens over the page. */
  expired = $state(false)
  problem = $state.raw<PageError | null>(null)
  /** Whether this browser can verify the parties' signatures. */
  verifies = $state(true)
  /** The parties' time, which ticks once a second. */
  now = $state(Date.now())
  private skew = 0

  /** Load the cluster file from the party that served this page, then ask all parties how they are. */
  async start(): Promise<void> {
    this.problem = null
    try {
      this.verifies = await canVerify()
      const response = await fetch('api/cluster', { cache: 'no-store', signal: AbortSignal.timeout(CLUSTER_TIMEOUT_MS) })
      if (!response.ok) throw new PageError('party-unreachable', `status ${response.status}`)
      this.parties = new Parties(await parseCluster(new Uint8Array(await response.arrayBuffer())))
      this.session = Session.restore(sessionStorage)
      await this.askStatuses()
    } catch (error) {
      this.problem = error instanceof PageError ? error : new PageError('no-cluster', asPageError(error).message)
    }
    setInterval(() => {
      this.now = Date.now() + this.skew
    }, TICK_MS)
    setInterval(() => {
      if (!document.hidden) void this.askStatuses()
    }, ASK_AGAIN_MS)
  }

  async askStatuses(): Promise<void> {
    const { parties } = this
    if (!parties) return
    this.statuses = await parties.each(async (party) => {
      const answer = await party.ask('/api/status', { timeoutMs: 8_000 })
      const status = statusReader(JSON.parse(new TextDecoder().decode(answer.content)), 'status')
      const halfway = (answer.sentAt + answer.arrivedAt) / 2
      const precision = (answer.arrivedAt - answer.sentAt) / 2
      return { status, skew: Date.parse(status.time) - halfway, precision }
    })
    const skews = [...this.statuses.answers.values()].map((seen) => seen.skew).sort((one, other) => one - other)
    // The median: a minority of wrong clocks does not move it.
    this.skew = skews[Math.floor(skews.length / 2)] ?? 0
    this.now = Date.now() + this.skew
  }

  /** `t`, as most parties say. */
  get threshold(): number {
    const named = [...this.statuses.answers.values()].map((seen) => seen.status.threshold).sort((a, b) => a - b)
    const fallback = Math.floor(((this.parties?.cluster.parties.length ?? 5) - 1) / 2)
    return named[Math.floor(named.length / 2)] ?? fallback
  }

  get loginServer(): number {
    return [...this.statuses.answers.values()][0]?.status.login_server ?? 1
  }

  nameOf(party: number): string {
    return this.parties?.cluster.parties[party - 1]?.name ?? String(party)
  }

  async signIn(email: string, password: string): Promise<void> {
    if (!this.parties) throw new PageError('no-cluster', 'the parties are not known')
    const session = await logIn(this.parties, this.loginServer, email, password)
    session.keep(sessionStorage)
    this.session = session
    this.expired = false
  }

  async signUp(email: string, password: string): Promise<void> {
    if (!this.parties) throw new PageError('no-cluster', 'the parties are not known')
    await register(this.parties, this.loginServer, email, password)
    await this.signIn(email, password)
  }

  signOut(): void {
    Session.forget(sessionStorage)
    this.session = null
    this.expired = false
  }

  /** Notice that an error means that the tokens ran out; the page keeps what was typed and asks to sign in again. */
  notice(error: unknown): PageError {
    const found = asPageError(error)
    if (found.code === 'token-expired' || found.code === 'token-invalid') this.expired = true
    return found
  }
}

export const app = new App()
