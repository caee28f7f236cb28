/**
 * Writes a checkpoint of whisper-medium's shape with random weights (3 GB), and what other programs read, to be compared by
 * `scripts/compare-peers.mjs --tokens 20`:
 *
 *   npm run build && node scripts/write-random-checkpoint.mjs medium
 *   node scripts/export-safetensors.mjs medium hf-medium
 *   node scripts/export-ggml.mjs medium ggml-medium.bin
 *   peers/bin/ct2-transformers-converter --model hf-medium --output_dir ct2-medium \
 *     --copy_files tokenizer.json preprocessor_config.json
 *   node scripts/compare-peers.mjs --model ct2-medium --tokens 20 --python peers/bin/python --hf-model hf-medium \
 *     --whisper-cpp-tokens ./whisper-cpp-tokens --ggml-model ggml-medium.bin CLIP.wav
 */
import { writeRandomCheckpoint } from './random-checkpoint.mjs';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: write-random-checkpoint.mjs FOLDER');
await writeRandomCheckpoint(folder);
console.log(folder);
