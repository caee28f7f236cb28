import { languages } from '../../model/languages.ts';
import { audioOptions } from '../../options/audio.ts';
import { formSchema } from '../../options/form-schema.ts';
import type { JsonSchema } from '../../options/json-schema.ts';
import { type Exchange, sendJson } from '../http/exchange.ts';
import { RequestError } from '../http/request-error.ts';
import type { UploadedForm } from '../http/upload.ts';
import type { ServerParts } from '../server-parts.ts';
import { readSpeechRequest, type SpeechRequest } from './fields.ts';
import { formOf, ownFields } from './own-fields.ts';
import { withUpload } from './upload-work.ts';

/** Parts of a recording are for those who want a text of each. */
const { clip_timestamps: _, ...ofRecording } = formSchema([audioOptions]);
const fields: Readonly<Record<string, JsonSchema>> = { model: ownFields.model, ...ofRecording };

/** The form that comes with a recording whose language is asked for. */
export const languagesForm = formOf(fields);

/** Answers with the languages that a recording may be in, likeliest first. */
export async function answerLanguages(exchange: Exchange, parts: ServerParts): Promise<void> {
  await withUpload({ exchange, parts }, readRequest, async ({ recording, pool }) => {
    const ranked = await pool.detectLanguage(recording, exchange.signal);
    sendJson(exchange, {
      language: ranked[0]?.language ?? null,
      languages: ranked.map(({ language, probability }) => ({
        code: language,
        name: (languages.get(language) ?? language).toLowerCase(),
        probability,
      })),
    });
  });
}

function readRequest(form: UploadedForm): SpeechRequest {
  const other = form.fields.find(([name]) => name !== 'file' && !Object.hasOwn(fields, name))?.[0];
  if (other !== undefined)
    throw new RequestError(400, 'FIELD_UNKNOWN', `there is no field ${other.slice(0, 60)} for languages`, {
      param: other.slice(0, 60),
      hint: `there are file, ${Object.keys(fields).join(', ')}`,
    });
  return readSpeechRequest(form, 'transcribe');
}
