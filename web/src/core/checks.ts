/** One line of a verification: the question, the answer, and what it means. */

export type Verdict = 'passed' | 'failed' | 'not-checked'

export type CheckName = 'cluster' | 'signatures' | 'outcome' | 'receipts' | 'own-bid' | 'opening' | 'opened-bid'

export type CheckValues = Readonly<Record<string, string | number>>

/** `text` and `values` name the message that says what the answer means. */
export interface Check {
  readonly name: CheckName
  readonly verdict: Verdict
  readonly text: string
  readonly values: CheckValues
}

export function check(name: CheckName, verdict: Verdict, text: string, values: CheckValues = {}): Check {
  return { name, verdict, text: `check.${text}`, values }
}
