/** Files that the reader gives to this page, and takes from it. They stay on the reader's own computer. */

import type { Bytes } from '../core/encoding'

/** A file name that is different for each auction. */
export function fileName(content: 'certificate' | 'receipts' | 'opened-bid', auction: string): string {
  return `aukciszek-${content}-${auction.slice(0, 12)}.json`
}

/** What is in the chosen file; null if none is chosen. */
export async function contentOf(input: HTMLInputElement): Promise<Bytes | null> {
  const file = input.files?.[0]
  return file ? new Uint8Array(await file.arrayBuffer()) : null
}

/** Let the reader save a file that was made in this page. */
export function download(name: string, content: BlobPart, type = 'application/json'): void {
  const address = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
