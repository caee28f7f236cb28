/** The engine's thread: it blocks while it computes, so the main thread keeps to its own work. */
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

function held<T>(map: ReadonlyMap<number, T>, handle: number): T {
  const value = map.get(handle);
  if (value === undefined) throw new Error(`handle ${handle} has been released`);
  return value;
}

/** Calls of one run come one after the other, each where the one before has left its texts. */
async function callOf<T>(handle: number, work: (run: EngineRun) => Promise<T>): Promise<T> {
  return held(runs, handle).turns.take(() => work(held(runs, handle).run));
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
      const logMel = held(audios, audio).logMels[window];
      if (logMel === undefined) throw new RangeError(`there is no window ${window}`);
      return engine.encoderOutput(logMel);
    },
    async releaseAudio(audio) {
      const { windows } = held(audios, audio);
      audios.delete(audio);
      await Promise.all([...runs.values()].flatMap((run) => (run.audio === audio ? [run.turns.ended()] : [])));
      windows.release();
      for (const [handle, { audio: itsAudio, run }] of runs) if (itsAudio === audio) endRun(handle, run);
    },
    async startDecoder(audio, window) {
      runs.set(++handles, { audio, run: held(audios, audio).windows.startDecoder(window), turns: inTurn() });
      return handles;
    },
    forward: (run, step) => callOf(run, (its) => its.forward(step)),
    candidates: (run, step, request) => callOf(run, (its) => its.candidates(step, request)),
    ask: (run, tokens, of) => callOf(run, (its) => its.ask(tokens, of)),
    greedy: (run, request, abort) => callOf(run, (its) => its.greedy(request, () => Atomics.load(abort, 0) !== 0)),
    async endDecoder(run) {
      const running = runs.get(run);
      await running?.turns.ended();
      if (running !== undefined && runs.has(run)) endRun(run, running.run); // its audio may have ended it already
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

/** The memory of what a step gives is handed over, not copied; nobody here keeps it. */
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

// Texts share their steps, so calls are not kept waiting for one another; who asks for two of one text waits for the first.
port.on('message', (call: Call) => {
  void answer(call.id, async () => invoke(call));
});
