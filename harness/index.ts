// What scenario scripts import, through open.mjs.

export { diskFails, storedBitsFlip } from './faults/disk.ts'
export { nameAnswers } from './faults/names.ts'
export { killed, reloaded, restarted, stopped } from './faults/processes.ts'
export { calmPhase, drawFaults, playFaults, randomPhase, shrinkIfWrong } from './faults/random-run.ts'
export { s3Misbehaves, s3ShowsCertificate } from './faults/s3-http.ts'
export { shortLivedPrefix } from './origins/handle.ts'
export { runAll } from './run/all.ts'
export { runScenario } from './scenario.ts'
export { exitSurely } from './systems/process-group.ts'
