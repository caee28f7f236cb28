/**
 * Whisper's languages in the order of their tokens, by code. `yue` came with large-v3; older models have the first 99.
 * Source: openai/whisper tokenizer.py, LANGUAGES.
 */
export const languages: ReadonlyMap<string, string> = new Map([
  ['en', 'English'],
  ['zh', 'Chinese'],
  ['de', 'German'],
  ['es', 'Spanish'],
  ['ru', 'Russian'],
  ['ko', 'Korean'],
  ['fr', 'French'],
  ['ja', 'Japanese'],
  ['pt', 'Portuguese'],
  ['tr', 'Turkish'],
  ['pl', 'Polish'],
  ['ca', 'Catalan'],
  ['nl', 'Dutch'],
  ['ar', 'Arabic'],
  ['sv', 'Swedish'],
  ['it', 'Italian'],
  ['id', 'Indonesian'],
  ['hi', 'Hindi'],
  ['fi', 'Finnish'],
  ['vi', 'Vietnamese'],
  ['he', 'Hebrew'],
  ['uk', 'Ukrainian'],
  ['el', 'Greek'],
  ['ms', 'Malay'],
  ['cs', 'Czech'],
  ['ro', 'Romanian'],
  ['da', 'Danish'],
  ['hu', 'Hungarian'],
  ['ta', 'Tamil'],
  ['no', 'Norwegian'],
  ['th', 'Thai'],
  ['ur', 'Urdu'],
  ['hr', 'Croatian'],
  ['bg', 'Bulgarian'],
  ['lt', 'Lithuanian'],
  ['la', 'Latin'],
  ['mi', 'Maori'],
  ['ml', 'Malayalam'],
  ['cy', 'Welsh'],
  ['sk', 'Slovak'],
  ['te', 'Telugu'],
  ['fa', 'Persian'],
  ['lv', 'Latvian'],
  ['bn', 'Bengali'],
  ['sr', 'Serbian'],
  ['az', 'Azerbaijani'],
  ['sl', 'Slovenian'],
  ['kn', 'Kannada'],
  ['et', 'Estonian'],
  ['mk', 'Macedonian'],
  ['br', 'Breton'],
  ['eu', 'Basque'],
  ['is', 'Icelandic'],
  ['hy', 'Armenian'],
  ['ne', 'Nepali'],
  ['mn', 'Mongolian'],
  ['bs', 'Bosnian'],
  ['kk', 'Kazakh'],
  ['sq', 'Albanian'],
  ['sw', 'Swahili'],
  ['gl', 'Galician'],
  ['mr', 'Marathi'],
  ['pa', 'Punjabi'],
  ['si', 'Sinhala'],
  ['km', 'Khmer'],
  ['sn', 'Shona'],
  ['yo', 'Yoruba'],
  ['so', 'Somali'],
  ['af', 'Afrikaans'],
  ['oc', 'Occitan'],
  ['ka', 'Georgian'],
  ['be', 'Belarusian'],
  ['tg', 'Tajik'],
  ['sd', 'Sindhi'],
  ['gu', 'Gujarati'],
  ['am', 'Amharic'],
  ['yi', 'Yiddish'],
  ['lo', 'Lao'],
  ['uz', 'Uzbek'],
  ['fo', 'Faroese'],
  ['ht', 'Haitian Creole'],
  ['ps', 'Pashto'],
  ['tk', 'Turkmen'],
  ['nn', 'Nynorsk'],
  ['mt', 'Maltese'],
  ['sa', 'Sanskrit'],
  ['lb', 'Luxembourgish'],
  ['my', 'Myanmar'],
  ['bo', 'Tibetan'],
  ['tl', 'Tagalog'],
  ['mg', 'Malagasy'],
  ['as', 'Assamese'],
  ['tt', 'Tatar'],
  ['haw', 'Hawaiian'],
  ['ln', 'Lingala'],
  ['ha', 'Hausa'],
  ['ba', 'Bashkir'],
  ['jw', 'Javanese'],
  ['su', 'Sundanese'],
  ['yue', 'Cantonese'],
]);

/** Other names and codes people use; `iw` is what older models call `he`, and `jv` what ISO 639-1 calls `jw`. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['burmese', 'my'],
  ['castilian', 'es'],
  ['flemish', 'nl'],
  ['haitian', 'ht'],
  ['letzeburgesch', 'lb'],
  ['mandarin', 'zh'],
  ['moldavian', 'ro'],
  ['moldovan', 'ro'],
  ['panjabi', 'pa'],
  ['pushto', 'ps'],
  ['sinhalese', 'si'],
  ['valencian', 'ca'],
  ['iw', 'he'],
  ['jv', 'jw'],
  ['nb', 'no'],
  ['fil', 'tl'],
  ['zh-yue', 'yue'],
]);

const codes: ReadonlyMap<string, string> = new Map([
  ...aliases,
  ...Array.from(languages, ([code, name]) => [name.toLowerCase(), code] as const),
  ...Array.from(languages.keys(), (code) => [code, code] as const),
]);

/**
 * Understands a language as a person or a program writes it, in any case: a code (`de`, `deu`), a locale (`pt-BR`, `zh_CN`,
 * `de_DE.UTF-8`), an English name or an alias (`German`).
 *
 * @returns Whisper's code, or undefined if it knows no such language
 */
export function parseLanguage(text: string): string | undefined {
  const name = text.trim().toLowerCase();
  return codes.get(name) ?? languageOfLocale(name);
}

/** Of a locale the language counts alone, not the script, country, variant, encoding or modifier behind it. */
function languageOfLocale(locale: string): string | undefined {
  const [tag] = /^[a-z]{2,3}([-_][a-z0-9]{1,8})*(?=([.@][\w-]+)*$)/.exec(locale) ?? [];
  if (tag === undefined) return undefined;
  const [language = '', variety] = tag.split(/[-_]/);
  const code = codes.get(`${language}-${variety}`) ?? codes.get(language);
  if (code !== undefined) return code;
  // Codes of three letters, and those that are no longer in use, have the same meaning as another one.
  const [canonical = ''] = Intl.getCanonicalLocales(language);
  return codes.get(canonical.split('-')[0] ?? '');
}
