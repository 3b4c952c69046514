/**
 * What an opened bid says about a certificate (docs/protocol.md, "Opening one's own bid";
 * `protocol/evidence/opening_verdict.py`): nothing against it, or that the parties that signed it are wrong. A certificate
 * is valid on the assumption that at most t parties are corrupt; an opened bid needs no such assumption, and contradicts
 * even what all parties signed.
 */

import type { Certificate, CertificateBody } from './certificate'
import { check, type Check, type CheckValues, type Verdict } from './checks'
import type { Cluster } from './cluster'
import { contradiction } from './contradictions'
import { PageError } from './errors'
import { findBid, type FoundBid, type OpenedBid } from './opening'
import { inTime, readReceipts, type BidReceipts } from './receipts'
import { gridOf } from './spec'

/** The reasons for leaving a bid out that its rows can disprove; all others are about what an envelope held. */
const ABOUT_THE_BID: readonly string[] = ['not-bits', 'out-of-range']

/** One revision of the bid, with the parties whose genuine receipts its bidder shows. */
interface Revision extends Pick<BidReceipts, 'bundle' | 'revision' | 'withdrawal'> {
  readonly signed: ReadonlySet<number>
  readonly signedInTime: ReadonlySet<number>
}

/** Whether an opened bid is genuine and, if so, what follows from it. */
export async function checkOpening(certificate: Certificate, opened: OpenedBid): Promise<Check[]> {
  const { body } = certificate
  let found: FoundBid
  let revisions: readonly Revision[]
  try {
    found = await findBid(opened)
    checkFits(certificate, found)
    revisions = await Promise.all(opened.receipts.bids.map((bid) => readRevision(certificate, bid)))
  } catch (error) {
    const code = error instanceof PageError ? error.code : 'malformed-opening'
    return [check('opening', 'failed', 'opening.nothing', { code })]
  }
  const { revision, bidder } = found.bundle
  const values = { parties: body.spec.parties, revision, bidder }
  const genuine =
    found.step !== null && faultOf(body, found.step) === null
    ? check('opening', 'passed', 'opening.genuine', {
        ...values,
        price: gridOf(body.spec).toPrice(found.step),
        currency: body.spec.currency,
      })
    : check('opening', 'passed', 'opening.no-price', values)
  return [genuine, await judge(certificate, found, revisions)]
}

function judgement(verdict: Verdict, text: string, values: CheckValues = {}): Check {
  return check('opened-bid', verdict, `opened.${text}`, values)
}

async function judge(certificate: Certificate, found: FoundBid, revisions: readonly Revision[]): Promise<Check> {
  const { body } = certificate
  const { digest, step } = found
  if (!body.bids.includes(digest)) return judgeAbsence(certificate, found, revisions)
  const fault = faultOf(body, step)
  const leftOut = body.left_out.find((one) => one.bundle === digest)
  if (leftOut) {
    const signed = revisions.find((one) => one.bundle === digest)?.signed.size ?? 0
    return judgeLeftOut(body, leftOut.reason, fault, signed)
  }
  if (fault !== null || step === null) return judgement('failed', 'invalid-counted', { fault: fault ?? '' })
  const wrong = await contradiction(body, { bundle: digest, bidder: found.bundle.bidder, step })
  if (wrong !== null) return judgement('failed', `false.${wrong}`)
  const won = body.winners.some((winner) => winner.bundle === digest)
  return judgement('passed', won ? 'won' : 'lost')
}

/** Why a bid must be left out, as the stable code; null if it is valid. */
function faultOf(body: CertificateBody, step: bigint | null): string | null {
  if (step === null) return 'not-bits'
  return step > gridOf(body.spec).highestStep ? 'out-of-range' : null
}

function judgeLeftOut(body: CertificateBody, reason: string, fault: string | null, signed: number): Check {
  if (fault !== null) return judgement('passed', 'left-out.rightly', { reason, fault })
  if (ABOUT_THE_BID.includes(reason)) return judgement('failed', 'left-out.wrongly', { reason })
  const needed = body.spec.parties - body.spec.threshold
  return signed < needed
    ? judgement('not-checked', 'left-out.unknown', { reason, needed })
    : judgement('failed', 'left-out.signed', { reason, signed })
}

function judgeAbsence(certificate: Certificate, found: FoundBid, revisions: readonly Revision[]): Check {
  const { body, cluster } = certificate
  const needed = body.spec.threshold + 1
  const later = revisions.filter((one) => one.revision > found.bundle.revision)
  for (const one of later.sort((first, second) => first.revision - second.revision)) {
    const values = { revision: one.revision }
    if (body.bids.includes(one.bundle)) return judgement('passed', 'later-counted', values)
    if (one.signedInTime.size >= needed) {
      return one.withdrawal ? judgement('passed', 'withdrawn', values) : judgement('not-checked', 'replaced', values)
    }
    if (one.withdrawal && one.signed.size) return judgement('not-checked', 'maybe-withdrawn', values)
  }
  const signers = revisions.find((one) => one.bundle === found.digest)?.signedInTime ?? new Set<number>()
  if (signers.size < needed) return judgement('not-checked', 'unsettled', { needed, signed: signers.size })
  const also = certificate.signatures.map((one) => one.party).filter((party) => signers.has(party))
  const values = { parties: namesOf(cluster, [...signers]), also: namesOf(cluster, also) }
  return judgement('failed', also.length ? 'denied.signed' : 'denied', values)
}

function namesOf(cluster: Cluster, parties: readonly number[]): string {
  const sorted = [...parties].sort((one, other) => one - other)
  return sorted.map((party) => `${party} (${cluster.parties[party - 1]?.name ?? ''})`).join(', ')
}

function checkFits(certificate: Certificate, { bundle }: FoundBid): void {
  const { spec } = certificate.body
  const fits =
    bundle.auction === certificate.auction &&
    bundle.envelopes.length === spec.parties &&
    bundle.threshold === spec.threshold &&
    bundle.bits === gridOf(spec).bits
  if (!fits) throw new PageError('opening-does-not-fit', 'the opened bid is one of another auction')
}

/** @throws PageError if a receipt is not genuine, or for something else. */
async function readRevision(certificate: Certificate, bid: BidReceipts): Promise<Revision> {
  const receipts = await readReceipts(bid, certificate.cluster)
  if (receipts.some((one) => one.auction !== certificate.auction || one.bundle !== bid.bundle)) {
    throw new PageError('opening-does-not-fit', 'a receipt is for another bundle or auction')
  }
  const punctual = receipts.filter((one) => inTime(one.received_at, certificate.body.spec.closes_at))
  const { bundle, revision, withdrawal } = bid
  return {
    bundle,
    revision,
    withdrawal,
    signed: new Set(receipts.map((one) => one.party)),
    signedInTime: new Set(punctual.map((one) => one.party)),
  }
}
