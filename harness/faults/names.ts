// Faults of DNS: what the run's nameserver says of a name.
import type { NameAnswer, Nameserver } from '../origins/nameserver.ts'
import { type Fault, makeFault } from './fault.ts'
import { wishesAbout } from './wishes.ts'

/** A name fails, falls silent or means another address. Who has it resolved already is touched when asking again. */
export function nameAnswers(nameserver: Nameserver, name: string, answer: NameAnswer): Fault {
  const token = Symbol(answer.kind)
  const usual = nameserver.answerOf(name)
  const wishes = wishesAbout<NameAnswer>(nameserver, name, async (wish) =>
    nameserver.setAnswer(name, wish ?? usual),
  )
  let queriesBefore = 0
  return makeFault({
    name: answer.kind === 'addresses' ? `DNS: ${answer.addresses.join(', ')}` : `DNS: ${answer.kind}`,
    target: name,
    evidence: 'queries for the name that were answered so',
    async apply() {
      queriesBefore = nameserver.answered(name, answer)
      await wishes.add(token, answer)
    },
    async undo() {
      await wishes.withdraw(token)
      return nameserver.answered(name, answer) - queriesBefore
    },
  })
}
