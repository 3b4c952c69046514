/**
 * Sealing a bid into a bundle (docs/protocol.md, "Sealing"), and opening an envelope, which the parties do and the
 * tests here. HPKE in base mode with the hybrid KEM X-Wing, HKDF-SHA256 and AES-256-GCM.
 */

import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core'
import { XWing } from '@hpke/hybridkem-x-wing'

import { contentBytes, type BidPlace, type Bundle } from './bundle'
import { MASKS, proveDegree, readElements, SALTS, shareFits, spellElements } from './degree'
import { concat, equal, fromHex, labelled, labelledSha256, uuidBytes, type Bytes } from './encoding'
import { PageError } from './errors'
import { systemRandom } from './field'
import { deal, type Dealing } from './sharing'
import { KEY_BYTES } from './stream'

const ENCAPSULATED_BYTES = 1120

function suite(): CipherSuite {
  return new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
}

/** What HPKE binds an envelope to: protocol version, auction, bidder, revision and party. */
export function envelopeInfo(place: BidPlace, party: number): Bytes {
  const tail = new Uint8Array(5)
  new DataView(tail.buffer).setUint32(0, place.revision)
  tail[4] = party
  return labelled('envelope', fromHex(place.auction), uuidBytes(place.bidder), tail)
}

/** The commitment to an envelope's content; the salts in it hide the shares. */
export async function commitmentTo(auction: string, party: number, content: Uint8Array): Promise<Bytes> {
  return labelledSha256('share', fromHex(auction), Uint8Array.of(party), content)
}

/** Everything public that the proof of degree stands for; its challenge is derived from this. */
async function proofContext(
  place: BidPlace,
  threshold: number,
  bits: number,
  commitments: readonly Bytes[],
): Promise<Bytes> {
  const shape = Uint8Array.of(commitments.length, threshold, bits)
  return labelledSha256('degree', envelopeInfo(place, 0), shape, ...commitments)
}

/** Seal `plaintext` so that it opens with the private half of `publicKey` and the same `info` alone. */
export async function sealTo(publicKey: Bytes, plaintext: Bytes, info: Bytes): Promise<Bytes> {
  const hpke = suite()
  try {
    const recipientPublicKey = await hpke.kem.deserializePublicKey(publicKey)
    const sender = await hpke.createSenderContext({ recipientPublicKey, info })
    return concat(new Uint8Array(sender.enc), new Uint8Array(await sender.seal(plaintext)))
  } catch (error) {
    throw new PageError('malformed-sealing-key', `nothing can be sealed to this key: ${String(error)}`)
  }
}

export interface SealedBid {
  readonly bundle: Bundle
  /** What each envelope holds (the bits, the salts, the masks of the proof); it never leaves this page. */
  readonly dealing: Dealing
  /** What the whole dealing follows from, with the bits; as secret as the price. */
  readonly key: Bytes
}

/** Deal a bid's bits, with salts and masks: the same for the same key. */
export function dealBid(bits: readonly number[], parties: number, threshold: number, key: Bytes): Promise<Dealing> {
  if (bits.some((bit) => bit !== 0 && bit !== 1)) throw new RangeError('only bits can be sealed')
  return deal(bits.map(BigInt), SALTS + MASKS, parties, threshold, key)
}

/**
 * Seal a bid.
 * @param bits the digits of the price's step, the most significant first.
 * @param sealingKeys one for each party, in the order of their numbers.
 * @param key what salts, masks and polynomials follow from; those of the envelopes always come from the browser.
 */
export async function sealBid(
  place: BidPlace,
  bits: readonly number[],
  threshold: number,
  sealingKeys: readonly Bytes[],
  key: Bytes = systemRandom(KEY_BYTES),
): Promise<SealedBid> {
  const dealing = await dealBid(bits, sealingKeys.length, threshold, key)
  const contents = dealing.shares.map(spellElements)
  const commitments = await Promise.all(
    contents.map((content, index) => commitmentTo(place.auction, index + 1, content)),
  )
  const envelopes = await Promise.all(
    contents.map((content, index) =>
      sealTo(sealingKeys[index] ?? new Uint8Array(), content, envelopeInfo(place, index + 1)),
    ),
  )
  const proof = await proveDegree(dealing, await proofContext(place, threshold, bits.length, commitments))
  return { bundle: { ...place, threshold, bits: bits.length, commitments, proof, envelopes }, dealing, key }
}

/**
 * Open one party's envelope as that party does.
 * @param seed the 32-byte private sealing key.
 * @returns one field element for each bit.
 * @throws PageError with the code envelope-does-not-open, -wrong-size, -wrong-commitment, -bad-element or -wrong-degree.
 */
export async function openEnvelope(bundle: Bundle, party: number, seed: Bytes): Promise<bigint[]> {
  const envelope = bundle.envelopes[party - 1]
  if (!envelope) throw new RangeError('this bundle has no envelope for this party')
  const row = await checkRow(bundle, party, await unseal(envelope, seed, envelopeInfo(bundle, party)))
  return row.slice(0, bundle.bits)
}

/**
 * Check what is in an envelope, or is said to be in it.
 * @returns all that the party was dealt: one field element for each bit, each salt and each mask.
 * @throws PageError with the code envelope-wrong-size, -wrong-commitment, -bad-element or -wrong-degree.
 */
export async function checkRow(bundle: Bundle, party: number, content: Bytes): Promise<bigint[]> {
  const commitment = bundle.commitments[party - 1]
  if (!commitment) throw new RangeError('this bundle has no envelope for this party')
  if (content.length !== contentBytes(bundle.bits)) throw new PageError('envelope-wrong-size', 'wrong length')
  if (!equal(await commitmentTo(bundle.auction, party, content), commitment)) {
    throw new PageError('envelope-wrong-commitment', 'the content is not what the bundle commits to')
  }
  const dealt = readElements(content)
  if (!dealt) throw new PageError('envelope-bad-element', 'a number is beyond the field')
  const context = await proofContext(bundle, bundle.threshold, bundle.bits, bundle.commitments)
  if (!(await shareFits(dealt, party, bundle.threshold, bundle.proof, context))) {
    throw new PageError('envelope-wrong-degree', 'the share contradicts the proof of degree')
  }
  return dealt
}

/** Open what was sealed to the public half of `seed` under `info`. */
export async function unseal(sealed: Bytes, seed: Bytes, info: Bytes): Promise<Bytes> {
  const hpke = suite()
  try {
    const recipientKey = await hpke.kem.deserializePrivateKey(seed)
    const enc = sealed.slice(0, ENCAPSULATED_BYTES)
    const recipient = await hpke.createRecipientContext({ recipientKey, enc, info })
    return new Uint8Array(await recipient.open(sealed.slice(ENCAPSULATED_BYTES)))
  } catch (error) {
    throw new PageError('envelope-does-not-open', `sealed to another key or place, or changed: ${String(error)}`)
  }
}
