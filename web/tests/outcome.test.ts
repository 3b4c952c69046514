/** The outcome as the page fetches it: from parties that have it, do not have it yet, or are corrupt. */

import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'

import { fetchCertificate, openedAccordingTo, waitForCertificate } from '../src/api/outcome'
import type { Certificate } from '../src/core/certificate'
import type { AuditRecord } from '../src/core/record'
import { ANN, BOB, Evidence } from './evidence'
import { networkOf, problem } from './network'
import { codeOf } from './vectors'

let evidence: Evidence
let certificate: Certificate

beforeAll(async () => {
  evidence = await Evidence.of()
  const [best, other] = [await evidence.seal(ANN, 100), await evidence.seal(BOB, 200)]
  certificate = await evidence.certificate([best, other], [[best, '50.00']])
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

test('a certificate that one party gives is enough, and one that is not valid is rejected', async () => {
  const parties = networkOf(evidence.cluster, ({ party }) =>
    party === 4 ? new Response(certificate.content) : problem(404, 'no-outcome-yet'),
  )
  const found = await fetchCertificate(parties, evidence.auction)
  expect(found.certificate.digest).toBe(certificate.digest)
  expect(found.report).toMatchObject({ valid: true, signers: [1, 2, 3, 4, 5] })

  const changed = new Uint8Array(certificate.content)
  const place = new TextDecoder().decode(changed).indexOf('"50.00"') + 1
  changed[place] = '4'.charCodeAt(0)
  const corrupt = networkOf(evidence.cluster, () => new Response(changed))
  expect(await codeOf(() => fetchCertificate(corrupt, evidence.auction))).toBe('forged-statement')
})

test('missing signatures are waited for, for a limited time', async () => {
  let asked = 0
  let isReady = false
  const parties = networkOf(evidence.cluster, () => {
    asked += 1
    return isReady ? new Response(certificate.content) : problem(404, 'no-outcome-yet')
  })
  const waiting = waitForCertificate(parties, evidence.auction)
  await vi.waitUntil(() => vi.getTimerCount() === 1)
  isReady = true
  await vi.advanceTimersByTimeAsync(1_000)
  expect((await waiting).certificate.auction).toBe(evidence.auction)
  expect(asked).toBe(10)

  isReady = false
  let code: string | null | undefined
  void codeOf(() => waitForCertificate(parties, evidence.auction)).then((found) => (code = found))
  await vi.waitUntil(
    async () => {
      await vi.advanceTimersByTimeAsync(1_000)
      return code !== undefined
    },
    { interval: 0 },
  )
  expect(code).toBe('no-outcome-yet')
})

test('any other error than a missing outcome is reported at once', async () => {
  const parties = networkOf(evidence.cluster, () => problem(404, 'unknown-auction'))
  expect(await codeOf(() => waitForCertificate(parties, evidence.auction))).toBe('unknown-auction')
})

function record(party: number, revealed: Record<string, number>): AuditRecord {
  const opened = Object.entries(revealed).map(([reason, count]) => ({ reason, values: Array<number>(count).fill(0) }))
  const entry = { seq: 1, at: '', actor: '', action: '', previous_hash: '', hash: '', details: { revealed: opened } }
  return { version: 1, auction: evidence.auction, party, entries: [entry] }
}

test('of what the records say was opened, the largest numbers are shown', () => {
  const records = [record(1, { winners: 1 }), record(2, { winners: 2, prices: 1 }), record(3, {})]
  expect(openedAccordingTo(records)).toEqual([
    { reason: 'winners', values: 2 },
    { reason: 'prices', values: 1 },
  ])
})
