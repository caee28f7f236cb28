/** HTML or SVG that may go into a page as it is: made by {@link markup} alone, which escapes every value in it. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Only {@link markup} calls this. */
  static fromTemplate(literals: readonly string[], values: readonly MarkupValue[]): Markup {
    return new Markup(literals.map((literal, i) => `${i === 0 ? '' : render(values[i - 1])}${literal}`).join(''));
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand between the literals; lists are joined without anything between, undefined is nothing. */
export type MarkupValue = string | number | undefined | Markup | readonly MarkupValue[];

/** A template tag for HTML and SVG: text in it cannot become a tag or leave an attribute's quotes. */
export function markup(literals: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  return Markup.fromTemplate(literals, values);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function render(value: MarkupValue): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.toString();
  if (Array.isArray(value)) return value.map(render).join('');
  // Values that came from a file may be anything, whatever their type says.
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
