/** The engine's thread: ONNX Runtime blocks the thread it is called on, so the main thread keeps to its own work. */
import { parentPort, workerData } from 'node:worker_threads';
import { CpuEngine, type EngineOptions } from './engine.ts';
import type { CrossKv, EngineRun } from './engine-run.ts';
import type { Answer, Call, CallName, EngineCalls } from './worker-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');

const windows = new Map<number, { logMel: Float32Array; crossKv: CrossKv }>();
const runs = new Map<number, { window: number; run: EngineRun }>();
let handles = 0;

function held<T>(map: ReadonlyMap<number, T>, handle: number): T {
  const value = map.get(handle);
  if (value === undefined) throw new Error(`handle ${handle} has been released`);
  return value;
}

function endRun(handle: number, run: EngineRun): void {
  run.close();
  runs.delete(handle);
}

function callsOn(engine: CpuEngine): EngineCalls {
  return {
    async encode(logMel) {
      const window = ++handles;
      windows.set(window, { logMel, crossKv: await engine.encode(logMel) });
      return window;
    },
    encoderOutput: (window) => engine.encoderOutput(held(windows, window).logMel),
    async releaseWindow(window) {
      engine.release(held(windows, window).crossKv);
      windows.delete(window);
      for (const [handle, { window: itsWindow, run }] of runs) if (itsWindow === window) endRun(handle, run);
    },
    async startDecoder(window) {
      runs.set(++handles, { window, run: engine.startDecoder(held(windows, window).crossKv) });
      return handles;
    },
    forward: (run, tokens) => held(runs, run).run.forward(tokens),
    greedy: (run, request, abort) => held(runs, run).run.greedy(request, () => Atomics.load(abort, 0) !== 0),
    async endDecoder(run) {
      const running = runs.get(run);
      if (running !== undefined) endRun(run, running.run); // its audio may have ended it already
    },
  };
}

async function answer(id: number, work: () => Promise<unknown>): Promise<void> {
  let reply: Answer;
  try {
    reply = { id, result: await work() };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    reply = { id, error: { message, stack } };
  }
  port?.postMessage(reply);
}

let calls: EngineCalls | undefined;
await answer(0, async () => {
  calls = callsOn(await CpuEngine.open(workerData as EngineOptions));
});

function invoke<Name extends CallName>(call: Call<Name>): Promise<unknown> {
  if (calls === undefined) throw new Error('the model is not loaded');
  const method = calls[call.name] as (...args: Call<Name>['args']) => Promise<unknown>;
  return method(...call.args);
}

// Calls run one after another: a step must not begin while another is inside ONNX Runtime.
let last: Promise<void> = Promise.resolve();
port.on('message', (call: Call) => {
  last = last.then(() => answer(call.id, async () => invoke(call)));
});
