// junit.xml for CI: one case for each threshold; failed is a failure, unknown is an error, for nothing was proven.
import { XMLBuilder } from 'fast-xml-parser'
import type { Results, ThresholdResult } from '../history/results-contract.ts'
import { printable } from './format.ts'
import type { ReportModel } from './model.ts'
import { measuredText } from './sections/measured.ts'

/** A run whose thresholds say nothing (none, or interrupted before any) still gets a case, so that CI can't read it as a pass. */
export function junitXml(model: ReportModel): string {
  const { results } = model
  const cases = results.thresholds.map((threshold) => thresholdCase(model, threshold))
  cases.push(verdictCase(results))
  const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@', format: true })
  const suite = {
    '@name': `${results.scenario} on ${results.system}`,
    '@tests': cases.length,
    '@failures': cases.filter((one) => 'failure' in one).length,
    '@errors': cases.filter((one) => 'error' in one).length,
    '@time': results.wallSeconds,
    '@timestamp': results.startedAt,
    testcase: cases,
  }
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(printableTexts({ testsuites: { testsuite: suite } }))}`
}

type Case = Record<string, unknown>

function thresholdCase(model: ReportModel, threshold: ThresholdResult): Case {
  const measured = measuredText(model, threshold.name, threshold.measured)
  return judged(
    { '@classname': `${model.results.scenario}.${threshold.phase}`, '@name': threshold.name },
    threshold.verdict,
    `${threshold.expression}; measured ${measured}`,
  )
}

/** The run as a whole: doubts can make it unknown although every threshold passed. */
function verdictCase(results: Results): Case {
  const attributes = { '@classname': results.scenario, '@name': 'verdict of the run' }
  return judged(attributes, results.verdict, results.reason)
}

function judged(attributes: Case, verdict: Results['verdict'], message: string): Case {
  if (verdict === 'pass') return attributes
  return { ...attributes, [verdict === 'fail' ? 'failure' : 'error']: { '@message': message } }
}

/** XML 1.0 can't hold control characters at all, not even escaped. */
function printableTexts(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map(printableTexts)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, printableTexts(one)]))
}
