import type { Pool } from '../../pool/pool.ts';
import type { Terminal } from '../terminal.ts';

/** Whether any device of a pool works. */
export function hasDevice(pool: Pool): boolean {
  return pool.status().devices.some(({ isOut }) => !isOut);
}

/** @returns whether no device works, which is said when it begins and when it ends. */
export function heldBy(pool: Pool, { note, warn }: Pick<Terminal, 'note' | 'warn'>): () => boolean {
  let wasHeld = false;
  return () => {
    const isHeld = !hasDevice(pool);
    if (isHeld && !wasHeld) warn('no device works: no jobs are taken until one does, which is tried now and then');
    if (!isHeld && wasHeld) note('a device works again: jobs are taken');
    wasHeld = isHeld;
    return isHeld;
  };
}
