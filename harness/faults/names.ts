// Faults of DNS: what the run's nameserver says of a name.
import type { NameAnswer, Nameserver } from '../origins/nameserver.ts'
import { type Fault, makeFault } from './fault.ts'

/** A name fails, falls silent or means another address. Who has it resolved already is touched when asking again. */
export function nameAnswers(nameserver: Nameserver, name: string, answer: NameAnswer): Fault {
  let before = answer
  let queriesBefore = 0
  return makeFault({
    name: answer.kind === 'addresses' ? `DNS: ${answer.addresses.join(', ')}` : `DNS: ${answer.kind}`,
    target: name,
    evidence: 'queries for the name that were answered so',
    async apply() {
      before = nameserver.answerOf(name)
      queriesBefore = nameserver.queriesFor(name)
      nameserver.setAnswer(name, answer)
    },
    async undo() {
      nameserver.setAnswer(name, before)
      return nameserver.queriesFor(name) - queriesBefore
    },
  })
}
