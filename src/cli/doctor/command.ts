import { writeFile } from 'node:fs/promises';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { WhisperNpuError } from '../../errors.ts';
import { printable } from '../../printable.ts';
import { bugReport } from '../../setup/bug-report.ts';
import { diagnose } from '../../setup/diagnose.ts';
import type { Finding } from '../../setup/finding.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { exitCode } from '../exit-codes.ts';
import type { Session } from '../session.ts';

const marks = { ok: 'ok', missing: '--', failed: 'FAILED' } as const;
const colours = { ok: 'green', missing: 'gray', failed: 'red' } as const;

export function addDoctor(program: Command, session: Session): void {
  addOptions(program.command('doctor'), 'doctor')
    .summary('look at what is installed and say what to do about what is missing')
    .description('Looks at Node, the CPU engine, CANN, devices, atc and the store. Ends with 1 if something is broken.')
    .action(async (_: unknown, own: Command) => {
      const { options } = readOptions(own, 'doctor', session);
      const findings = await diagnose(session.env);
      if (options.json) await session.print(`${JSON.stringify(findings.map(forPrograms))}\n`);
      else {
        const shown = findings.filter(({ isDetail }) => options.verbose === true || isDetail !== true);
        await session.print(shown.map(describe).join(''), true);
      }
      if (options.bugReport !== undefined) await writeReport(options.bugReport, findings, program, session);
      if (findings.some(({ state }) => state === 'failed')) process.exitCode = exitCode.failed;
    });
}

function forPrograms({ publicDetail: _, ...finding }: Finding) {
  return finding;
}

async function writeReport(path: string, findings: readonly Finding[], program: Command, { env }: Session) {
  const text = bugReport(program.version() ?? '', findings, env);
  await writeFile(path, text).catch((cause: unknown) => {
    throw new WhisperNpuError('REPORT_NOT_WRITTEN', `cannot write a report to ${path}: ${String(cause)}`, {
      hint: 'Name a file that can be made or written to.',
      cause,
    });
  });
}

function describe({ what, state, detail, remedy }: Finding): string {
  const mark = styleText(colours[state], marks[state].padEnd(7), { stream: process.stdout });
  const advice = remedy === undefined ? '' : `${''.padEnd(21)}-> ${printable(remedy)}\n`;
  return `${mark}${what.padEnd(14)}${printable(detail)}\n${advice}`;
}
