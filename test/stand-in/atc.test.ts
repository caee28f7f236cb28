import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkModel } from './atc/check-model.ts';
import { fromFloat16, toFloat16 } from './atc/float16.ts';
import { buildStandIn, standIn } from './built.ts';
import { readModel } from './onnx/model.ts';
import { encodeGraph, stepGraph, type TrialGraph, type TrialNode, writeGraph } from './step-graph.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stand-in-atc-'));
const built = buildStandIn();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const x = { name: 'x', dims: [2, 3] };
const axes = { name: 'axes', type: 7, dims: [1], data: new Uint8Array(8) };

/** A graph of one node that reads x. */
function only(node: Partial<TrialNode> & { type: string }, rest: Partial<TrialGraph> = {}): TrialGraph {
  return {
    nodes: [{ inputs: ['x'], outputs: ['y'], ...node }],
    inputs: [x],
    outputs: [{ name: 'y', dims: [2, 3] }],
    ...rest,
  };
}

function external(keys: Record<string, string>): TrialGraph {
  return only(
    { type: 'Add', inputs: ['x', 'w'] },
    {
      initializers: [
        { name: 'w', dims: [2, 3], external: { location: 'weights.bin', offset: '0', length: '24', ...keys } },
      ],
    },
  );
}

const refused: readonly (readonly [form: string, graph: TrialGraph, code: string, text: RegExp])[] = [
  [
    'two opset imports',
    only(
      { type: 'Erf' },
      {
        opsets: [
          ['', 16],
          ['npu', 1],
        ],
      },
    ),
    'E16005',
    /\[2\] \[--domain_version\]/,
  ],
  ['opset 19', only({ type: 'Erf' }, { opsets: [['', 19]] }), 'E13010', /Op: y, optype: ai.onnx::19::Erf/],
  ['opset 10', only({ type: 'Erf' }, { opsets: [['', 10]] }), 'E13010', /ai.onnx::10::Erf/],
  ['Gelu', only({ type: 'Gelu' }), 'E13010', /ai.onnx::16::Gelu/],
  ['Loop', only({ type: 'Loop' }), 'E13010', /Loop/],
  ['another domain', only({ type: 'Gelu', domain: 'com.microsoft' }), 'E13010', /com.microsoft::16::Gelu/],
  [
    'LayerNormalization at 16',
    only({ type: 'LayerNormalization', attributes: { axis: -1 } }),
    'E13010',
    /LayerNormalization/,
  ],
  ['Transpose without perm', only({ type: 'Transpose' }), 'E19999', /perm is mandatory/],
  ['Concat without axis', only({ type: 'Concat', inputs: ['x', 'x'] }), 'E19999', /axis is mandatory/],
  ['Conv without kernel_shape', only({ type: 'Conv', inputs: ['x', 'x'] }), 'E19999', /kernel_shape/],
  [
    'Slice',
    only({ type: 'Slice', inputs: ['x', 'axes', 'axes', 'axes'] }, { initializers: [axes] }),
    'E19999',
    /closed pass/,
  ],
  ['Split without axis', only({ type: 'Split', inputs: ['x'] }), 'E19999', /axis must be explicit/],
  ['Softmax without axis', only({ type: 'Softmax' }), 'E19999', /axis must be explicit/],
  [
    'ArgMax that selects the last',
    only({ type: 'ArgMax', attributes: { axis: 0, select_last_index: 1 } }),
    'E19999',
    /select_last/,
  ],
  [
    'a reduction with axes as input at 18',
    only({ type: 'ReduceMean', inputs: ['x', 'axes'] }, { opsets: [['', 18]], initializers: [axes] }),
    'E19999',
    /silently reduces over every axis/,
  ],
  [
    'a reduction with axes as input at 16',
    only({ type: 'ReduceMax', inputs: ['x', 'axes'] }, { initializers: [axes] }),
    'E19999',
    /axes must be an attribute/,
  ],
  ['Unsqueeze with computed axes', only({ type: 'Unsqueeze', inputs: ['x', 'x'] }), 'E19999', /must be a constant/],
  [
    'Unsqueeze with int32 axes',
    only(
      { type: 'Unsqueeze', inputs: ['x', 'axes'] },
      { initializers: [{ ...axes, type: 6, data: new Uint8Array(4) }] },
    ),
    'E19999',
    /must be int64/,
  ],
  [
    'a shape in a weight file',
    only(
      { type: 'Reshape', inputs: ['x', 'shape'] },
      {
        initializers: [
          { name: 'shape', type: 7, dims: [1], external: { location: 'weights.bin', offset: '0', length: '8' } },
        ],
      },
    ),
    'E19999',
    /kept in the graph/,
  ],
  ['an input left out of Gemm', only({ type: 'Gemm', inputs: ['x', 'x', ''] }), 'E19999', /left out/],
  ['NPUIncreFlashAttention', only({ type: 'NPUIncreFlashAttention' }), 'E19999', /unconnected/],
  [
    'NPUPromptFlashAttention of 4 inputs',
    only({ type: 'NPUPromptFlashAttention', inputs: ['x', 'x', 'x', 'x'] }),
    'E19999',
    /3 or 5/,
  ],
  [
    'two nodes of a name',
    {
      ...only({ type: 'Erf' }),
      nodes: [
        { type: 'Erf', name: 'n', inputs: ['x'], outputs: ['z'] },
        { type: 'Erf', name: 'n', inputs: ['z'], outputs: ['y'] },
      ],
    },
    'E13009',
    /Operator n already exists/,
  ],
  ['a node named as an input', only({ type: 'Erf', name: 'x' }), 'E13009', /Operator x already exists/],
  [
    'a name that is generated too',
    {
      ...only({ type: 'Erf' }),
      nodes: [
        { type: 'Erf', name: '', inputs: ['x'], outputs: ['z'] },
        { type: 'Erf', name: 'Erf_0', inputs: ['z'], outputs: ['y'] },
      ],
    },
    'E13009',
    /Erf_0/,
  ],
  ['a checksum', external({ checksum: 'abc' }), 'E11010', /checksum abc/],
  ['a checksum of digits', external({ checksum: '123' }), 'E19999', /not checksum/],
  [
    'a length that is not the shape',
    external({ length: '20' }),
    'E19999',
    /data size 20 is not equal to tensor size 24/,
  ],
  ['a missing weight file', external({ location: 'none.bin' }), 'E19999', /none.bin is missing/],
  ['a short weight file', external({ offset: '100000' }), 'E19999', /are more than/],
  ['an input as output', { ...only({ type: 'Erf' }), outputs: [x] }, 'E19999', /put an Identity between/],
  [
    'an initializer as output',
    { ...only({ type: 'Erf' }), initializers: [axes], outputs: [{ name: 'axes', type: 7, dims: [1] }] },
    'E19999',
    /put an Identity between/,
  ],
];

describe('the stand-in atc', () => {
  writeGraph(folder, stepGraph);

  test.each(refused)('refuses %s', (_, graph, code, text) => {
    const check = () => checkModel(readModel(encodeGraph(graph)), folder);
    expect(check).toThrow(expect.objectContaining({ code, message: expect.stringMatching(text) }));
  });

  test.each([
    ['the step graph', stepGraph],
    ['opset 17', { ...stepGraph, opsets: [['', 17]] as const }],
    ['its domain spelled out', { ...stepGraph, opsets: [['ai.onnx', 16]] as const }],
    [
      'LayerNormalization at 17',
      only({ type: 'LayerNormalization', attributes: { axis: -1 } }, { opsets: [['', 17]] }),
    ],
    [
      'a length left off',
      { ...stepGraph, initializers: [{ name: 'w', dims: [64], external: { location: 'weights.bin' } }] },
    ],
  ])('takes %s', (_, graph: TrialGraph) => {
    expect(() => checkModel(readModel(encodeGraph(graph)), folder)).not.toThrow();
  });

  test('rounds to the nearest float16, ties to even', () => {
    const values = Float32Array.of(
      0,
      -0,
      1,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      65504,
      65520,
      -1e9,
      2 ** -24,
      2 ** -26,
      0.1,
      Number.NaN,
    );
    const { POSITIVE_INFINITY, NEGATIVE_INFINITY, NaN: nan } = Number;
    const rounded = [
      0,
      -0,
      1,
      1,
      1 + 2 ** -9,
      65504,
      POSITIVE_INFINITY,
      NEGATIVE_INFINITY,
      2 ** -24,
      0,
      0.0999755859375,
      nan,
    ];
    expect([...fromFloat16(toFloat16(values))]).toEqual(rounded);
    const all = Uint16Array.from({ length: 0x7c01 }, (_, i) => i);
    expect(toFloat16(fromFloat16(all))).toEqual(all);
  });
});

function atc(...args: string[]) {
  const { status, stdout } = spawnSync(standIn.atc, args, { encoding: 'utf8' });
  return { status, stdout };
}

describe.skipIf(!built)('the atc command of the stand-in', () => {
  const usual = ['--framework=5', '--soc_version=Ascend910B4', '--input_format=ND'];
  const output = path.join(folder, 'out');

  test.each([
    ['an unknown option', ['--modle=x'], 'E10001'],
    ['another framework', ['--framework=3', '--model=x'], 'E10001'],
    ['an unknown soc', ['--framework=5', '--model=graph.onnx', '--soc_version=Ascend999', '--output=out'], 'E10001'],
    ['no soc', ['--framework=5', '--model=graph.onnx', '--output=out'], 'E10001'],
    ['no such model', [...usual, '--model=none.onnx', '--output=out'], 'E13000'],
    ['no output', [...usual, '--model=graph.onnx'], 'E10004'],
    ['two precision modes', [...usual, '--precision_mode=force_fp16', '--precision_mode_v2=fp16'], 'E10001'],
    ['a space in a path', [...usual, '--model=graph.onnx', '--output=out put'], 'E10001'],
    ['a tilde in a path', [...usual, '--model=graph.onnx', '--output=out~1'], 'E10001'],
    ['dynamic shapes', [...usual, '--dynamic_dims=1;2'], 'E10001'],
  ])('fails for %s', (_, args, code) => {
    const here = args.map((arg) => arg.replace(/=(graph|none|out)/, `=${folder}/$1`));
    const { status, stdout } = atc(...here);
    expect(status).toBe(255);
    expect(stdout).toContain('ATC run failed');
    expect(stdout).toMatch(new RegExp(`^${code}: .*\\(stand-in\\)$`, 'm'));
    expect(existsSync(`${output}.om`)).toBe(false);
  });

  test('refuses what ONNX Runtime finds wrong with types, and leaves nothing behind', () => {
    const graph = path.join(folder, 'mixed.onnx');
    const half = { name: 'h', type: 10, dims: [2, 3], data: new Uint8Array(12) };
    writeFileSync(graph, encodeGraph(only({ type: 'Add', inputs: ['x', 'h'] }, { initializers: [half] })));
    const { status, stdout } = atc(...usual, `--model=${graph}`, `--output=${output}`);
    expect({ status, stdout }).toMatchObject({ status: 255, stdout: expect.stringContaining('E19999') });
    expect(stdout).toContain('ONNX Runtime refuses the graph');
    expect(existsSync(`${output}.om`) || existsSync(`${output}.om.partial`)).toBe(false);
  });

  test.each([
    ['[ByOpType]\nConv2D=enable_float_32_execution\n', 0],
    ['[ByOpType]\nConv2D=enable_float32_execution\n', 255],
    ['[ByOptype]\nConv2D=enable_float_32_execution\n', 255],
    ['Conv2D=enable_float_32_execution\n', 255],
  ])('reads how operators are to compute: %j gives %d', (content, status) => {
    const file = path.join(folder, 'precision.ini');
    writeFileSync(file, content);
    const model = `--model=${folder}/graph.onnx`;
    expect(atc(...usual, model, '--mode=3', `--op_precision_mode=${file}`).status).toBe(status);
  });

  test('looks at where a link to the model leads', () => {
    const odd = path.join(folder, 'odd one');
    mkdirSync(odd);
    writeGraph(odd, stepGraph);
    symlinkSync(odd, path.join(folder, 'link'));
    const { status, stdout } = atc(...usual, `--model=${folder}/link/graph.onnx`, `--output=${output}`);
    expect({ status, stdout }).toMatchObject({ status: 255, stdout: expect.stringContaining('odd one') });
  });

  test('writes external weights to ASCEND_WORK_PATH or the current folder first, and leaves nothing there', () => {
    const args = [...usual, `--model=${folder}/graph.onnx`, `--output=${output}`, '--external_weight=1'];
    const cwd = mkdtempSync(path.join(tmpdir(), 'stand-in-cwd-'));
    const failed = spawnSync(standIn.atc, args, {
      encoding: 'utf8',
      cwd,
      env: { ...process.env, ASCEND_WORK_PATH: '/dev/null' },
    });
    expect(failed.status).toBe(255);
    expect(failed.stdout).toContain('tmp_weight_');
    expect(spawnSync(standIn.atc, args, { cwd }).status).toBe(0);
    expect(readdirSync(cwd)).toEqual([]);
    rmSync(cwd, { recursive: true });
    rmSync(`${output}.om`);
    rmSync(path.join(folder, 'weight'), { recursive: true });
  });

  test('takes symbolic dimensions with --input_shape only', () => {
    const graph = path.join(folder, 'symbolic.onnx');
    writeFileSync(graph, encodeGraph(only({ type: 'Erf' }, { inputs: [{ name: 'x', dims: ['n', 3] }] })));
    expect(atc(...usual, `--model=${graph}`, `--output=${output}`)).toMatchObject({ status: 255 });
    expect(atc(...usual, `--model=${graph}`, `--output=${output}`, '--input_shape=x:2,3')).toMatchObject({ status: 0 });
    rmSync(`${output}.om`);
  });

  test('writes the real header and says in it what it is', () => {
    const result = atc(...usual, `--model=${path.join(folder, 'graph.onnx')}`, `--output=${output}`);
    expect(result).toMatchObject({ status: 0, stdout: expect.stringContaining('ATC run success') });
    const om = readFileSync(`${output}.om`);
    expect(om.toString('latin1', 0, 4)).toBe('IMOD');
    expect(Number(om.readBigUInt64LE(184))).toBe(om.length - 256);
    const shown = atc('--mode=6', `--om=${output}.om`).stdout;
    expect(shown).toContain('stand-in: soc_version: Ascend910B4');
    expect(shown).toContain('atc_version: stand-in');
    truncateSync(`${output}.om`, 100);
    expect(atc('--mode=6', `--om=${output}.om`)).toMatchObject({ status: 255 });
  });
});
