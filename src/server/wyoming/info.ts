import { languages } from '../../model/languages.ts';
import type { ServerParts } from '../server-parts.ts';

const source = { name: 'whisper-npu', url: 'https://www.npmjs.com/package/whisper-npu' };
const attribution = { name: 'OpenAI', url: 'https://github.com/openai/whisper' };

/** What a client is told of the server: its models, and which languages they hear. */
export async function wyomingInfo({ models, version }: ServerParts): Promise<Readonly<Record<string, unknown>>> {
  const described = (await models.list()).map(({ id }) => ({
    name: id,
    description: id,
    attribution,
    installed: true,
    version: null,
    // Whisper's models for English alone are called so.
    languages: /\.en\b/.test(id) ? ['en'] : [...languages.keys()],
  }));
  const program = {
    name: 'whisper-npu',
    description: 'Speech to text with Whisper',
    attribution: source,
    installed: true,
    version,
    models: described,
    supports_transcript_streaming: false,
  };
  return { asr: [program], tts: [], handle: [], intent: [], wake: [], mic: [], snd: [] };
}
