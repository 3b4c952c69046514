/** Moments as `datetime-local` inputs hold them: the reader's own time zone, to the minute. */

export function toLocalInput(moment: number): string {
  const shifted = new Date(moment - new Date(moment).getTimezoneOffset() * 60_000)
  return shifted.toISOString().slice(0, 16)
}

/** Undefined if the text is not a moment. */
export function fromLocalInput(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text)) return undefined
  const moment = new Date(text)
  return Number.isNaN(moment.getTime()) ? undefined : moment
}
