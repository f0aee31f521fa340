// What scenario scripts import, through open.mjs.

export { s3Misbehaves } from './faults/s3-http.ts'
export { shortLivedPrefix } from './origins/handle.ts'
export { runScenario } from './scenario.ts'
