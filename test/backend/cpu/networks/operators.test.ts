import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NetworkDescription } from '../../../../src/backend/cpu/networks/description.ts';
import type { GraphBuilder, Value } from '../../../../src/graph/onnx.ts';
import { expectLikeOnnxRuntime, randomTensor, runNetwork } from './run-network.ts';

type Operator = NetworkDescription['operators'][number];

const seed = fc.integer();
/** Sizes around those of vectors and panels. */
const width = fc.integer({ min: 1, max: 37 });
const few = fc.integer({ min: 1, max: 4 });

async function always<T>(values: fc.Arbitrary<T>, property: (value: T) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(values, property), { numRuns: 40 });
}

/** Channels last to channels first, of a sequence or an image, and back. */
const toFirst = (graph: GraphBuilder, x: Value | undefined, axes: number) =>
  graph.op('Transpose', [x], { perm: axes === 1 ? [0, 2, 1] : [0, 3, 1, 2] });
const toLast = (graph: GraphBuilder, x: Value, axes: number) =>
  graph.op('Transpose', [x], { perm: axes === 1 ? [0, 2, 1] : [0, 2, 3, 1] });

const spatial = (batch: number, sizes: readonly number[], channels: number) => [batch, ...sizes, channels];

test('linear', () =>
  always(
    fc.record({ seed, rows: fc.integer({ min: 1, max: 30 }), into: width, out: width, biased: fc.boolean() }),
    (c) =>
      expectLikeOnnxRuntime({
        operators: [{ type: 'linear', x: 'x', weight: 'w', ...(c.biased ? { bias: 'b' } : {}), y: 'y' }],
        inputs: { x: randomTensor(c.seed, [2, c.rows, c.into]) },
        weights: {
          w: randomTensor(c.seed + 1, [c.out, c.into], c.into ** -0.5),
          ...(c.biased ? { b: randomTensor(c.seed + 2, [c.out]) } : {}),
        },
        outputs: ['y'],
        reference(graph, { x, w, b }) {
          const product = graph.op('MatMul', [x, graph.op('Transpose', [w], { perm: [1, 0] })]);
          return [b === undefined ? product : graph.op('Add', [product, b])];
        },
      }),
  ));

describe.each([1, 2])('over %i axes', (axes) => {
  const sizes = (min: number, max: number) => fc.array(fc.integer({ min, max }), { minLength: axes, maxLength: axes });

  test('convolution', () =>
    always(
      fc.record({
        seed,
        batch: few,
        size: sizes(7, 19),
        kernel: sizes(1, 4),
        stride: sizes(1, 3),
        padding: sizes(0, 3),
        dilation: sizes(1, 2),
        groups: fc.constantFrom(1, 1, 2, 3),
        into: few,
        out: fc.integer({ min: 1, max: 20 }),
        biased: fc.boolean(),
      }),
      ({ seed, batch, size, kernel, stride, padding, dilation, groups, into, out, biased }) => {
        const depth = kernel.reduce((product, k) => product * k, into);
        return expectLikeOnnxRuntime({
          operators: [
            {
              type: 'convolution',
              x: 'x',
              weight: 'w',
              stride,
              padding,
              dilation,
              groups,
              y: 'y',
              ...(biased && { bias: 'b' }),
            },
          ],
          inputs: { x: randomTensor(seed, spatial(batch, size, into * groups)) },
          weights: {
            w: randomTensor(seed + 1, [out * groups, into, ...kernel], depth ** -0.5),
            ...(biased && { b: randomTensor(seed + 2, [out * groups]) }),
          },
          outputs: ['y'],
          reference(graph, { x, w, b }) {
            const attributes = { strides: stride, pads: [...padding, ...padding], dilations: dilation, group: groups };
            return [toLast(graph, graph.op('Conv', [toFirst(graph, x, axes), w, b], attributes), axes)];
          },
        });
      },
    ));

  test.each(['maxPool', 'averagePool'] as const)('%s', (type) =>
    always(
      fc.record({
        seed,
        batch: few,
        channels: width,
        size: sizes(4, 15),
        windows: fc.array(
          fc
            .record({ kernel: fc.integer({ min: 1, max: 4 }), stride: few, padding: few })
            .map(({ kernel, stride, padding }) => ({ kernel, stride, padding: Math.min(padding, kernel - 1) })),
          { minLength: axes, maxLength: axes },
        ),
        rounding: fc.constantFrom('up', 'down'),
      }),
      ({ seed, batch, channels, size, windows, rounding }) => {
        const kernel = windows.map((window) => window.kernel);
        const stride = windows.map((window) => window.stride);
        const padding = windows.map((window) => window.padding);
        return expectLikeOnnxRuntime({
          operators: [{ type, x: 'x', kernel, stride, padding, rounding, y: 'y' }],
          inputs: { x: randomTensor(seed, spatial(batch, size, channels)) },
          outputs: ['y'],
          reference(graph, { x }) {
            const attributes = {
              kernel_shape: kernel,
              strides: stride,
              pads: [...padding, ...padding],
              ceil_mode: rounding === 'up' ? 1 : 0,
            };
            const onnxType = type === 'maxPool' ? 'MaxPool' : 'AveragePool';
            return [toLast(graph, graph.op(onnxType, [toFirst(graph, x, axes)], attributes), axes)];
          },
        });
      },
    ),
  );

  test.each(['batchNorm', 'instanceNorm'] as const)('%s', (type) =>
    always(fc.record({ seed, batch: few, channels: width, size: sizes(2, 12) }), ({ seed, batch, channels, size }) => {
      const variance = randomTensor(seed + 4, [channels]);
      const figures = {
        mean: randomTensor(seed + 3, [channels]),
        variance: { ...variance, values: variance.values.map((x) => x * x + 0.1) },
      };
      const common = { x: 'x', scale: 'scale', shift: 'shift', epsilon: 0.01, y: 'y' } as const;
      return expectLikeOnnxRuntime({
        operators: [
          type === 'batchNorm' ? { type, ...common, mean: 'mean', variance: 'variance' } : { type, ...common },
        ],
        inputs: { x: randomTensor(seed, spatial(batch, size, channels)) },
        weights: {
          scale: randomTensor(seed + 1, [channels]),
          shift: randomTensor(seed + 2, [channels]),
          ...(type === 'batchNorm' ? figures : {}),
        },
        outputs: ['y'],
        reference(graph, { x, scale, shift, mean, variance }) {
          const first = toFirst(graph, x, axes);
          const epsilon = { epsilon: { float: 0.01 } };
          const normed =
            type === 'batchNorm'
              ? graph.op('BatchNormalization', [first, scale, shift, mean, variance], epsilon)
              : graph.op('InstanceNormalization', [first, scale, shift], epsilon);
          return [toLast(graph, normed, axes)];
        },
      });
    }),
  );

  test('mean', () =>
    always(fc.record({ seed, batch: few, channels: width, size: sizes(1, 12) }), ({ seed, batch, channels, size }) =>
      expectLikeOnnxRuntime({
        operators: [{ type: 'mean', x: 'x', y: 'y' }],
        inputs: { x: randomTensor(seed, spatial(batch, size, channels)) },
        outputs: ['y'],
        reference(graph, { x }) {
          const rows = graph.op('Reshape', [x, graph.constant('i64', [3], [batch, -1, channels])]);
          return [graph.op('ReduceMean', [rows], { axes: [1] })];
        },
      }),
    ));

  test.each(['count', 'countLessOne'] as const)('statisticsPool by %s', (divisor) =>
    always(fc.record({ seed, batch: few, channels: width, size: sizes(2, 12) }), ({ seed, batch, channels, size }) =>
      expectLikeOnnxRuntime({
        operators: [{ type: 'statisticsPool', x: 'x', divisor, y: 'y' }],
        inputs: { x: randomTensor(seed, spatial(batch, size, channels)) },
        outputs: ['y'],
        reference(graph, { x }) {
          const count = size.reduce((product, n) => product * n, 1);
          const rows = graph.op('Reshape', [x, graph.constant('i64', [3], [batch, -1, channels])]);
          const mean = graph.op('ReduceMean', [rows], { axes: [1] });
          const deviation = graph.op('Sub', [rows, mean]);
          const sum = graph.op('ReduceSumSquare', [deviation], { axes: [1], keepdims: 0 });
          const divided = graph.op('Div', [sum, graph.constant('f32', [], [divisor === 'count' ? count : count - 1])]);
          const flat = graph.op('Reshape', [mean, graph.constant('i64', [2], [batch, channels])]);
          return [graph.op('Concat', [flat, graph.op('Sqrt', [divided])], { axis: 1 })];
        },
      }),
    ),
  );
});

test.each(['forward', 'reverse', 'bidirectional'] as const)('lstm, %s', (direction) =>
  always(
    fc.record({
      seed,
      batch: few,
      length: fc.integer({ min: 1, max: 9 }),
      into: width,
      size: width,
      biased: fc.boolean(),
      continued: fc.boolean(),
    }),
    ({ seed, batch, length, into, size, biased, continued }) => {
      const directions = direction === 'bidirectional' ? 2 : 1;
      const state = [directions, batch, size];
      return expectLikeOnnxRuntime({
        operators: [
          {
            type: 'lstm',
            x: 'x',
            weight: 'w',
            recurrence: 'r',
            direction,
            y: 'y',
            hiddenAfter: 'hiddenAfter',
            cellAfter: 'cellAfter',
            ...(biased && { bias: 'b' }),
            ...(continued && { hidden: 'h', cell: 'c' }),
          },
        ],
        inputs: {
          x: randomTensor(seed, [batch, length, into]),
          ...(continued && { h: randomTensor(seed + 1, state, 0.5), c: randomTensor(seed + 2, state) }),
        },
        weights: {
          w: randomTensor(seed + 3, [directions, 4 * size, into], into ** -0.5),
          r: randomTensor(seed + 4, [directions, 4 * size, size], size ** -0.5),
          ...(biased && { b: randomTensor(seed + 5, [directions, 8 * size], 0.5) }),
        },
        outputs: ['y', 'hiddenAfter', 'cellAfter'],
        reference(graph, { x, w, r, b, h, c }) {
          const sequence = graph.op('Transpose', [x], { perm: [1, 0, 2] });
          const operands = [sequence, w, r, b, undefined, h, c];
          const [y, hidden, cell] = graph.ops('LSTM', operands, 3, { hidden_size: size, direction });
          if (y === undefined || hidden === undefined || cell === undefined)
            throw new Error('an LSTM has three results');
          const rows = graph.op('Transpose', [y], { perm: [2, 0, 1, 3] });
          const joined = graph.op('Reshape', [rows, graph.constant('i64', [3], [batch, length, directions * size])]);
          return [joined, hidden, cell];
        },
      });
    },
  ),
);

test('layerNorm', () =>
  always(fc.record({ seed, rows: few, width: fc.integer({ min: 2, max: 70 }) }), ({ seed, rows, width }) =>
    expectLikeOnnxRuntime({
      operators: [{ type: 'layerNorm', x: 'x', scale: 'scale', shift: 'shift', epsilon: 0.001, y: 'y' }],
      inputs: { x: randomTensor(seed, [2, rows, width]) },
      weights: { scale: randomTensor(seed + 1, [width]), shift: randomTensor(seed + 2, [width]) },
      outputs: ['y'],
      reference: (graph, { x, scale, shift }) => [
        graph.op('LayerNormalization', [x, scale, shift], { axis: -1, epsilon: { float: 0.001 } }),
      ],
    }),
  ));

test.each([
  ['relu', 'Relu'],
  ['sigmoid', 'Sigmoid'],
  ['tanh', 'Tanh'],
  ['absolute', 'Abs'],
  ['softmax', 'Softmax'],
  ['logSoftmax', 'LogSoftmax'],
] as const)('%s', (type, onnxType) =>
  always(fc.record({ seed, rows: few, width, spread: fc.constantFrom(0.1, 3, 30) }), ({ seed, rows, width, spread }) =>
    expectLikeOnnxRuntime({
      operators: [{ type, x: 'x', y: 'y' }],
      inputs: { x: randomTensor(seed, [rows, width], spread) },
      outputs: ['y'],
      reference: (graph, { x }) => [graph.op(onnxType, [x])],
    }),
  ),
);

test('leakyRelu, square and squareRoot', () =>
  always(fc.record({ seed, width }), ({ seed, width }) =>
    expectLikeOnnxRuntime({
      operators: [
        { type: 'leakyRelu', x: 'x', alpha: 0.2, y: 'leaky' },
        { type: 'square', x: 'leaky', y: 'squared' },
        { type: 'squareRoot', x: 'squared', y: 'root' },
      ],
      inputs: { x: randomTensor(seed, [3, width]) },
      outputs: ['leaky', 'squared', 'root'],
      reference(graph, { x }) {
        const leaky = graph.op('LeakyRelu', [x], { alpha: { float: 0.2 } });
        const squared = graph.op('Mul', [leaky, leaky]);
        return [leaky, squared, graph.op('Sqrt', [squared])];
      },
    }),
  ));

test.each([
  ['add', 'Add'],
  ['multiply', 'Mul'],
] as const)('%s repeats what has a size of 1', (type, onnxType) =>
  always(
    fc.record({
      seed,
      axes: fc.array(fc.record({ size: width, repeated: fc.constantFrom('a', 'b', 'neither') }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
    ({ seed, axes }) => {
      const shapeOf = (name: string) => axes.map(({ size, repeated }) => (repeated === name ? 1 : size));
      return expectLikeOnnxRuntime({
        operators: [{ type, a: 'a', b: 'b', y: 'y' }],
        inputs: { a: randomTensor(seed, shapeOf('a')), b: randomTensor(seed + 1, shapeOf('b')) },
        outputs: ['y'],
        reference: (graph, { a, b }) => [graph.op(onnxType, [a, b])],
      });
    },
  ),
);

const shapeAndAxis = fc
  .array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })
  .chain((shape) => fc.record({ shape: fc.constant(shape), axis: fc.nat(shape.length - 1) }));

/** Figures for one axis where ONNX wants them for all. */
const alongAxis = (shape: readonly number[], axis: number, value: number) =>
  shape.map((_, i) => (i === axis ? value : 0));

test.each(['zero', 'reflect'] as const)('pad by %s', (mode) =>
  always(
    fc.record({ seed, at: shapeAndAxis, before: fc.nat(7), after: fc.nat(7) }),
    ({ seed, at: { shape, axis }, ...wanted }) => {
      const size = shape[axis] ?? 0;
      const most = mode === 'reflect' ? size - 1 : 7;
      const [before, after] = [Math.min(wanted.before, most), Math.min(wanted.after, most)];
      return expectLikeOnnxRuntime({
        operators: [{ type: 'pad', x: 'x', axis, before, after, mode, y: 'y' }],
        inputs: { x: randomTensor(seed, shape) },
        outputs: ['y'],
        reference(graph, { x }) {
          const pads = [...alongAxis(shape, axis, before), ...alongAxis(shape, axis, after)];
          const operands = [x, graph.constant('i64', [pads.length], pads)];
          return [graph.op('Pad', operands, { mode: mode === 'zero' ? 'constant' : 'reflect' })];
        },
      });
    },
  ),
);

test('slice and concat', () =>
  always(
    fc.record({ seed, at: shapeAndAxis, begin: fc.nat(5), length: few }),
    ({ seed, at: { shape, axis }, ...wanted }) => {
      const size = shape[axis] ?? 0;
      const begin = Math.min(wanted.begin, size - 1);
      const end = Math.min(begin + wanted.length, size);
      return expectLikeOnnxRuntime({
        operators: [
          { type: 'slice', x: 'x', axis, begin, end, y: 'part' },
          { type: 'concat', xs: ['part', 'x', 'part'], axis, y: 'joined' },
        ],
        inputs: { x: randomTensor(seed, shape) },
        outputs: ['part', 'joined'],
        reference(graph, { x }) {
          const [from, to, along] = [begin, end, axis].map((value) => graph.constant('i64', [1], [value]));
          const part = graph.op('Slice', [x, from, to, along]);
          return [part, graph.op('Concat', [part, x, part], { axis })];
        },
      });
    },
  ));

test('transpose and reshape', () =>
  always(
    fc.record({ seed, shape: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }) }).chain((c) =>
      fc.record({
        seed: fc.constant(c.seed),
        shape: fc.constant(c.shape),
        order: fc.shuffledSubarray([...c.shape.keys()], { minLength: c.shape.length }),
      }),
    ),
    ({ seed, shape, order }) =>
      expectLikeOnnxRuntime({
        operators: [
          { type: 'transpose', x: 'x', order, y: 'turned' },
          { type: 'reshape', x: 'turned', shape: [shape[0] ?? 1, 0], y: 'flat' },
        ],
        inputs: { x: randomTensor(seed, shape) },
        outputs: ['turned', 'flat'],
        reference(graph, { x }) {
          const turned = graph.op('Transpose', [x], { perm: order });
          return [turned, graph.op('Reshape', [turned, graph.constant('i64', [2], [shape[0] ?? 1, -1])])];
        },
      }),
  ));

test('what is no number passes through', () => {
  const x = { shape: [1, 4, 1], values: Float32Array.of(Number.NaN, 1, -1, 2) };
  const operators: Operator[] = [
    { type: 'relu', x: 'x', y: 'relu' },
    { type: 'leakyRelu', x: 'x', y: 'leaky' },
    { type: 'sigmoid', x: 'x', y: 'sigmoid' },
    { type: 'tanh', x: 'x', y: 'tanh' },
    { type: 'maxPool', x: 'x', kernel: [4], y: 'max' },
    { type: 'mean', x: 'x', y: 'mean' },
  ];
  const outputs = operators.map((operator) => ('y' in operator ? operator.y : ''));
  for (const { values } of Object.values(runNetwork({ operators, inputs: { x }, outputs })))
    expect(values[0]).toBeNaN();
});
