// Reads the description of a system under test: which parts it has, how each is started, and how it is watched.
// A description is data; nothing is started here.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, YAMLParseError } from 'yaml'
import { z } from 'zod'
import { messageOf, UsageError } from '../errors.ts'

const partSchema = z.strictObject({
  /** Unique in the system; names the part's folder, log and links. */
  name: z.string().regex(/^[a-z][a-z0-9-]*$/, 'use lower-case letters, digits and dashes'),
  /** A helper stands beside the others on their machine: no link is laid to it and no fault acts on it. */
  role: z.enum(['cache', 'router', 'helper']),
  /** The program and its arguments, not a shell line. */
  command: z.array(z.string()).min(1),
  /** Files written into the part's folder before it starts, by name. */
  files: z.record(z.string(), z.string()).default({}),
  /** How to tell that it answers: a line on its output, or a TCP connection. */
  ready: z
    .union([z.strictObject({ output: z.string() }), z.strictObject({ tcp: z.string() })])
    .default({ tcp: '{listen}' }),
  /** Signal that makes it read its configuration again. */
  reload: z.enum(['SIGHUP', 'SIGUSR1', 'SIGUSR2']).optional(),
  /** A cache that keeps to `{max_size}`: the folder of its store, and where its own metrics state the store's size. */
  store: z
    .strictObject({
      folder: z.string(),
      /** A page in Prometheus's text format, and the name of the metric there, which counts bytes. */
      metric: z.strictObject({ url: z.string(), name: z.string() }).optional(),
    })
    .optional(),
  /** Where it says how it is: our own router's or cache's admin, or HAProxy's CSV. A router tells its backends' states there. */
  observe: z
    .union([z.strictObject({ state: z.string() }), z.strictObject({ haproxy_csv: z.string() })])
    .optional(),
})

const systemSchema = z.strictObject({
  name: z.string().min(1),
  story: z.string().min(1),
  parts: z.array(partSchema).default([]),
})

export type PartDescription = z.infer<typeof partSchema>
export type SystemDescription = z.infer<typeof systemSchema>

const builtIn = ['reference', 'nginx-haproxy', 'nginx-haproxy-tuned', 'direct'] as const

/**
 * The description for `--system`, or for one of those that `flag` lists: a built-in name or the path of a YAML file.
 * @throws UsageError that lists every mistake with its path in the file.
 */
export function loadSystem(choice: string, flag = '--system'): SystemDescription {
  const file = (builtIn as readonly string[]).includes(choice)
    ? fileURLToPath(new URL(`./${choice}.yaml`, import.meta.url))
    : path.resolve(choice)
  if (!existsSync(file)) {
    throw new UsageError(`${flag}: "${choice}" is neither ${builtIn.join(', ')} nor a YAML file that exists`)
  }
  const result = systemSchema.safeParse(parseYaml(file))
  if (!result.success) {
    const mistakes = result.error.issues.map(
      (issue) => `  ${issue.path.join('.') || '(top)'}: ${issue.message}`,
    )
    throw new UsageError(`${file} does not describe a system:\n${mistakes.join('\n')}`)
  }
  requireDistinctNames(file, result.data.parts)
  return result.data
}

/**
 * The description with some of its files replaced by the user's own: `ownFiles` maps a file's name to a path.
 * @throws UsageError when no part has such a file, when it can't be read, or when it would listen nowhere.
 */
export function withOwnFiles(
  system: SystemDescription,
  ownFiles: Readonly<Record<string, string>>,
): SystemDescription {
  const parts = system.parts.map((part) => {
    const replaced = Object.entries(ownFiles).filter(([name]) => name in part.files)
    const texts = replaced.map(([name, file]) => [name, ownText(file)] as const)
    return { ...part, files: { ...part.files, ...Object.fromEntries(texts) } }
  })
  for (const [name, file] of Object.entries(ownFiles)) {
    if (parts.some((part) => name in part.files)) continue
    throw new UsageError(`${file}: the system ${system.name} has no part with a file ${name} to replace`)
  }
  return { ...system, parts }
}

function ownText(file: string): string {
  const text = textOf(file)
  if (/\{(listen|port)\}/.test(text)) return text
  throw new UsageError(`${file} names neither {listen} nor {port}, the address where it has to listen`)
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`can't read ${file}: ${messageOf(error)}`)
  }
}

function parseYaml(file: string): unknown {
  try {
    return parse(textOf(file))
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error
    throw new UsageError(`${file} is not YAML: ${error.message.split('\n')[0]!.replace(/:$/, '')}`)
  }
}

function requireDistinctNames(file: string, parts: readonly PartDescription[]): void {
  const names = parts.map((part) => part.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice) throw new UsageError(`${file}: two parts are named "${twice}"`)
}
