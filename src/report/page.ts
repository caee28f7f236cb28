import { type Markup, type MarkupValue, markup } from './markup.ts';
import { style } from './style.ts';

/** One report. */
export interface Report {
  readonly title: string;
  /** One line under the title: what was measured, on what. */
  readonly subtitle: string;
  /** What it comes to, before everything else: whether it is good, in words, and what that means. */
  readonly verdict?: { readonly isGood: boolean; readonly text: string; readonly meaning?: string };
  /** What a reader must know before any figure, such as that no real device was measured. */
  readonly notice?: string;
  /** Names and values of what it was measured with, in reading order. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly sections: readonly Section[];
  /** When it was measured, for people. */
  readonly measuredAt: string;
}

export interface Section {
  readonly heading: string;
  /** Paragraphs, tables (`reportTable`) and charts. */
  readonly content: readonly Markup[];
}

/** @returns a whole HTML document that needs nothing beside it: no script, no font, no image, no address */
export function reportPage({ title, subtitle, verdict, notice, environment, sections, measuredAt }: Report): string {
  return `${markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${style}
</head>
<body>
<header>
<h1>${title}</h1>
<p class="muted">${subtitle}</p>
${verdict === undefined ? undefined : verdictBox(verdict)}
${notice === undefined ? undefined : markup`<p class="notice" role="note">${notice}</p>`}
</header>
<main>
${sections.map(({ heading, content }) => markup`<section>\n<h2>${heading}</h2>\n${content}\n</section>\n`)}
<section>
<h2>Environment</h2>
<div class="scroll"><table class="facts"><tbody>
${environment.map(([name, value]) => markup`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`)}</tbody></table></div>
</section>
</main>
<footer>Measured ${measuredAt} by whisper-npu.</footer>
</body>
</html>
`}`;
}

function verdictBox({ isGood, text, meaning }: NonNullable<Report['verdict']>): Markup {
  return markup`<div class="verdict ${isGood ? 'pass' : 'fail'}" role="note"><p>${text}</p>${meaning === undefined ? undefined : paragraph(meaning)}</div>`;
}

export interface ReportTable {
  readonly caption?: string;
  readonly header: readonly string[];
  /** Cells in the header's order; the first of a row names it. */
  readonly rows: readonly (readonly MarkupValue[])[];
  /** Columns that hold text; all others but the first are aligned as numbers. */
  readonly textColumns?: readonly number[];
}

export function reportTable({ caption, header, rows, textColumns = [] }: ReportTable): Markup {
  const kind = (column: number) => (column === 0 || textColumns.includes(column) ? 'text' : 'number');
  const cell = (value: MarkupValue, column: number) =>
    column === 0 ? markup`<th scope="row">${value}</th>` : markup`<td class="${kind(column)}">${value}</td>`;
  return markup`<div class="scroll"><table>
${caption === undefined ? undefined : markup`<caption>${caption}</caption>\n`}<thead><tr>
${header.map((name, column) => markup`<th scope="col" class="${kind(column)}">${name}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => markup`<tr>${row.map(cell)}</tr>\n`)}</tbody></table></div>`;
}

export function paragraph(text: MarkupValue): Markup {
  return markup`<p>${text}</p>`;
}
