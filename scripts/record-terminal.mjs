/**
 * Runs commands and draws what a terminal showed of them, as assets/pictures/terminal.svg.
 *
 *   npm run build && node scripts/record-terminal.mjs
 *
 * Everything in the picture is what the commands printed, in that order; lines longer than the terminal are wrapped.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const commands = [
  'npx whisper-npu transcribe samples/espeak-en-16k.wav',
  'npx whisper-npu transcribe --quiet --format srt --max-line-width 42 samples/espeak-en-16k.wav',
  'npx whisper-npu transcribe --quiet --vad --timestamps test/fixtures/espeak-en.mp3',
];
const columns = 96;
const [charWidth, lineHeight, margin, barHeight] = [8.4, 20, 16, 32];

/** The lines that a terminal of that width makes of one, broken at blanks. */
function wrapped(line) {
  const lines = [];
  let rest = line;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns);
    const end = space > 0 ? space : columns;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

/** Both streams go through one pipe, as they do through one terminal. */
function run(command) {
  const { stdout, status } = spawnSync('bash', ['-c', `${command} 2>&1`], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}`);
  return stdout
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const kind = /^model |times real time/.test(line) ? 'beside' : 'said';
      return wrapped(line).map((text) => ({ text, kind }));
    });
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const lines = commands.flatMap((command, i) => [
  ...(i === 0 ? [] : [{ text: '', kind: 'said' }]),
  ...wrapped(`$ ${command}`).map((text) => ({ text, kind: 'asked' })),
  ...run(command),
]);
const [width, height] = [2 * margin + columns * charWidth, barHeight + 2 * margin + lines.length * lineHeight];
const colours = { asked: '#7ee787', said: '#e6edf3', beside: '#8b949e' };
const text = lines.map(({ text, kind }, i) => {
  const y = barHeight + margin + (i + 0.75) * lineHeight;
  return `<text x="${margin}" y="${y}" fill="${colours[kind]}" xml:space="preserve">${escaped(text)}</text>`;
});
const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
  (colour, i) => `<circle cx="${margin + 8 + 20 * i}" cy="16" r="6" fill="${colour}"/>`,
);
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="A terminal session with whisper-npu" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${dots.join('')}
${text.join('\n')}
</svg>
`;
writeFileSync(new URL('../assets/pictures/terminal.svg', import.meta.url), svg);
