import { expect, test } from 'vitest';
import { figure, openHistogram } from '../../src/server/prometheus.ts';

test('a figure says what it is, and its labels cannot be told from its lines', () => {
  const samples = [{ labels: { model: 'a "b"\\\n# TYPE x' }, value: 2 }, { value: 0.5 }];
  expect(figure('things', 'gauge', 'Things that there are.', samples)).toBe(
    '# HELP whisper_npu_things Things that there are.\n# TYPE whisper_npu_things gauge\n' +
      'whisper_npu_things{model="a \\"b\\"\\\\\\n# TYPE x"} 2\nwhisper_npu_things 0.5\n',
  );
});

test('classes of a histogram count all that is not above them', () => {
  const histogram = openHistogram([1, 5]);
  for (const value of [0.5, 1, 3, 100]) histogram.add({ route: '/a' }, value);
  histogram.add({ route: '/b' }, 7);
  expect(figure('h', 'histogram', 'H.', histogram.samples()).split('\n').slice(2)).toEqual([
    'whisper_npu_h_bucket{route="/a",le="1"} 2',
    'whisper_npu_h_bucket{route="/a",le="5"} 3',
    'whisper_npu_h_bucket{route="/a",le="+Inf"} 4',
    'whisper_npu_h_sum{route="/a"} 104.5',
    'whisper_npu_h_count{route="/a"} 4',
    'whisper_npu_h_bucket{route="/b",le="1"} 0',
    'whisper_npu_h_bucket{route="/b",le="5"} 0',
    'whisper_npu_h_bucket{route="/b",le="+Inf"} 1',
    'whisper_npu_h_sum{route="/b"} 7',
    'whisper_npu_h_count{route="/b"} 1',
    '',
  ]);
});
