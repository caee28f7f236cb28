/** What a value has to be, in the words of JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;
