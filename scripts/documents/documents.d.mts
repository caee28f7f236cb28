/** A fenced block of code in a document. */
export interface CodeBlock {
  readonly language: string;
  /** Why it is not run; undefined where it is. */
  readonly mark: string | undefined;
  readonly line: number;
  readonly text: string;
}

export const root: string;
export const marks: Readonly<Record<string, string>>;
export function documentPaths(): string[];
export function readDocument(path: string): string;
export function codeBlocks(text: string): CodeBlock[];
export function commandsOf(block: CodeBlock): string[];
export function linksOf(text: string): string[];
export function anchorsOf(text: string): string[];
