// `breakwater init-system`: a first system file for somebody's own proxy.
import { constants, copyFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../errors.ts'

const example = fileURLToPath(new URL('./example.yaml', import.meta.url))

/** Writes the commented example. @throws UsageError when the file exists already or can't be written. */
export async function initSystem(file: string): Promise<void> {
  try {
    await copyFile(example, file, constants.COPYFILE_EXCL)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new UsageError(`${file} exists already and is left as it is; name another file`)
    throw new UsageError(`can't write ${file}: ${code}; name a file in a folder that you can write to`)
  }
}
