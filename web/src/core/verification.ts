/**
 * Verifying a certificate in the reader's own browser, line by line, as `aukciszek verify` does offline. A certificate
 * is valid if at least t + 1 parties signed it, as one of them is honest.
 */

import { validBids, type Certificate } from './certificate'
import { check, type Check } from './checks'
import type { Cluster } from './cluster'
import type { OpenedBid } from './opening'
import { checkOpening } from './opening-verdict'
import { inTime, readReceipts, type ReceiptFile } from './receipts'
import { outcomeBody, verifies } from './statements'

export interface VerificationReport {
  readonly checks: readonly Check[]
  readonly valid: boolean
  /** Whose signatures are genuine. */
  readonly signers: readonly number[]
}

/**
 * @param trusted the cluster that the verifier trusts; without it the one inside the certificate is used, and its
 *   digest shown for comparison.
 * @param receipts the verifier's own, if it was a bidder.
 * @param opening a bid that its bidder opened, to judge the outcome by.
 */
export async function verifyCertificate(
  certificate: Certificate,
  trusted?: Cluster,
  receipts?: ReceiptFile,
  opening?: OpenedBid,
): Promise<VerificationReport> {
  const signers = await genuineSigners(certificate)
  const checks = [
    checkCluster(certificate, trusted),
    checkSignatures(certificate, signers),
    check('outcome', 'passed', `outcome.${certificate.body.outcome}`, {
      valid: validBids(certificate.body),
      bids: certificate.body.bids.length,
      minimum: certificate.body.spec.minimum_bids,
    }),
    ...(receipts ? await checkReceipts(certificate, receipts) : []),
    ...(opening ? await checkOpening(certificate, opening) : []),
  ]
  return { checks, valid: checks.every((one) => one.verdict !== 'failed'), signers }
}

async function genuineSigners(certificate: Certificate): Promise<number[]> {
  const { auction, cluster, digest } = certificate
  const verdicts = await Promise.all(
    certificate.signatures.map(async ({ party, signature }) => {
      const genuine = await verifies(cluster, party, 'outcome', outcomeBody(auction, party, digest), signature)
      return genuine ? party : 0
    }),
  )
  return verdicts.filter((party) => party > 0)
}

function checkCluster(certificate: Certificate, trusted?: Cluster): Check {
  const digest = certificate.cluster.digest
  if (!trusted) return check('cluster', 'not-checked', 'cluster.unknown', { digest })
  if (trusted.digest !== digest) return check('cluster', 'failed', 'cluster.other', { digest, trusted: trusted.digest })
  return check('cluster', 'passed', 'cluster.same', { digest })
}

function checkSignatures(certificate: Certificate, signers: readonly number[]): Check {
  const { parties, threshold } = certificate.body.spec
  const needed = threshold + 1
  const wrong = certificate.signatures.map((one) => one.party).filter((party) => !signers.includes(party))
  const values = { signed: signers.length, parties, needed, wrong: wrong.join(', ') }
  if (wrong.length) return check('signatures', 'failed', 'signatures.forged', values)
  if (signers.length < needed) return check('signatures', 'failed', 'signatures.few', values)
  return check('signatures', 'passed', 'signatures.enough', values)
}

async function checkReceipts(certificate: Certificate, file: ReceiptFile): Promise<Check[]> {
  if (file.auction !== certificate.auction) return [check('receipts', 'failed', 'receipts.elsewhere')]
  const punctual: number[] = []
  for (const bid of file.bids) {
    try {
      const found = await readReceipts(bid, certificate.cluster)
      if (found.some((one) => one.auction !== certificate.auction || one.bundle !== bid.bundle)) {
        return [check('receipts', 'failed', 'receipts.mixed', { revision: bid.revision })]
      }
      const closesAt = certificate.body.spec.closes_at
      punctual.push(new Set(found.filter((one) => inTime(one.received_at, closesAt)).map((one) => one.party)).size)
    } catch {
      return [check('receipts', 'failed', 'receipts.forged', { revision: bid.revision })]
    }
  }
  return [
    check('receipts', 'passed', 'receipts.genuine', { count: file.bids.length }),
    checkOwnBid(certificate, file.bids, punctual),
  ]
}

function checkOwnBid(certificate: Certificate, bids: ReceiptFile['bids'], punctual: readonly number[]): Check {
  const { body } = certificate
  const needed = body.spec.threshold + 1
  const last = punctual.findLastIndex((count) => count >= needed)
  const settled = bids[last]
  if (!settled) return check('own-bid', 'not-checked', 'own.unsettled', { needed })
  // A later revision may have counted too, through receipts that never reached the bidder.
  const candidates = bids.slice(last)
  const counted = bids.filter((bid) => body.bids.includes(bid.bundle))
  const outdated = counted.findLast((bid) => !candidates.includes(bid))
  if (outdated) return check('own-bid', 'failed', 'own.outdated', { revision: outdated.revision })
  const own = counted.at(-1)
  if (!own) {
    if (candidates.some((bid) => bid.withdrawal)) return check('own-bid', 'passed', 'own.withdrawn')
    return check('own-bid', 'failed', 'own.missing', { revision: settled.revision, receipts: punctual[last] ?? 0 })
  }
  const leftOut = body.left_out.find((one) => one.bundle === own.bundle)
  if (leftOut) return check('own-bid', 'failed', 'own.void', { revision: own.revision, reason: leftOut.reason })
  const won = body.winners.some((winner) => winner.bundle === own.bundle)
  return check('own-bid', 'passed', won ? 'own.won' : 'own.lost', { revision: own.revision })
}
