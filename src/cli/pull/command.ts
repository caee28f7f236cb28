import { Argument, type Command } from 'commander';
import { resolveModel } from '../../model/resolve-model.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { modelContext, type Session } from '../session.ts';

export function addPull(program: Command, session: Session): void {
  addOptions(program.command('pull'), 'pull')
    .summary('fetch models into the store')
    .description('Fetches models into the store, so that later commands need no network. Prints their folders.')
    .addArgument(new Argument('<model...>', 'names (whisper-medium) or hub ids (openai/whisper-medium)'))
    .action(async (models: string[], _: unknown, own: Command) => {
      const { options, terminal } = readOptions(own, 'pull', session);
      for (const model of models) {
        const files = await resolveModel(model, modelContext(session, options, terminal));
        terminal.note(`${files.name} is complete (from: ${files.source})`);
        await session.print(`${options.json ? JSON.stringify(files) : files.directory}\n`);
      }
    });
}
