import { Argument, type Command } from 'commander';
import { resolveModel } from '../../model/resolve-model.ts';
import { option } from '../options.ts';
import { type ModelSourceOptions, modelContext, type Session, sessionTerminal } from '../session.ts';

interface Options extends ModelSourceOptions {
  readonly json?: boolean;
}

export function addPull(program: Command, session: Session): void {
  program
    .command('pull')
    .summary('fetch models into the store')
    .description('Fetches models into the store, so that later commands need no network. Prints their folders.')
    .addArgument(new Argument('<model...>', 'names (whisper-medium) or hub ids (openai/whisper-medium)'))
    .addOption(option.source())
    .addOption(option.json())
    .addOption(option.quiet())
    .action(async (models: string[], options: Options) => {
      const terminal = sessionTerminal(session, options);
      for (const model of models) {
        const files = await resolveModel(model, modelContext(session, options, terminal));
        terminal.note(`${files.name} is complete (from: ${files.source})`);
        await session.print(`${options.json ? JSON.stringify(files) : files.directory}\n`);
      }
    });
}
