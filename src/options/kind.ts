import type { JsonSchema } from './json-schema.ts';

/**
 * What values an option takes, from wherever they come. Both ways in give the same value or refuse it; what is already
 * such a value is one that code may give.
 *
 * @typeParam Value what the program works with
 * @typeParam Given what code may give for it
 */
export interface Kind<Value, Given = Value> {
  /** Stands for the value in help, as in `--beam-size <n>`; absent where the option's presence is its value. */
  readonly placeholder?: string;
  /** Ends the sentence "expected …". */
  readonly expected: string;
  /** All values there are, where these are few. */
  readonly choices?: readonly string[];
  /** What a text has to be, where programs can be told more than that it is one. */
  readonly schema?: JsonSchema;
  /** Whether texts given one after the other are one list. */
  readonly isRepeatable?: boolean;
  /** Whether it is not to be shown to anybody, not even where it is wrong. */
  readonly isSecret?: boolean;
  /** Reads what a command line, a form or a query says; undefined refuses it. */
  fromText(text: string): Value | undefined;
  /** Takes what a program gives; undefined refuses it. */
  fromCode(value: unknown): Value | undefined;
  /** Only the type is there. */
  readonly given?: Given;
}
