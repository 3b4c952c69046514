/** The certificate and the audit records, believed only once they verify; and watching an auction until it is over. */

import { parseCertificate, type Certificate } from '../core/certificate'
import { PageError } from '../core/errors'
import { parseRecord, type AuditRecord } from '../core/record'
import { read } from '../core/schema'
import { verifyCertificate, type VerificationReport } from '../core/verification'
import { progress as progressReader, winners, type Progress } from './answers'
import { need, type Outcomes, type Parties } from './parties'
import type { Session } from './session'

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
      throw new PageError('forged-statement', `party ${party.number} gave a certificate that does not hold`, {
        party: party.number,
      })
    }
    return { certificate, report }
  })
  const found = [...need(outcomes, 1).values()]
  return found.reduce((best, one) => (one.report.signers.length > best.report.signers.length ? one : best))
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

/** The winners' addresses, which parties tell the auctioneer alone. */
export async function fetchWinners(parties: Parties, session: Session, auction: string): Promise<Map<string, string>> {
  const outcomes = await parties.each((party) =>
    party.askFor(winners, `/api/auctions/${auction}/winners`, { token: session.tokenAt(party.number) }),
  )
  const found = new Map<string, string>()
  for (const answer of outcomes.answers.values()) for (const one of answer.winners) found.set(one.uid, one.email)
  return found
}

/**
 * Follow what every party says about an auction, until stopped; the browser reconnects by itself.
 * @returns what stops it.
 */
export function watch(
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
        // A party that sends what cannot be read is not worth an interruption: progress is for people's eyes.
      }
    }
    return source
  })
  return () => {
    for (const source of sources) source.close()
  }
}
