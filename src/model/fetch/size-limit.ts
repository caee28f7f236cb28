/** Texts of a checkpoint are a few megabytes at most: the largest, tokenizer.json, has 4. */
const largestTextBytes = 32 * 2 ** 20;
/** The largest Whisper, in 32-bit floats, has 6.2 GB of weights. */
const largestWeightsBytes = 16 * 2 ** 30;

/**
 * How much of a file is taken at most, whatever a server or an archive says of it.
 *
 * @param announcedBytes its size, where somebody says it; weights of unknown size may not be larger than texts
 */
export function sizeLimit(file: string, announcedBytes: number | undefined): number {
  const isWeights = /\.(bin|safetensors)$/.test(file);
  return isWeights && announcedBytes !== undefined ? largestWeightsBytes : largestTextBytes;
}
