import { cpus, homedir, hostname, release, totalmem, userInfo } from 'node:os';
import { storeDirectory } from '../model/store.ts';
import type { Finding } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who and where somebody is, and so not in a report: what to look for, and what to put there. */
type Private = readonly (readonly [text: string, substitute: string])[];

/**
 * All that was found as text for a bug report: versions, libraries, devices and the figures of the self-check. Names of
 * users, machines, models and folders of theirs are not in it.
 */
export function bugReport(version: string, findings: readonly Finding[], env: Environment): string {
  const hidden = privateTexts(env);
  const lines = findings.map(({ what, state, detail, publicDetail }) => {
    return `${state.padEnd(8)}${what.padEnd(14)}${withoutNames(publicDetail ?? detail, hidden)}`;
  });
  const gigabytes = (totalmem() / 1e9).toFixed(0);
  return [
    `whisper-npu ${version}`,
    `Node ${process.version}, ${process.platform} ${process.arch}, kernel ${release()}, ${libc()}`,
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, ${gigabytes} GB of memory`,
    '',
    ...lines,
    '',
  ].join('\n');
}

function libc(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'no glibc' : `glibc ${header.glibcVersionRuntime}`;
}

/** Longest first, so that no part of one is taken for another. */
function privateTexts(env: Environment): Private {
  const texts: [string | undefined, string][] = [
    [ask(() => storeDirectory(env)), '<store>'],
    [process.cwd(), '<current folder>'],
    [ask(homedir), '<home>'],
    [ask(() => userInfo().username), '<user>'],
    [hostname(), '<host>'],
  ];
  const known = texts.filter((pair): pair is [string, string] => pair[0] !== undefined && pair[0].length > 1);
  return known.sort(([a], [b]) => b.length - a.length);
}

/** Not every user has a name or a home folder. */
function ask(question: () => string): string | undefined {
  try {
    return question();
  } catch {
    return undefined;
  }
}

function withoutNames(text: string, hidden: Private): string {
  const replaced = hidden.reduce((left, [name, substitute]) => {
    const word = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return left.replace(new RegExp(`(?<![\\w.-])${word}(?![\\w-])`, 'g'), substitute);
  }, text);
  return replaced.replace(/<store>\/(checkpoints|prepared)\/[^/\s:]+/g, '<store>/$1/<model>');
}
