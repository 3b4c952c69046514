/** What bidders, parties and auditors of one auction hold: rules, sealed bids, receipts, certificates, opened bids. */

import { XWing } from '@hpke/hybridkem-x-wing'

import { bundleDigest, encodeBundle, withdrawalOf } from '../src/core/bundle'
import { parseCertificate, type Certificate } from '../src/core/certificate'
import { parseCluster, type Cluster } from '../src/core/cluster'
import { canonicalJson, labelledSha256, toBase64url, toHex, utf8, type Bytes, type Json } from '../src/core/encoding'
import { systemRandom } from '../src/core/field'
import { openBid, type OpenedBid } from '../src/core/opening'
import type { BidReceipts, ReceiptFile } from '../src/core/receipts'
import { sealBid } from '../src/core/sealing'
import { abandonedByDefault, auctionId, gridOf, parseSpec, type AuctionSpec } from '../src/core/spec'
import { KEY_BYTES } from '../src/core/stream'
import { outcomeBody } from '../src/core/statements'
import { clusterFile, receiptStatement, signature } from './network'

export const TIE_BREAK = '0f'.repeat(32)
export const [ANN, BOB, EVE, DAN] = [1, 2, 3, 4].map((number) => `0000000${number}-0000-4000-8000-000000000000`) as [
  string,
  string,
  string,
  string,
]
export const PARTIES = 5
export const EVERYBODY = [1, 2, 3, 4, 5]
const CLOSES = '2026-03-01T12:00:00.000Z'
const LATE = '2026-03-01T12:00:00.001Z'

/** Prices of this auction are half their step; the reserve is 900.00. */
export function rules(cluster: Cluster, changes: Partial<AuctionSpec> = {}): AuctionSpec {
  return parseSpec({
    version: 1,
    title: 'Beets',
    description: '',
    direction: 'reverse',
    format: 'first-price',
    winners: 1,
    currency: 'PLN',
    minimum: '0.00',
    maximum: '1000.00',
    step: '0.50',
    reserve_price: '900.00',
    minimum_bids: 1,
    opens_at: '2026-03-01T08:00:00.000Z',
    closes_at: CLOSES,
    abandons_at: abandonedByDefault(new Date(CLOSES)).toISOString(),
    early_close_allowed: true,
    cancel_allowed: false,
    invited: null,
    auctioneer: '11111111-1111-4111-8111-111111111111',
    nonce: 'ab'.repeat(32),
    cluster: cluster.digest,
    parties: PARTIES,
    threshold: 2,
    ...changes,
  })
}

export interface MadeBid {
  readonly content: Bytes
  readonly digest: string
  readonly bidder: string
  readonly revision: number
  readonly key: Bytes
  readonly step: bigint
}

export class Evidence {
  private constructor(
    readonly cluster: Cluster,
    readonly spec: AuctionSpec,
    readonly auction: string,
    private readonly keys: readonly Bytes[],
  ) {}

  static async of(changes: Partial<AuctionSpec> = {}): Promise<Evidence> {
    const cluster = await parseCluster(utf8(clusterFile(PARTIES)))
    const spec = rules(cluster, changes)
    const kem = new XWing()
    const keys = await Promise.all(
      EVERYBODY.map(async () => new Uint8Array(await kem.serializePublicKey((await kem.generateKeyPair()).publicKey))),
    )
    return new Evidence(cluster, spec, await auctionId(spec), keys)
  }

  async seal(bidder: string, step: number, revision = 1): Promise<MadeBid> {
    const key = systemRandom(KEY_BYTES)
    const bits = Array.from(step.toString(2).padStart(gridOf(this.spec).bits, '0'), Number)
    const place = { auction: this.auction, bidder, revision }
    const { bundle } = await sealBid(place, bits, this.spec.threshold, this.keys, key)
    const content = encodeBundle(bundle)
    return { content, digest: await bundleDigest(content), bidder, revision, key, step: BigInt(step) }
  }

  async withdrawal(bidder: string, revision: number): Promise<string> {
    return bundleDigest(encodeBundle(withdrawalOf({ auction: this.auction, bidder, revision })))
  }

  /** The receipts for one revision. */
  signed(bid: Pick<MadeBid, 'digest' | 'revision'>, parties: readonly number[], isLate = false): BidReceipts {
    const at = isLate ? LATE : CLOSES
    const receipts = parties.map((party) => receiptStatement(party, bid.digest, this.auction, at))
    return { bundle: bid.digest, revision: bid.revision, withdrawal: false, receipts }
  }

  receipts(bidder: string, ...bids: BidReceipts[]): ReceiptFile {
    return { version: 1, auction: this.auction, bidder, bids }
  }

  open(bid: MadeBid, receipts?: ReceiptFile): Promise<OpenedBid> {
    const all = receipts ?? this.receipts(bid.bidder, this.signed(bid, EVERYBODY))
    return openBid(bid.content, bid, all)
  }

  /** What all parties sign, whatever it says; without a winner, that the reserve was not met. */
  async certificate(bids: readonly MadeBid[], won: readonly [MadeBid, string][], changes: object = {}): Promise<Certificate> {
    const ordered = [...won].sort(([one], [other]) => (one.digest < other.digest ? -1 : 1))
    const prices = ordered.map(([, price]) => price)
    const body = {
      version: 1,
      spec: this.spec,
      bids: bids.map((bid) => bid.digest).sort(),
      left_out: [],
      tie_break_seed: TIE_BREAK,
      outcome: won.length ? 'sold' : 'reserve-not-met',
      winners: ordered.map(([{ digest, bidder }]) => ({ bundle: digest, bidder })),
      prices: this.spec.format === 'pay-as-bid' ? prices : prices.slice(0, 1),
      ...changes,
    } as unknown as Json
    const digest = toHex(await labelledSha256('certificate', canonicalJson(body)))
    const signatures = EVERYBODY.map((party) => ({
      party,
      signature: toBase64url(signature(party, 'outcome', outcomeBody(this.auction, party, digest))),
    }))
    return parseCertificate(canonicalJson({ version: 1, body, cluster_file: clusterFile(PARTIES), signatures }))
  }
}
