/** Files that the reader gives to this page, and takes from it. They stay on the reader's own computer. */

import type { Bytes } from '../core/encoding'

/** What is in the chosen file; null if none is chosen. */
export async function contentOf(input: HTMLInputElement): Promise<Bytes | null> {
  const file = input.files?.[0]
  return file ? new Uint8Array(await file.arrayBuffer()) : null
}

/** Hand a file that was made in this page to the reader. */
export function download(name: string, content: BlobPart, type = 'application/json'): void {
  const address = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
