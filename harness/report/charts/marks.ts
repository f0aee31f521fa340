// Vertical lines in the charts over time: when each fault was detected, when traffic had switched, when all was normal.
import type { ReportModel } from '../model.ts'
import type { PlainOption } from './chart.ts'

export interface Mark {
  readonly atMs: number
  readonly text: string
}

/** In order of time; marks that fall together within a fiftieth of what is shown share the first one's label. */
export function marksOf({ results: { failovers }, shown }: ReportModel): Mark[] {
  const marks = failovers
    .flatMap(({ injectedMs, detectedMs, switchedMs, healedMs, backMs }, i): Mark[] => [
      ...markAt(injectedMs, detectedMs, `${i + 1} detected`),
      ...markAt(injectedMs, switchedMs, `${i + 1} switched`),
      ...markAt(healedMs, backMs, `${i + 1} normal again`),
    ])
    .sort((a, b) => a.atMs - b.atMs)
  return withSharedLabels(marks, (shown.endMs - shown.startMs) / 50)
}

/** None when it was not seen, or took no time at all. */
function markAt(fromMs: number | null, afterMs: number | null, text: string): Mark[] {
  return fromMs === null || !afterMs ? [] : [{ atMs: fromMs + afterMs, text }]
}

function withSharedLabels(marks: readonly Mark[], togetherMs: number): Mark[] {
  const labelled: { atMs: number; text: string }[] = []
  let first: { atMs: number; text: string } | null = null
  for (const mark of marks) {
    if (first !== null && mark.atMs - first.atMs < togetherMs) {
      first.text += `, ${mark.text}`
      labelled.push({ ...mark, text: '' })
    } else {
      first = { ...mark }
      labelled.push(first)
    }
  }
  return labelled
}

/** `isLabelled` false leaves the words away: a low chart has no room for them. */
export function markLines(model: ReportModel, isLabelled: boolean): PlainOption {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: 'var(--fault)', width: 1, type: 'dotted' },
    data: marksOf(model).map(({ atMs, text }) => ({ xAxis: atMs, markLabel: isLabelled ? text : '' })),
  }
}
