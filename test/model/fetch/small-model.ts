/** Bytes that no part of which looks like another. */
export function noise(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let i = 0, state = seed; i < sizeBytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A safetensors file with one tensor of noise. */
export function safetensors(tensorBytes: number, seed = 1): Buffer {
  const tensor = { dtype: 'I8', shape: [tensorBytes], data_offsets: [0, tensorBytes] };
  const header = Buffer.from(JSON.stringify({ tensor }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, noise(tensorBytes, seed)]);
}

/** A CTranslate2 `model.bin` with one tensor of noise. */
export function modelBin(tensorBytes: number): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const string = (text: string) => Buffer.from([text.length + 1, 0, ...Buffer.from(text), 0]);
  const variable = [string('tensor'), Buffer.from([1]), u32(tensorBytes), Buffer.from([1]), u32(tensorBytes)];
  return Buffer.concat([u32(6), string('WhisperSpec'), u32(3), u32(1), ...variable, noise(tensorBytes), u32(0)]);
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** What a Hugging Face repository needs at least, with weights of the given size. */
export function huggingFaceFiles(tensorBytes = 20_000): Record<string, Buffer> {
  return {
    'config.json': json({ model_type: 'whisper' }),
    'tokenizer.json': json({ model: {} }),
    'generation_config.json': json({}),
    'model.safetensors': safetensors(tensorBytes),
  };
}

/** What a faster-whisper repository holds. */
export function cTranslate2Files(tensorBytes = 20_000): Record<string, Buffer> {
  return {
    'config.json': json({}),
    'tokenizer.json': json({ model: {} }),
    'vocabulary.txt': Buffer.from('a\nb\n'),
    'model.bin': modelBin(tensorBytes),
  };
}
