import { language } from './kinds/language.ts';
import { anyText, choice, phrases } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Speech';
const doors = ['transcribe', 'transcribe()', 'audio form', 'queue add'] as const;

/** What is spoken, and what is known of it beforehand. */
export const speechOptions = {
  language: option(language, {
    group,
    short: 'l',
    doors: [...doors, 'accuracy'],
    commonIn: ['transcribe', 'accuracy', 'queue add'],
    overruledBy: [{ name: 'languagePerWindow' }],
    help: 'Transcribe this language, a code, a locale or an English name (de, de-AT, German); auto detects it.',
    defaultText: 'auto',
  }),
  task: optionWithDefault(choice(['transcribe', 'translate'], 'task'), 'transcribe', {
    group,
    doors,
    commonIn: ['transcribe', 'queue add'],
    help: 'Write what was said, or translate it into English.',
  }),
  detectLanguage: option(yesOrNo, {
    group,
    doors: ['transcribe'],
    conflicts: [{ name: 'language', except: 'auto' }],
    because: 'it is there to find the language',
    help: 'Only say which language is spoken, and how likely each is.',
  }),
  languagePerWindow: optionWithDefault(yesOrNo, false, {
    group,
    doors,
    help: 'Detect the language anew every 30 s, for recordings in several languages.',
  }),
  hotwords: optionWithDefault(phrases, [], {
    group,
    doors,
    commonIn: ['queue add'],
    // A prefix is what is expected to be said; faster-whisper leaves hotwords out beside one too.
    overruledBy: [{ name: 'prefix' }],
    help: 'Expect these names and words, with commas between them, so that they are spelt like this where they are said. Every window is decoded twice then.',
    defaultText: 'none',
  }),
  initialPrompt: optionWithDefault(anyText, '', {
    group,
    doors,
    help: 'Give this to the first window as the text before it, for names, spelling or style.',
    defaultText: 'none',
  }),
  carryInitialPrompt: optionWithDefault(yesOrNo, false, {
    group,
    doors,
    needs: [{ name: 'initialPrompt' }],
    help: 'Repeat the initial prompt in every window.',
  }),
  prefix: optionWithDefault(anyText, '', {
    group,
    doors,
    help: 'Make the text of every window begin with this.',
    defaultText: 'none',
  }),
};
