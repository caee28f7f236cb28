import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';

/** The same model, which tells what it writes over each window, as a line that a dry device of the stand-in replays. */
export function recordTexts(model: LoadedModel, onLine: (line: string) => void): LoadedModel;
