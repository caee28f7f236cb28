import { expect, test } from 'vitest';
import { shortNames } from '../../src/report/short-names.ts';

test.each<[string, string[], string[]]>([
  ['a path alone keeps its last part', ['/data/clips/jfk.wav'], ['jfk.wav']],
  ['names of their own stay names', ['/data/a/jfk.wav', '/data/b/austen.wav'], ['jfk.wav', 'austen.wav']],
  [
    'equal names get the folder that differs',
    ['/x/a/1.wav', '/x/b/1.wav', '/x/b/2.wav'],
    ['a/1.wav', 'b/1.wav', '2.wav'],
  ],
  ['a path that ends another one stays whole', ['a/1.wav', 'x/a/1.wav'], ['a/1.wav', 'x/a/1.wav']],
  ['a path given twice is named alike', ['/x/1.wav', '/x/1.wav'], ['1.wav', '1.wav']],
  ['Windows’ paths too', ['C:\\clips\\1.wav', 'D:\\clips\\1.wav'], ['C:\\clips\\1.wav', 'D:\\clips\\1.wav']],
  ['nothing of nothing', [], []],
])('%s', (_, paths, names) => {
  expect(shortNames(paths)).toEqual(names);
});
