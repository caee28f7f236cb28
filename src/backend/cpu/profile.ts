import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the time of a graph's executions went, the mean of them all. */
export interface GraphProfile {
  /** encoder or decoder */
  readonly graph: string;
  readonly executions: number;
  /** Of one execution, with what is between the operators. */
  readonly executionMs: number;
  /** The slowest first. */
  readonly operators: readonly OperatorTime[];
}

export interface OperatorTime {
  readonly operator: string;
  /** In one execution; with our own engine pieces of work, of all threads. */
  readonly calls: number;
  readonly elapsedMs: number;
}

/** What ONNX Runtime writes of a node or of a whole execution; `dur` in microseconds. */
interface ProfileEvent {
  readonly name?: string;
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
}

/** How the file of a graph's profile begins: ONNX Runtime appends the time. */
export function profilePrefix(directory: string, graph: string): string {
  return join(directory, `${graph}_`);
}

/** Reads the profiles that ONNX Runtime left in a folder, the encoder's first. */
export async function readProfiles(directory: string): Promise<GraphProfile[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.json')).sort();
  const profiles: GraphProfile[] = [];
  for (const file of files.reverse()) {
    const events = JSON.parse(await readFile(join(directory, file), 'utf8')) as ProfileEvent[];
    profiles.push(summarizeProfile(file.slice(0, file.indexOf('_')), events));
  }
  return profiles;
}

export function summarizeProfile(graph: string, events: readonly ProfileEvent[]): GraphProfile {
  const runs = events.filter(({ name }) => name === 'model_run');
  const executions = runs.length;
  const perExecution = (total: number) => (executions === 0 ? 0 : total / executions);
  const totals = new Map<string, { calls: number; us: number }>();
  for (const { name, dur = 0, args } of events) {
    const operator = args?.op_name;
    if (operator === undefined || !name?.endsWith('_kernel_time')) continue;
    const { calls, us } = totals.get(operator) ?? { calls: 0, us: 0 };
    totals.set(operator, { calls: calls + 1, us: us + dur });
  }
  const operators = Array.from(totals, ([operator, { calls, us }]) => ({
    operator,
    calls: perExecution(calls),
    elapsedMs: perExecution(us / 1000),
  })).sort((a, b) => b.elapsedMs - a.elapsedMs);
  const executionMs = perExecution(runs.reduce((total, { dur = 0 }) => total + dur, 0) / 1000);
  return { graph, executions, executionMs, operators };
}
