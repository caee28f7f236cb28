/**
 * Vorbis and Opus put the centre between left and right (Vorbis I §4.3.9, RFC 7845 §5.1.1.2), all other formats behind
 * them. The order of the rest matters to nobody here.
 */
export function leftRightFirst(channels: readonly Float32Array[]): readonly Float32Array[] {
  const [left, centre, right, ...rest] = channels;
  if (left === undefined || centre === undefined || right === undefined || channels.length === 4) return channels;
  return [left, right, centre, ...rest];
}
