import type { AclProbe } from '../backend/npu/addon.ts';
import { type DriverPart, type DriverReport, driverRemedy } from '../backend/npu/driver.ts';
import type { NpuError } from '../errors.ts';
import { type Finding, failure } from './finding.ts';

/** How the parts of the driver are: one line for all of them where there is none. */
export function describeDriver(report: DriverReport): Finding[] {
  const { parts } = report;
  const remedy = driverRemedy(report);
  const advice = remedy === undefined ? {} : { remedy };
  const lines = parts.map((part) => describePart(part, parts));
  if (parts.every(({ state }) => state === 'missing')) {
    const none: Finding = { what: 'driver', state: 'missing', detail: 'there is no Ascend driver here', ...advice };
    return [none, ...lines.map((line) => ({ ...line, isDetail: true }))];
  }
  // The advice is about all that is lacking, so it stands once, behind the last of it.
  const last = lines.findLastIndex(({ state }) => state !== 'ok');
  return lines.map((line, i) => (i === last ? { ...line, ...advice } : line));
}

function describePart({ what, state, detail }: DriverPart, parts: readonly DriverPart[]): Finding {
  if (state === 'there') return { what: 'driver', state: 'ok', detail };
  const hasDevice = parts[0]?.state !== 'missing';
  const reason = state === 'closed' ? 'this user may not open it' : 'not there';
  const text = detail.includes(what) ? `${detail}: ${reason}` : `${what}: ${reason}, looked for in ${detail}`;
  return { what: 'driver', state: hasDevice ? 'failed' : 'missing', detail: text };
}

/** The loader's words for a file that is not there, of which there are many and say nothing. */
function isAbsent({ name, error }: AclProbe['libraries'][number]): boolean {
  return error?.startsWith(`${name}: cannot open shared object file: No such file`) === true;
}

/** What was loaded, and what is there and cannot be; every other place that was tried is a detail. */
export function describeLibraries({ libraries }: Pick<AclProbe, 'libraries'>): Finding[] {
  const told = new Set<string>();
  return libraries.map((attempt): Finding => {
    const { name, path, error = 'not found' } = attempt;
    const detail = path ?? (error.startsWith(name) ? error : `${name}: ${error}`);
    const isRepeated = told.has(detail);
    told.add(detail);
    const state = path === undefined ? 'missing' : 'ok';
    return { what: 'library', state, detail, ...(isRepeated || isAbsent(attempt) ? { isDetail: true } : {}) };
  });
}

/** Why nothing can be asked of ACL. The error of a library that is missing lists all places again, so it is not shown. */
export function describeNoAcl(
  { libraries }: Pick<AclProbe, 'libraries'>,
  error: NpuError,
  otherwise: 'missing' | 'failed',
): Finding {
  const said = failure('NPU', error, otherwise);
  if (error.code !== 'NPU_LIBRARY_MISSING') return said;
  const names = [...new Set(libraries.map(({ name }) => name.split('/').at(-1) ?? name))];
  const places = `${libraries.length} ${libraries.length === 1 ? 'place' : 'places'}`;
  return {
    ...said,
    what: 'CANN',
    detail: `no ${names.join(', ')} that can be loaded, in ${places} (--verbose names them)`,
  };
}
