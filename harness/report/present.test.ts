import t from 'tap'
import { soundHistory } from '../history/testing.ts'
import { openHistory } from '../history/writer.ts'
import { presentRun } from './present.ts'

t.test('a report that can’t be written is one line that says what is left and what to do', async (t) => {
  const dir = t.testdir({ 'report.html': {} })
  const history = openHistory(`${dir}/history.ndjson.gz`)
  for (const line of soundHistory()) history.write(line)
  await history.close()
  const message = /can't write the report to .*: EISDIR; its history is there: .* npx breakwater report /
  await t.rejects(presentRun(dir), { name: 'CannotWrite', message })
})
