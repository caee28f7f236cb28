import { join } from 'node:path';
import { closeAfter } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { NativeDevice, NativeModel } from './addon.ts';

/** Where OMs that are loaded when they are first needed come from. */
export interface OmSource {
  readonly device: NativeDevice;
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  /** The cache's type, as numpy names it. */
  readonly dtype: string;
  readonly load: (path: string) => Promise<NativeModel>;
}

/** The OMs of one kind that a folder has, each loaded when it is first needed. */
export interface OmModels<File, Loaded> {
  readonly files: readonly File[];
  /** @throws NpuError 'NPU_MODEL_MISMATCH', or what ACL says */
  load(file: File): Promise<Loaded>;
}

/** @param open checks a loaded model and makes what it needs; where it fails the model is closed */
export function omModels<File extends { readonly file: string }, Loaded>(
  files: readonly File[],
  source: OmSource,
  open: (path: string, model: NativeModel, file: File) => Promise<Loaded>,
): OmModels<File, Loaded> {
  const loaded = new Map<File, Promise<Loaded>>();

  async function loadNow(file: File): Promise<Loaded> {
    const path = join(source.directory, file.file);
    const model = await source.load(path);
    return open(path, model, file).catch((error: unknown) => closeAfter(error, () => model.close()));
  }

  return {
    files,
    load(file) {
      const known = loaded.get(file);
      if (known !== undefined) return known;
      const loading = loadNow(file);
      loaded.set(file, loading);
      loading.catch(() => loaded.delete(file)); // its caller is told, and the next one may try again
      return loading;
    },
  };
}
