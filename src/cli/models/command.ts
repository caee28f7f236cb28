import type { Command } from 'commander';
import { catalog } from '../../model/catalog.ts';
import { listModels, removeModel, storeDirectory } from '../../model/store.ts';
import { printable } from '../../printable.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { type Session, sessionTerminal } from '../session.ts';
import { table } from '../table.ts';

export function addModels(program: Command, session: Session): void {
  const models = program
    .command('models')
    .summary('list the models in the store, or remove one')
    .description('Lists the models that are on this machine and the names that can be fetched.');
  addOptions(models.command('list', { isDefault: true }), 'models list')
    .description('list models')
    .action(async (_: unknown, own: Command) => {
      const { options } = readOptions(own, 'models list', session);
      const store = storeDirectory(session.env);
      const stored = await listModels(store);
      if (options.json) return session.print(`${JSON.stringify({ store, models: stored })}\n`);
      const rows = stored.map(({ name, format, sizeBytes, prepared }) => [
        printable(name),
        format,
        `${(sizeBytes / 1e6).toFixed(0)} MB`,
        printable(prepared.join(', ')) || '-',
      ]);
      const names = new Set(stored.map(({ name }) => name));
      const others = catalog.map(({ name }) => name).filter((name) => !names.has(name));
      const listing = rows.length === 0 ? 'no models yet\n' : table(['model', 'format', 'size', 'prepared for'], rows);
      await session.print(`${printable(store)}\n\n${listing}\ncan be fetched: ${others.join(', ')}\n`);
    });
  models
    .command('remove')
    .description('remove a model and all that was built from it')
    .argument('<model>', 'its name in the list')
    .action(async (name: string) => {
      await removeModel(storeDirectory(session.env), name, session.signal);
      sessionTerminal(session, {}).note(`removed ${name}`);
    });
}
