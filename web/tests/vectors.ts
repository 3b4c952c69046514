/** The known answers that the parties' code and the page's must both give. */

import { readFileSync } from 'node:fs'

import { PageError } from '../src/core/errors'

export const VECTORS = new URL('../../tests/vectors/', import.meta.url)

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- each file has a form of its own
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, VECTORS), 'utf-8')) as T
}

/** The code of the error that something ends with; null if it goes well. */
export async function codeOf(action: () => unknown): Promise<string | null> {
  try {
    await action()
    return null
  } catch (error) {
    if (error instanceof PageError) return error.code
    throw error
  }
}
