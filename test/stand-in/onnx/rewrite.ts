import { fieldNumbers, type Initializer, readInitializer, readValue } from './model.ts';
import {
  bytesField,
  bytesOf,
  intField,
  messageField,
  readFields,
  textField,
  type WireField,
  writeFields,
} from './wire.ts';

/** What is to become of a model's parts; what is not named stays as it is. */
export interface Rewrite {
  /** The fields that an initializer shall have, or undefined to leave it. */
  initializer?: (initializer: Initializer) => readonly WireField[] | undefined;
  /** Nodes to stand before all others. */
  nodes?: readonly (readonly WireField[])[];
  /** Dimensions of graph inputs by name. */
  inputDims?: ReadonlyMap<string, readonly number[]>;
}

/** The model with its parts changed. */
export function rewriteModel(bytes: Uint8Array, rewrite: Rewrite): Uint8Array {
  return writeFields(
    readFields(bytes).map((field) =>
      field.number === fieldNumbers.graph && field.wire === 2
        ? messageField(fieldNumbers.graph, rewriteGraph(field.bytes, rewrite))
        : field,
    ),
  );
}

function rewriteGraph(bytes: Uint8Array, { initializer, nodes = [], inputDims }: Rewrite): WireField[] {
  const fields = readFields(bytes).map((field) => {
    if (field.wire !== 2) return field;
    if (field.number === fieldNumbers.initializer) {
      const fresh = initializer?.(readInitializer(field.bytes));
      return fresh === undefined ? field : messageField(fieldNumbers.initializer, fresh);
    }
    if (field.number === fieldNumbers.input) {
      const { name, elementType } = readValue(field.bytes);
      const dims = inputDims?.get(name);
      return dims === undefined ? field : messageField(fieldNumbers.input, valueFields(name, elementType, dims));
    }
    return field;
  });
  return [...nodes.map((node) => messageField(fieldNumbers.node, node)), ...fields];
}

function valueFields(name: string, elementType: number, dims: readonly number[]): WireField[] {
  const shape = dims.map((dim) => messageField(1, [intField(1, dim)]));
  return [textField(1, name), messageField(2, [messageField(1, [intField(1, elementType), messageField(2, shape)])])];
}

/** An initializer whose data lie in a file. */
export function externalInitializer(
  { dims }: Pick<Initializer, 'dims'>,
  name: string,
  elementType: number,
  place: { location: string; offset: number; sizeBytes: number },
): WireField[] {
  const entry = (key: string, value: string) => messageField(13, [textField(1, key), textField(2, value)]);
  return [
    ...dims.map((dim) => intField(1, dim)),
    intField(2, elementType),
    textField(8, name),
    entry('location', place.location),
    entry('offset', String(place.offset)),
    entry('length', String(place.sizeBytes)),
    intField(14, 1),
  ];
}

/** An initializer that holds its data. */
export function inlineInitializer(
  { dims }: Pick<Initializer, 'dims'>,
  name: string,
  elementType: number,
  data: Uint8Array,
): WireField[] {
  return [...dims.map((dim) => intField(1, dim)), intField(2, elementType), textField(8, name), bytesField(9, data)];
}

/** A Cast node. */
export function castNode(from: string, to: string, elementType: number): WireField[] {
  const attribute = [textField(1, 'to'), intField(3, elementType), intField(20, 2)];
  return [
    textField(1, from),
    textField(2, to),
    textField(3, `${to}_cast`),
    textField(4, 'Cast'),
    messageField(5, attribute),
  ];
}

/**
 * The model with the weights that an OM holds bound to that OM's place on disk.
 *
 * @param location the file's name, for weights that the OM has not left in files of their own
 * @param baseOffset where the weights begin in it
 */
export function bindWeights(bytes: Uint8Array, location: string, baseOffset: number): Uint8Array {
  return rewriteModel(bytes, {
    initializer(initializer) {
      const external = new Map(initializer.external ?? []);
      if (external.get('location') !== weightsInOm) return undefined;
      const place = {
        location,
        offset: baseOffset + Number(external.get('offset')),
        sizeBytes: Number(external.get('length')),
      };
      return externalInitializer(initializer, initializer.name, initializer.elementType, place);
    },
  });
}

/** The location, in the graph an OM holds, of weights that lie in the OM's own weights partition. */
export const weightsInOm = '@om';

/** True where the graph keeps some of its weights in files of their own. */
export function hasWeightFiles(bytes: Uint8Array): boolean {
  const graph = readFields(bytesOf(readFields(bytes), fieldNumbers.graph).at(-1) ?? new Uint8Array());
  return bytesOf(graph, fieldNumbers.initializer).some((initializer) => {
    const { external } = readInitializer(initializer);
    return external !== undefined && new Map(external).get('location') !== weightsInOm;
  });
}
