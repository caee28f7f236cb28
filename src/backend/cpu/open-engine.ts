import { loadCpuAddon } from './cpu-addon.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { NativeEngine } from './native-engine.ts';
import { OrtEngine } from './ort-engine.ts';

/** Our own engine where it can run, else ONNX Runtime. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { kind, dimensions } = options;
  const addon = kind === 'onnxruntime' ? undefined : loadCpuAddon(dimensions);
  if (addon !== undefined) return NativeEngine.open(addon, options);
  if (kind === 'native') throw new Error('our own engine must be built, and needs a model whose sizes fit its vectors');
  return OrtEngine.open(options);
}
