/**
 * A party's seal: a guilloche as on banknotes, computed from its identity key, so that each party has a different one.
 */

const POINTS = 240

function wave(index: number, petals: number, depth: number, turn: number, radius: number): string {
  const angle = (index / POINTS) * 2 * Math.PI
  const distance = radius * (1 - depth + depth * Math.cos(petals * angle + turn))
  return `${(50 + distance * Math.cos(angle)).toFixed(2)} ${(50 + distance * Math.sin(angle)).toFixed(2)}`
}

function closed(petals: number, depth: number, turn: number, radius: number): string {
  const points = Array.from({ length: POINTS }, (_, index) => wave(index, petals, depth, turn, radius))
  return `M${points.join('L')}Z`
}

/** The paths of a rosette in a box of 100 by 100. */
export function rosette(key: string): string[] {
  const seed = Array.from({ length: 6 }, (_, index) => key.charCodeAt(index * 5) || 7)
  const pick = (index: number, least: number, most: number) => least + ((seed[index] ?? 0) % (most - least + 1))
  const outer = pick(0, 8, 15)
  const inner = pick(1, 5, 11)
  const depth = 0.1 + pick(2, 0, 5) / 50
  const phases = pick(3, 3, 4)
  const turns = Array.from({ length: phases }, (_, index) => (index / phases) * 2 * Math.PI)
  return [
    ...turns.map((turn) => closed(outer, depth, turn, 47)),
    ...turns.map((turn) => closed(inner, 0.16, turn, 34)),
  ]
}
