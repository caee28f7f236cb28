import { UsageError } from '../../errors.ts';
import { type FormField, readFormFields } from '../../options/form-options.ts';
import type { FormOptions } from '../../options/tables.ts';
import { RequestError } from '../http/request-error.ts';
import type { UploadedForm } from '../http/upload.ts';
import { type ResponseFormat, responseFormats, saysTimes } from './answers.ts';
import { type OwnField, optionOf, ownFields } from './own-fields.ts';

/** What is asked of a recording. */
export interface SpeechRequest {
  readonly model: string;
  readonly format: ResponseFormat;
  readonly isStreamed: boolean;
  readonly wantsSegments: boolean;
  /** Whether segments have to be given their times. */
  readonly wantsTimes: boolean;
  readonly wantsWords: boolean;
  readonly wantsLogprobs: boolean;
  readonly options: FormOptions;
  /** Of options that have no effect. */
  readonly warnings: readonly string[];
}

const ownNames = Object.keys(ownFields) as OwnField[];
const ofSpeakers = ['known_speaker_names', 'known_speaker_references'];

/**
 * Reads the fields of a form as OpenAI's clients write them: lists as `name[]` or `name`, several times or with commas, objects as
 * `name[key]` or in JSON.
 *
 * @throws UsageError, RequestError 400, with the field
 */
export function readSpeechRequest(form: Pick<UploadedForm, 'fields'>, task: 'transcribe' | 'translate'): SpeechRequest {
  const own = new Map<OwnField, string[]>(ownNames.map((name) => [name, []]));
  const others: FormField[] = [];
  const strategy: FormField[] = [];
  for (const [name, value] of form.fields) {
    const plain = name.replace(/\[\]$/, '');
    const key = /^chunking_strategy\[(\w+)\]$/.exec(name)?.[1];
    if (key !== undefined) strategy.push({ name: key, value });
    else if (own.has(plain as OwnField)) own.get(plain as OwnField)?.push(value);
    else if (ofSpeakers.includes(plain)) throw noSpeakers(plain);
    else if (plain === 'file') throw notAFile(value);
    else others.push(fieldOf(name, value));
  }
  const warnings: string[] = [];
  const format = one(own, 'response_format') ?? 'json';
  if (format === 'diarized_json') throw noSpeakers('response_format');
  if (!isFormat(format)) throw refused('response_format', format, `expected ${[...responseFormats].join(', ')}`);
  const granularities = listed(own, 'timestamp_granularities', ['word', 'segment']);
  const wantsWords = granularities.includes('word');
  if (wantsWords && format !== 'verbose_json' && format !== 'whisper_json')
    throw refused('timestamp_granularities', 'word', 'words come in response_format verbose_json or whisper_json');
  const wantsLogprobs = listed(own, 'include', ['logprobs']).length > 0;
  if (wantsLogprobs && format !== 'json')
    throw refused('include', 'logprobs', 'they come in response_format json only');
  const isStreamed = yesOrNo('stream', one(own, 'stream'));
  if (isStreamed && !['json', 'text', 'verbose_json', 'whisper_json'].includes(format))
    throw refused('stream', 'true', `it gives events, not ${format}: leave response_format out`);
  const fields = [...others, ...strategyFields(own.get('chunking_strategy') ?? [], strategy), ...languageField(own)];
  if (task === 'translate') fields.push({ name: 'task', value: 'translate' });
  if (wantsWords || wantsLogprobs) fields.push({ name: 'word_timestamps', value: 'true' });
  return {
    model: one(own, 'model') ?? '',
    format,
    isStreamed,
    wantsTimes: wantedTimes(one(own, 'timestamps'), format) || wantsWords || wantsLogprobs,
    wantsSegments: granularities.length === 0 || granularities.includes('segment'),
    wantsWords: wantsWords || others.some(({ name }) => /^word_?timestamps$/i.test(name)),
    wantsLogprobs,
    options: readFormFields(fields, [...ownNames, ...Object.keys(optionOf)], (message) => warnings.push(message)),
    warnings,
  };
}

/** A format that says times needs them, unless it is one that does not depend on them. */
function wantedTimes(given: string | undefined, format: ResponseFormat): boolean {
  if (given === undefined) return saysTimes(format);
  const wanted = yesOrNo('timestamps', given);
  if (!wanted && saysTimes(format) && format !== 'whisper_json')
    throw refused('timestamps', given, `response_format ${format} has times`);
  return wanted;
}

function fieldOf(name: string, value: string): FormField {
  // A list of ours may be written as OpenAI's are.
  const plain = name.replace(/\[\]$/, '');
  const option = optionOf[plain];
  return option === undefined ? { name: plain, value } : { name: plain, value, option };
}

function isFormat(name: string): name is ResponseFormat {
  return (responseFormats as ReadonlySet<string>).has(name);
}

function one(own: ReadonlyMap<OwnField, readonly string[]>, name: OwnField): string | undefined {
  const [value, ...more] = own.get(name) ?? [];
  if (more.length > 0) throw refused(name, 'given twice', 'expected one value');
  return value?.trim();
}

/** The items of a list, each of which has to be one of a few. */
function listed(own: ReadonlyMap<OwnField, readonly string[]>, name: OwnField, known: readonly string[]): string[] {
  const items = (own.get(name) ?? []).flatMap((value) => value.split(',')).map((item) => item.trim());
  const wrong = items.find((item) => item !== '' && !known.includes(item));
  if (wrong !== undefined) throw refused(name, wrong, `expected ${known.join(' or ')}`);
  return items.filter((item) => item !== '');
}

function yesOrNo(name: OwnField, value: string | undefined): boolean {
  if (value === undefined || /^(false|0)$/i.test(value)) return false;
  if (/^(true|1)$/i.test(value)) return true;
  throw refused(name, value, 'expected true or false');
}

/** Languages that may be spoken are one that is, or to be detected. */
function languageField(own: ReadonlyMap<OwnField, readonly string[]>): FormField[] {
  const [language, ...more] = own.get('languages') ?? [];
  return language === undefined || more.length > 0 ? [] : [{ name: 'languages', value: language, option: 'language' }];
}

const detectorFields: Readonly<Record<string, string>> = {
  threshold: 'threshold',
  silence_duration_ms: 'minSilenceMs',
  prefix_padding_ms: 'speechPadMs',
};

/** How a recording is cut: `auto` or an object, in either case at silence, which is our option vad. */
function strategyFields(plain: readonly string[], keys: readonly FormField[]): FormField[] {
  const [text, ...more] = plain;
  const given = text === undefined ? [] : text.trim().startsWith('{') ? objectFields(text) : undefined;
  if (more.length > 0 || (given === undefined && text?.trim() !== 'auto'))
    throw refused('chunking_strategy', text ?? '', 'expected auto or an object of type server_vad');
  const fields = [...(given ?? []), ...keys];
  if (text === undefined && fields.length === 0) return [];
  const type = fields.find(({ name }) => name === 'type');
  if (given !== undefined && type?.value !== 'server_vad')
    throw refused('chunking_strategy', type?.value ?? 'an object', 'expected an object of type server_vad');
  const settings = fields
    .filter(({ name }) => name !== 'type')
    .map(({ name, value }) => {
      const option = Object.hasOwn(detectorFields, name) ? detectorFields[name] : undefined;
      if (option === undefined)
        throw refused('chunking_strategy', name, `it takes type, ${Object.keys(detectorFields).join(', ')}`);
      return { name: `chunking_strategy[${name}]`, value, option };
    });
  return [{ name: 'chunking_strategy', value: 'true', option: 'vad' }, ...settings];
}

function objectFields(text: string): FormField[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('chunking_strategy', text, 'expected auto or an object in JSON');
  }
  return Object.entries(value as object).map(([name, member]) => ({ name, value: String(member) }));
}

function refused(param: string, value: string, expected: string): UsageError {
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  return new UsageError('OPTION_SENSELESS', `${param} is ${shown === '' ? 'empty' : shown}: ${expected}`, {
    option: param,
  });
}

function noSpeakers(param: string): RequestError {
  return new RequestError(400, 'NO_SPEAKERS', 'this server does not tell speakers apart yet', {
    param,
    hint: 'response_format verbose_json has segments with their times',
  });
}

function notAFile(value: string): RequestError {
  const what = /^\w+:\/\//.test(value.trim()) ? 'an address, and' : 'a text, and';
  return new RequestError(400, 'FILE_MISSING', `file is ${what} this server opens nothing that it is not sent`, {
    param: 'file',
    hint: 'send the recording itself, as in curl -F file=@recording.mp3',
  });
}
