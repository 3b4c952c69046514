/** The certificate and the audit records, accepted only once verified. */

import { parseCertificate, type Certificate } from '../core/certificate'
import { PageError } from '../core/errors'
import { openedIn, parseRecord, type AuditRecord, type Opened } from '../core/record'
import { verifyCertificate, type VerificationReport } from '../core/verification'
import { winners } from './answers'
import { asPageError, need, type Outcomes, type Parties } from './parties'
import type { Session } from './session'

const ASK_AGAIN_MS = 1_000
const MOST_ATTEMPTS = 21

export interface VerifiedCertificate {
  readonly certificate: Certificate
  readonly report: VerificationReport
}

/** The certificate that most parties have signed, of those that verify against the page's own cluster file. */
export async function fetchCertificate(parties: Parties, auction: string): Promise<VerifiedCertificate> {
  const outcomes = await parties.each(async (party) => {
    const { content } = await party.ask(`/api/auctions/${auction}/certificate`)
    const certificate = await parseCertificate(content)
    const report = await verifyCertificate(certificate, parties.cluster)
    if (certificate.auction !== auction || !report.valid) {
      throw new PageError('forged-statement', `party ${party.number} gave a certificate that is not valid`, {
        party: party.number,
      })
    }
    return { certificate, report }
  })
  const found = [...need(outcomes, 1).values()]
  return found.reduce((best, one) => (one.report.signers.length > best.report.signers.length ? one : best))
}

/** The same, for an auction that is over: the other parties' signatures arrive a moment after the first one. */
export async function waitForCertificate(parties: Parties, auction: string): Promise<VerifiedCertificate> {
  for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt++) {
    try {
      return await fetchCertificate(parties, auction)
    } catch (error) {
      if (asPageError(error).code !== 'no-outcome-yet') throw error
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
  }
  return fetchCertificate(parties, auction)
}

/** Each party's audit record; one whose chain is broken counts as an error. */
export async function fetchRecords(parties: Parties, auction: string): Promise<Outcomes<AuditRecord>> {
  return parties.each(async (party) => {
    const { content } = await party.ask(`/api/auctions/${auction}/record`)
    const record = await parseRecord(content)
    if (record.auction !== auction || record.party !== party.number) {
      throw new PageError('forged-statement', `party ${party.number} gave another record`, { party: party.number })
    }
    return record
  })
}

/** What was opened, and how many values of each: the largest number that any of the records names. */
export function openedAccordingTo(records: Iterable<AuditRecord>): Opened[] {
  const most = new Map<string, number>()
  for (const record of records) {
    for (const { reason, values } of openedIn(record)) most.set(reason, Math.max(most.get(reason) ?? 0, values))
  }
  return [...most].map(([reason, values]) => ({ reason, values }))
}

/** The winners' addresses, which the parties give to the auctioneer only. */
export async function fetchWinners(parties: Parties, session: Session, auction: string): Promise<Map<string, string>> {
  const outcomes = await parties.each((party) =>
    party.askFor(winners, `/api/auctions/${auction}/winners`, { token: session.tokenAt(party.number) }),
  )
  const found = new Map<string, string>()
  for (const answer of outcomes.answers.values()) for (const one of answer.winners) found.set(one.uid, one.email)
  return found
}
