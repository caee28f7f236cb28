import { describe, expect, test } from 'vitest';
import { type Places, placesIn } from '../../src/pool/places.ts';

const asking = { count: 1, priority: 0 };

/** Asks, and notes when it is given. */
function ask(places: Places<string>, name: string, given: string[], priority = 0) {
  return places.take({ count: 1, priority }).then(([place]) => {
    given.push(name);
    return place;
  });
}

describe('places', () => {
  test('are taken where most are free', async () => {
    const places = placesIn([
      { where: 'a', places: 2 },
      { where: 'b', places: 3 },
    ]);
    const taken = [];
    for (let i = 0; i < 5; i++) taken.push(...(await places.take(asking)));
    expect(taken.map(({ where }) => where)).toEqual(['b', 'a', 'b', 'a', 'b']);
    expect([places.taken('a'), places.taken('b')]).toEqual([2, 3]);
  });

  test('are waited for in turn: who asks again comes behind all that wait', async () => {
    const places = placesIn([{ where: 'a', places: 1 }]);
    const given: string[] = [];
    const [first] = await places.take(asking);
    const second = ask(places, 'second', given);
    const third = ask(places, 'third', given);
    const again = ask(places, 'first again', given);
    expect(places.waiting).toBe(3);
    first?.leave();
    (await second)?.leave();
    (await third)?.leave();
    await again;
    expect(given).toEqual(['second', 'third', 'first again']);
  });

  test('go to a higher priority first', async () => {
    const places = placesIn([{ where: 'a', places: 1 }]);
    const given: string[] = [];
    const [first] = await places.take(asking);
    const usual = ask(places, 'usual', given);
    const urgent = ask(places, 'urgent', given, 5);
    const late = ask(places, 'late', given, -1);
    first?.leave();
    (await urgent)?.leave();
    (await usual)?.leave();
    await late;
    expect(given).toEqual(['urgent', 'usual', 'late']);
  });

  test('left twice are free once', async () => {
    const places = placesIn([{ where: 'a', places: 1 }]);
    const [first] = await places.take(asking);
    first?.leave();
    first?.leave();
    await places.take(asking);
    const given: string[] = [];
    void ask(places, 'one too many', given);
    await Promise.resolve();
    expect([places.waiting, places.taken('a'), given]).toEqual([1, 1, []]);
  });

  test('asked for together are given together, spread, and more than there are: nobody waits for others with places in hand', async () => {
    const places = placesIn([
      { where: 'a', places: 2 },
      { where: 'b', places: 2 },
    ]);
    const taken = await places.take({ count: 6, priority: 0 });
    expect([places.taken('a'), places.taken('b')]).toEqual([3, 3]);
    const given: string[] = [];
    const next = ask(places, 'next', given);
    for (const place of taken.slice(0, 2)) place.leave();
    await Promise.resolve();
    expect(given).toEqual([]);
    taken[2]?.leave();
    await next;
  });

  test('are not waited for once the signal is aborted, and whoever waits behind moves up', async () => {
    const places = placesIn([{ where: 'a', places: 1 }]);
    const [first] = await places.take(asking);
    const given: string[] = [];
    const aborting = new AbortController();
    const aborted = places.take({ ...asking, signal: aborting.signal });
    const behind = ask(places, 'behind', given);
    aborting.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(places.take({ ...asking, signal: aborting.signal })).rejects.toThrow('enough');
    expect(places.waiting).toBe(1);
    first?.leave();
    await behind;
  });

  test('are refused to all once they are closed', async () => {
    const places = placesIn([{ where: 'a', places: 1 }]);
    const [first] = await places.take(asking);
    const waiting = [places.take(asking), places.take(asking)];
    places.close(new Error('closed'));
    for (const one of waiting) await expect(one).rejects.toThrow('closed');
    first?.leave();
    await expect(places.take(asking)).rejects.toThrow('closed');
  });
});
