/** How far one party is with what was asked of it, as its seal and the words beside it show. */

/** `empty`: nothing yet; `pending`: asked; `given`: signed; `failed`: refused or not reached. */
export type SealState = 'empty' | 'pending' | 'given' | 'failed'

export interface LabelledSeal {
  readonly state: SealState
  readonly text: string
}
