/** The engine's thread: it blocks while it computes, so the main thread keeps to engineRun own work. */
import { parentPort, workerData } from 'node:worker_threads';
import { inTurn, type Turns } from '../in-turn.ts';
import { loadCpuAddon } from './cpu-addon.ts';
import type { EncodedWindows, EngineOptions, EngineRun } from './engine.ts';
import { failureOf } from './engine-failure.ts';
import { NativeEngine } from './native-engine.ts';
import type { Answer, Call, CallName, EngineCalls } from './worker-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');

const audios = new Map<number, { logMels: readonly Float32Array[]; windows: EncodedWindows }>();
const runs = new Map<number, { audio: number; run: EngineRun; turns: Turns }>();
let handles = 0;

function byHandle<T>(map: ReadonlyMap<number, T>, handle: number): T {
  const value = map.get(handle);
  if (value === undefined) throw new Error(`handle ${handle} has been released`);
  return value;
}

/** Executes the calls of one run one after the other, because each continues the sequences of the one before. */
async function callRun<T>(handle: number, work: (run: EngineRun) => Promise<T>): Promise<T> {
  return byHandle(runs, handle).turns.take(() => work(byHandle(runs, handle).run));
}

function endRun(handle: number, run: EngineRun): void {
  run.close();
  runs.delete(handle);
}

function callsOn(engine: NativeEngine): EngineCalls {
  return {
    async encode(logMels) {
      const windows = await engine.encode(logMels);
      audios.set(++handles, { logMels, windows });
      return handles;
    },
    async encoderOutput(audio, window) {
      const logMel = byHandle(audios, audio).logMels[window];
      if (logMel === undefined) throw new RangeError(`there is no window ${window}`);
      return engine.encoderOutput(logMel);
    },
    async releaseAudio(audio) {
      const { windows } = byHandle(audios, audio);
      audios.delete(audio);
      await Promise.all([...runs.values()].flatMap((run) => (run.audio === audio ? [run.turns.ended()] : [])));
      windows.release();
      for (const [handle, { audio: audioOfRun, run }] of runs) if (audioOfRun === audio) endRun(handle, run);
    },
    async startDecoder(audio, window) {
      runs.set(++handles, { audio, run: byHandle(audios, audio).windows.startDecoder(window), turns: inTurn() });
      return handles;
    },
    forward: (run, step) => callRun(run, (engineRun) => engineRun.forward(step)),
    candidates: (run, step, request) => callRun(run, (engineRun) => engineRun.candidates(step, request)),
    nextLogprobs: (run, tokens, of) => callRun(run, (engineRun) => engineRun.nextLogprobs(tokens, of)),
    greedy: (run, request, abort) =>
      callRun(run, (engineRun) => engineRun.greedy(request, () => Atomics.load(abort, 0) !== 0)),
    async endDecoder(run) {
      const running = runs.get(run);
      await running?.turns.ended();
      if (running !== undefined && runs.has(run)) endRun(run, running.run); // releasing the audio may have ended it already
    },
    profiles: () => engine.profiles(),
  };
}

async function answer(id: number, work: () => Promise<unknown>): Promise<void> {
  let reply: Answer;
  try {
    reply = { id, result: await work() };
  } catch (error) {
    reply = { id, error: failureOf(error) };
  }
  port?.postMessage(reply, buffersOf(reply));
}

/** The buffers of results are transferred, not copied; nothing here keeps them. */
function buffersOf(reply: Answer): ArrayBuffer[] {
  const result = 'result' in reply ? reply.result : undefined;
  const values = result !== null && typeof result === 'object' ? Object.values(result) : [];
  return values.filter((value) => value instanceof Float32Array).map(({ buffer }) => buffer as ArrayBuffer);
}

let calls: EngineCalls | undefined;
await answer(0, async () => {
  const options = workerData as EngineOptions;
  const engine = await NativeEngine.open(loadCpuAddon(options.dimensions), options);
  calls = callsOn(engine);
  return engine.name;
});

function invoke<Name extends CallName>(call: Call<Name>): Promise<unknown> {
  if (calls === undefined) throw new Error('the model is not loaded');
  const method = calls[call.name] as (...args: Call<Name>['args']) => Promise<unknown>;
  return method(...call.args);
}

// Calls of different runs are not serialised, so that they can be batched into one step; calls of one run are.
port.on('message', (call: Call) => {
  void answer(call.id, async () => invoke(call));
});
