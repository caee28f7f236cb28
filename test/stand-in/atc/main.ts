// The stand-in's atc: the real one's options, refusals and messages, and an OM that only the stand-in can run.
import { readFileSync } from 'node:fs';
import { headerSize, tableSize } from '../om/om-file.ts';
import { bytesOf, readFields, textOf } from '../onnx/wire.ts';
import { AtcError, invalidValue } from './atc-error.ts';
import { convert } from './convert.ts';
import { parseOptions } from './options.ts';

/** --mode=6: what an OM says of its making. */
function showOm(om: string): void {
  const bytes = readFileSync(om);
  if (bytes.length < headerSize || bytes.readUInt32LE(0) !== 0x444f4d49)
    throw invalidValue('--om', om, 'it is not an OM');
  const start = headerSize + tableSize(bytes.readUInt32LE(headerSize));
  const definition = readFields(bytes.subarray(start, start + Number(bytes.readBigUInt64LE(headerSize + 8 + 16))));
  for (const entry of bytesOf(definition, 11)) {
    const pair = readFields(entry);
    const value = textOf(readFields(bytesOf(pair, 2)[0] ?? new Uint8Array()), 2);
    if (value.trim() !== '') console.log(`stand-in: ${textOf(pair, 1)}: ${value}`);
  }
}

function timestamp(): string {
  return new Date().toISOString().replace('T', '-').replace('Z', '.000');
}

async function main(args: readonly string[]): Promise<number> {
  console.log('ATC start working now, please wait for a moment.');
  if (args.some((argument) => /^--?help$/.test(argument))) {
    console.log(
      'The stand-in for atc. Options as the real one has them; see test/stand-in/README.md for what it checks.',
    );
    return 0;
  }
  console.log('...This is the stand-in for atc: what it writes runs on the stand-in only.');
  try {
    const options = parseOptions(args);
    if (options.mode === 6) showOm(options.om);
    else await convert(options);
  } catch (error) {
    const { code, message } =
      error instanceof AtcError ? error : new AtcError('E19999', `Inner Error! ${String(error)}`);
    console.log("ATC run failed, Please check the detail log, Try 'atc --help' for more information");
    console.log(`${code}: [PID: ${process.pid}] ${timestamp()} ${message} (stand-in)`);
    return 255;
  }
  console.log('ATC run success, welcome to the next use.');
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
