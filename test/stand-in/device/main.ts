// The stand-in's device: started by the library, it answers requests until the host has gone.
import { appendFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { answer, nextRequest, staging } from './channel.ts';
import { createMemory, type DeviceMemory, parsePlace } from './memory.ts';
import { createModels, type DeviceModels, type LoadRequest } from './models.ts';

const lostModel = 545001;
const aiCoreException = 507015;
const driverInternal = 507899;

/** A failure that has a code of ACL's. */
class DeviceError extends Error {
  readonly code: number;
  constructor(code: number, cause: unknown) {
    super(`stand-in: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.code = code;
  }
}

async function coded<T>(code: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new DeviceError(code, error);
  }
}

function parseLoad(
  [head = '', om = '', weightFolder = '', ...weightLines]: readonly string[],
  scratch: string,
): LoadRequest {
  const [, id, onnxOffset, onnxSize, weightsOffset, how] = head.split(' ');
  const stored = how === 'stored';
  return {
    id: Number(id),
    onnxOffset: Number(onnxOffset),
    onnxSize: Number(onnxSize),
    weightsOffset: Number(weightsOffset),
    stored,
    omPath: stored ? path.join(scratch, om) : om,
    weightFolder,
    weights: weightLines.filter(Boolean).map((line) => {
      const words = line.split(' ');
      return { place: parsePlace(words.slice(1, 5)), sizeBytes: Number(words[5]), file: words.slice(6).join(' ') };
    }),
  };
}

/** Appends shared memory to a file of the scratch folder. */
function store(words: readonly string[], name: string, scratch: string): void {
  const bytes = Buffer.alloc(Number(words[1]));
  readSync(staging, bytes, 0, bytes.length, 0);
  const target = path.join(scratch, name);
  if (words[2] === 'new') writeFileSync(target, bytes);
  else appendFileSync(target, bytes);
}

async function handle(request: string, memory: DeviceMemory, models: DeviceModels, scratch: string): Promise<void> {
  const lines = request.split('\n');
  const words = (lines[0] ?? '').split(' ');
  switch (words[0]) {
    case 'hello':
      return;
    case 'write':
      return memory.write(parsePlace(words.slice(1)));
    case 'read':
      return memory.read(parsePlace(words.slice(1)));
    case 'copy':
      memory.view(parsePlace(words.slice(1, 5))).set(memory.view(parsePlace(words.slice(5))));
      return;
    case 'fill':
      memory.view(parsePlace(words.slice(1, 5))).fill(Number(words[5]));
      return;
    case 'free':
      return memory.free(Number(words[1]));
    case 'store':
      return store(words, lines[1] ?? '', scratch);
    case 'load':
      return coded(lostModel, () => models.load(parseLoad(lines, scratch)));
    case 'unload':
      return models.unload(Number(words[1]));
    case 'run': {
      const places = lines.slice(1).map((line) => parsePlace(line.split(' ')));
      return coded(aiCoreException, () => models.run(Number(words[1]), places));
    }
    default:
      throw new Error(`unknown request ${words[0]}`);
  }
}

async function main(scratch: string): Promise<void> {
  const memory = createMemory();
  const models = createModels(memory, scratch);
  for (let request = nextRequest(); request !== undefined; request = nextRequest()) {
    try {
      await handle(request, memory, models, scratch);
      answer(0);
    } catch (error) {
      const { code } = error instanceof DeviceError ? error : new DeviceError(driverInternal, error);
      answer(code, error instanceof Error ? error.message : String(error));
    }
  }
}

const scratch = process.argv[2];
if (scratch === undefined) throw new Error('the device is started by the stand-in library, not by hand');
try {
  await main(scratch);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(0);
