import { type Markup, type MarkupValue, markup } from './markup.ts';

/** Width of every drawing in its own units; the page scales it to the window. */
export const chartWidth = 760;

export interface Figure {
  readonly title: string;
  /** Said under the title and to those who cannot see the drawing: what it shows, in a sentence. */
  readonly description: string;
  readonly height: number;
  readonly drawing: MarkupValue;
}

export function figure({ title, description, height, drawing }: Figure): Markup {
  return markup`<figure>
<figcaption>${title}<br><span class="muted">${description}</span></figcaption>
<svg viewBox="0 0 ${chartWidth} ${Math.ceil(height)}" role="img" aria-label="${title}. ${description}">
${drawing}</svg>
</figure>
`;
}

/** The class that gives a series its colour; there are six. */
export function seriesClass(index: number): string {
  return `s${(index % 6) + 1}`;
}

/** A label that fits, with the whole of it for those who point at it. */
export function label(text: string, at: { x: number; y: number; maxLength: number }, classes = ''): Markup {
  const isCut = text.length > at.maxLength;
  const shown = isCut ? `…${text.slice(text.length - at.maxLength + 1)}` : text;
  return markup`<text x="${at.x}" y="${at.y}" class="${classes}">${shown}${isCut ? markup`<title>${text}</title>` : undefined}</text>
`;
}
