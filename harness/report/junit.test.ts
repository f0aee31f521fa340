import { XMLParser } from 'fast-xml-parser'
import t from 'tap'
import { junitXml } from './junit.ts'
import type { ReportModel } from './model.ts'
import { fakeModel } from './testing.ts'

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  isArray: (name) => name === 'testcase',
})

interface Case {
  name: string
  failure?: { message: string }
  error?: { message: string }
}

function suiteOf(model: ReportModel): { tests: string; failures: string; errors: string; testcase: Case[] } {
  return parser.parse(junitXml(model), true).testsuites.testsuite
}

t.test('one case for each threshold and one for the run', async (t) => {
  const model = await fakeModel()
  const suite = suiteOf(model)
  t.match(suite, { tests: '5', failures: '0', errors: '0' })
  t.same(
    suite.testcase.map((one) => one.name),
    [...model.results.thresholds.map((one) => one.name), 'verdict of the run'],
  )
})

t.test('a broken threshold is a failure and says what was measured', async (t) => {
  const suite = suiteOf(await fakeModel({ lost: 2 }))
  t.match(suite.testcase[0]?.failure?.message, /ok-ratio.*measured 99\.0 %/)
  t.ok(suite.testcase.at(-1)?.failure, 'the run failed too')
  t.equal(suite.failures, '2')
})

t.test('unknown is an error, even when every threshold passed', async (t) => {
  const model = await fakeModel({ untouched: true })
  const suite = suiteOf(model)
  t.equal(model.results.verdict, 'unknown')
  t.match(suite.testcase.at(-1)?.error?.message, /touched no traffic/)
  t.match(suite, { failures: '0', errors: '1' })
})

t.test('text from outside can break neither the XML nor its parser', async (t) => {
  const suite = suiteOf(await fakeModel({ hostileText: ']]><x a="1">&\u0000\u0008\ud800', untouched: true }))
  t.equal(suite.testcase.length, 5)
  t.match(suite.testcase.at(-1)?.error?.message, '<x a="1">&')
})
