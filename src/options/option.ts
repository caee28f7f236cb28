import type { Kind } from './kind.ts';

/** A command of the command line. */
export type CommandName =
  | 'transcribe'
  | 'bench'
  | 'bench compare'
  | 'accuracy'
  | 'serve'
  | 'queue add'
  | 'queue status'
  | 'queue results'
  | 'queue cancel'
  | 'queue retry'
  | 'worker'
  | 'convert'
  | 'pull'
  | 'models list'
  | 'doctor';

/** A function of the library, or an object of options within its options. */
export type LibraryCall =
  | 'loadModel()'
  | 'openPool()'
  | 'pool.transcribe()'
  | 'openRecording()'
  | 'transcribe()'
  | 'speech.options'
  | 'formats';

/** Fields that come to a server with a recording. */
export type FormName = 'audio form';

/** Where options come in. */
export type Door = CommandName | LibraryCall | FormName;

/** That another option is set, to something but `except`; or, for numbers, is above something (in a list: that one of them is); or lists one of these. */
export interface Condition {
  /** The other option, by its name in the table. */
  readonly name: string;
  readonly above?: number;
  readonly listing?: readonly string[];
  readonly except?: string;
}

/** How an option stands to the others. Conditions about options that a door does not have are left out there. */
export interface Relations {
  /** One of these must hold, else it is refused. */
  readonly requires?: readonly Condition[];
  /** One of these must hold, else it has no effect: it is left out with a warning. */
  readonly needs?: readonly Condition[];
  /** Where all of these hold it has no effect: it is left out with a warning. */
  readonly overruledBy?: readonly Condition[];
  /** Where one of these holds it is refused. */
  readonly conflicts?: readonly Condition[];
  /** Ends the sentence about a refusal: why, or what to do instead. */
  readonly because?: string;
  /** It must be greater than this other option. */
  readonly behind?: string;
}

/** What is said of an option beside the values it takes. */
export interface OptionText<D extends Door> extends Relations {
  /** The heading that it stands under. */
  readonly group: string;
  /** One or two full sentences: what it does, and which value switches that off. The default is added to it. */
  readonly help: string;
  /** For options of yes or no: what saying no does. With it there is a `--no-…` flag. */
  readonly offHelp?: string;
  /** Commands and calls of the library that take it. */
  readonly doors: readonly D[];
  /** Commands whose `--help` lists it; what no command calls common is listed by `--help-all`. */
  readonly commonIn?: readonly NoInfer<D>[];
  /** Without dashes, where it is not the name in kebab case. */
  readonly flag?: string;
  /** One letter. */
  readonly short?: string;
  /** The environment variable that stands for it on the command line. */
  readonly env?: string;
  /** How help puts the default, where that depends on something or is no text. */
  readonly defaultText?: string;
}

/** An option: the values it takes, and all that is to be said of it. Its name is its key in a table. */
export interface Option<Value = unknown, Given = unknown, D extends Door = Door, Default = unknown>
  extends OptionText<D> {
  readonly kind: Kind<Value, Given>;
  /** Undefined where there is none: then it is absent. */
  readonly default: Default;
}

/** Options of one subject by their names, which are those of the library in camel case. */
export type OptionTable = Readonly<Record<string, Option>>;

/** Describes an option that has a default. */
export function optionWithDefault<Value, Given, const D extends Door>(
  kind: Kind<Value, Given>,
  value: NoInfer<Value>,
  text: OptionText<D>,
): Option<Value, Given, D, Value> {
  return { kind, default: value, ...text };
}

/** Describes an option that is absent unless it is given. */
export function option<Value, Given, const D extends Door>(
  kind: Kind<Value, Given>,
  text: OptionText<D>,
): Option<Value, Given, D, undefined> {
  return { kind, default: undefined, ...text };
}

/** The options of a table that a door takes. */
type Taken<T, D extends Door> = {
  [Name in keyof T as T[Name] extends { readonly doors: readonly (infer Of)[] }
    ? D extends Of
      ? Name
      : never
    : never]: T[Name];
};

type WithDefault<T> = { [Name in keyof T as T[Name] extends { readonly default: undefined } ? never : Name]: T[Name] };
type WithoutDefault<T> = {
  [Name in keyof T as T[Name] extends { readonly default: undefined } ? Name : never]: T[Name];
};

type ValueOf<O> = O extends Option<infer Value, unknown, Door, unknown> ? Value : never;
type GivenOf<O> = O extends Option<unknown, infer Given, Door, unknown> ? Given : never;

/** The values of a table's options as a door gets them once they are checked: what has a default is always there. */
export type ValuesOf<T, D extends Door> = {
  readonly [Name in keyof WithDefault<Taken<T, D>>]: ValueOf<T[Name]>;
} & {
  readonly [Name in keyof WithoutDefault<Taken<T, D>>]?: ValueOf<T[Name]>;
};

/** Of a union of types, what is each of them. */
type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;

type EachOf<Tables extends readonly unknown[], D extends Door> = {
  [Index in keyof Tables]: ValuesOf<Tables[Index], D>;
}[number];

/** The same for several tables. */
export type AllValues<Tables extends readonly unknown[], D extends Door> = Intersection<EachOf<Tables, D>>;

/** Only what has a default. */
export type Defaults<Tables extends readonly unknown[], D extends Door> = {
  readonly [Name in keyof AllValues<Tables, D> as undefined extends AllValues<Tables, D>[Name]
    ? never
    : Name]: AllValues<Tables, D>[Name];
};

/** What a program may give a call of the library for a table's options. */
export type GivenTo<T, C extends LibraryCall> = { readonly [Name in keyof Taken<T, C>]?: GivenOf<T[Name]> };
