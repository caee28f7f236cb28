import { compareLayers } from '../../accuracy/layers.ts';
import { checkVocabulary, liveReference, type Reference } from '../../accuracy/reference.ts';
import type { LayerResult, Side } from '../../accuracy/result.ts';
import type { WindowComparison } from '../../accuracy/window.ts';
import { UsageError } from '../../errors.ts';
import { logMelSpectrogram } from '../../features/log-mel.ts';
import { catalog } from '../../model/catalog.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { openLayerProbe } from '../../setup/open-layer-probe.ts';
import { type OpenModelOptions, openModel } from '../../setup/open-model.ts';
import type { LoadedModel } from '../../transcribe/loaded-model.ts';
import { modelOptions } from '../model-input.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

type SideOptions = CommandOptions<'accuracy'>;

/** Both sides, opened. */
export interface Sides extends AsyncDisposable {
  readonly tested: LoadedModel;
  readonly reference: Reference;
  /** What they are, for reports. */
  readonly testedSide: Side;
  readonly referenceSide: Side;
  readonly isStandIn: boolean;
  /** The chip that is tested; undefined for the CPU. */
  readonly soc: string | undefined;
}

/**
 * Opens the tested model, then what it is held against.
 *
 * @param stored a reference from a file; without it the reference is a model on the CPU
 */
export async function openSides(
  options: SideOptions,
  stored: Reference | undefined,
  session: Session,
  terminal: Terminal,
): Promise<Sides> {
  let npu: TestedNpu | undefined;
  const tested = await openModel({
    ...modelOptions(options, session, terminal),
    ...modelSpec(options.model ?? modelOf(stored)),
    onNpu({ isStandIn, device }) {
      npu = { isStandIn, soc: device.socName };
    },
  });
  let reference = stored;
  try {
    reference ??= liveReference(await openReference(options, tested, session, terminal));
    checkVocabulary(reference, tested.name, tested.backend.dimensions);
    if (options.layers) checkShape(reference, tested);
    terminal.note(`reference ${reference.model}, ${reference.device}`);
    terminal.note(`tested ${tested.name}, ${tested.dtype}, ${tested.backend.device}`);
    return sidesOf(tested, reference, npu);
  } catch (error) {
    await reference?.[Symbol.asyncDispose]();
    await tested[Symbol.asyncDispose]();
    throw error;
  }
}

interface TestedNpu {
  readonly isStandIn: boolean;
  readonly soc: string;
}

function sidesOf(tested: LoadedModel, reference: Reference, npu: TestedNpu | undefined): Sides {
  return {
    tested,
    reference,
    testedSide: {
      model: tested.name,
      device: tested.backend.device,
      dtype: tested.dtype,
    },
    referenceSide: { model: reference.model, device: reference.device, dtype: 'float32' },
    isStandIn: npu?.isStandIn === true,
    soc: npu?.soc,
    async [Symbol.asyncDispose]() {
      await reference[Symbol.asyncDispose]();
      await tested[Symbol.asyncDispose]();
    },
  };
}

function referenceOptions(options: SideOptions, session: Session, terminal: Terminal): OpenModelOptions {
  const { device: _, omDirectory: __, dtype: ___, cpuLevel: ____, ...rest } = modelOptions(options, session, terminal);
  return { ...rest, device: { kind: 'cpu' }, threads: options.refThreads ?? options.threads };
}

async function openReference(options: SideOptions, tested: LoadedModel, session: Session, terminal: Terminal) {
  return openModel({
    ...referenceOptions(options, session, terminal),
    model: options.refModel ?? options.model ?? tested.name,
  });
}

/** Blocks can be compared where both models have the same ones. */
function checkShape({ model, dimensions }: Reference, { name, backend }: LoadedModel): void {
  const sizes = (of: ModelDimensions | undefined) => JSON.stringify(Object.entries(of ?? {}).sort());
  if (sizes(dimensions) === sizes(backend.dimensions)) return;
  throw new UsageError('LAYERS_DIFFER', `${model} and ${name} are not of one shape, so --layers cannot compare them`, {
    hint: 'Leave --layers out, or compare models of one size.',
  });
}

function modelSpec(model: string | undefined): { model?: string } {
  return model === undefined ? {} : { model };
}

/** A stored reference is about some model: that is the one to test. */
function modelOf(stored: Reference | undefined): string | undefined {
  if (stored === undefined || catalog.some(({ name }) => name === stored.model)) return stored?.model;
  throw new UsageError('MODEL_NEEDED', `the reference is about ${stored.model}, which has no published name`, {
    hint: 'Name the model or its folder with --model.',
  });
}

/** What --layers compares on: the first window that both sides have gone through. */
export interface LayerInput {
  readonly file: string;
  /** Mono f32 at 16 kHz, up to 30 s. */
  readonly samples: Float32Array;
  readonly window: WindowComparison;
}

/** Compares block by block. Both sides are opened anew, because an NPU needs other graphs for it. */
export async function compareBlocks(
  { file, samples, window }: LayerInput,
  models: { readonly reference: string; readonly tested: string },
  options: SideOptions,
  session: Session,
  terminal: Terminal,
): Promise<LayerResult> {
  terminal.note('comparing block by block');
  const { prompt, tokens } = window.reference;
  const open = { ...referenceOptions(options, session, terminal), model: models.reference };
  const { probe, dimensions } = await openLayerProbe(open);
  await using reference = probe;
  const { probe: testedProbe } = await openLayerProbe({
    ...modelOptions(options, session, terminal),
    model: models.tested,
  });
  await using tested = testedProbe;
  // The last token is what the text before it leads to.
  const input = {
    logMel: logMelSpectrogram(samples, dimensions.nMels),
    tokens: [...prompt, ...tokens.slice(0, -1)],
    dimensions,
  };
  return { file, ...(await compareLayers(reference, tested, input, session.signal)) };
}
