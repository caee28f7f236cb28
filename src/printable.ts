/**
 * Characters that make a terminal do something instead of showing something: control characters (C0, DEL, C1), among them
 * ESC and line ends, marks that turn the direction of writing around, and Unicode's own line ends.
 */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

const shortForms: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text from elsewhere (the name of a file or a tensor, a server's words) as one line that is safe to show: what is not
 * printable stands there as JSON writes it, ESC as `\u001b`.
 */
export function printable(text: string): string {
  return text.replace(unprintable, escaped);
}

/** The same for a text of several lines and columns, whose line ends and tabs are meant. */
export function printableLines(text: string): string {
  return text.replace(unprintable, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));
}

/** What was said, without the characters that nobody can say; line ends and tabs stay. */
export function printableSpeech(text: string): string {
  return text.replace(unprintable, (character) => (/[\n\t]/.test(character) ? character : ''));
}

function escaped(character: string): string {
  return shortForms[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
