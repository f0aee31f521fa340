// Fills `{name}` placeholders in a system's commands and files.
import { UsageError } from '../errors.ts'

export type Placeholders = Readonly<Record<string, string>>

/**
 * Replaces every `{name}`; `${name}` is left alone, since nginx and shells use it.
 * @throws UsageError naming a placeholder that doesn't exist, with those that do.
 */
export function fill(template: string, values: Placeholders, where: string): string {
  return template.replace(/(?<!\$)\{([a-z][a-z0-9_]*)\}/g, (_whole, name: string) => {
    const value = values[name]
    if (value !== undefined) return value
    throw new UsageError(
      `${where}: there is no placeholder {${name}}; there are ${Object.keys(values).sort().join(', ')}`,
    )
  })
}
