/**
 * Whole milliseconds, halves to the even one: what Python's `round` makes of them, and so what openai/whisper's files
 * say. Times that do not fall before it do not fall after it.
 */
export function wholeMs(seconds: number): number {
  return roundHalfEven(Math.max(0, seconds) * 1000);
}

/** Nearest whole number; of two equally near the even one. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}

/**
 * `[HH:]MM:SS.mmm` as openai/whisper writes it (utils.py, format_timestamp); hours have as many digits as they need.
 *
 * @param hours always, or only where there are any
 * @param marker stands before the milliseconds
 */
export function timestamp(seconds: number, hours: 'always' | 'if any', marker: '.' | ','): string {
  const ms = wholeMs(seconds);
  const nHours = Math.floor(ms / 3_600_000);
  const clock = `${two(Math.floor(ms / 60_000) % 60)}:${two(Math.floor(ms / 1000) % 60)}`;
  const fraction = String(ms % 1000).padStart(3, '0');
  return `${hours === 'always' || nHours > 0 ? `${two(nHours)}:` : ''}${clock}${marker}${fraction}`;
}

/** At least two digits. */
export function two(value: number): string {
  return String(value).padStart(2, '0');
}
