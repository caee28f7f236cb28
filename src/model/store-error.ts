import { ModelError } from '../errors.ts';

const fullDisk = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const notWritable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST']);

/**
 * Says in words why the store cannot be written.
 *
 * @param neededBytes what has yet to be written, if known
 * @returns the error itself if it is none of the file system's
 */
export function storeError(error: unknown, path: string, neededBytes?: number): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code !== undefined && fullDisk.has(code)) {
    const needed = neededBytes === undefined ? '' : `; ${Math.ceil(neededBytes / 1e6)} MB more are needed`;
    return new ModelError('MODEL_DISK_FULL', `no space left for ${path} (${code})${needed}`, {
      hint: 'free some space, or set WHISPER_NPU_HOME to a folder on another disk',
      cause: error,
    });
  }
  // A folder that cannot be made where nothing is: the place is read-only or not there.
  const cannotMake = code === 'ENOENT' && (error as NodeJS.ErrnoException).syscall === 'mkdir';
  if (code !== undefined && (notWritable.has(code) || cannotMake)) {
    return new ModelError('MODEL_STORE_NOT_WRITABLE', `cannot write to the model store ${path} (${code})`, {
      hint: 'set WHISPER_NPU_HOME to a folder you may write to',
      cause: error,
    });
  }
  return error;
}
