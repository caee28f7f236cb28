/**
 * Records the microphone in a file that every server reads.
 *
 * @param onBlock told of each tenth of a second or less: seconds so far, loudness from 0 to 1
 * @returns what stops it and gives the file
 * @throws DOMException where the microphone cannot be used
 */
export async function record(onBlock) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  try {
    return await recordStream(stream, onBlock);
  } catch (error) {
    stopMicrophone(stream);
    throw error;
  }
}

function stopMicrophone(stream) {
  for (const track of stream.getTracks()) track.stop();
}

async function recordStream(stream, onBlock) {
  const source = await listenTo(stream);
  const { context } = source;
  await context.audioWorklet.addModule('page/recorder-worklet.js');
  const node = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0 });
  const blocks = [];
  node.port.onmessage = ({ data }) => {
    blocks.push(Int16Array.from(data, (sample) => Math.max(-1, Math.min(1, sample)) * 32_767));
    const loudness = data.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
    onBlock((blocks.length * data.length) / context.sampleRate, loudness);
  };
  source.connect(node);
  return async (name) => {
    stopMicrophone(stream);
    await context.close();
    const sizeBytes = blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return new File([header(sizeBytes, context.sampleRate), ...blocks], name, { type: 'audio/wav' });
  };
}

/** At 16 kHz, which is all that Whisper hears, where the browser can; else at the rate that the microphone has. */
async function listenTo(stream) {
  const context = new AudioContext({ sampleRate: 16_000 });
  try {
    return context.createMediaStreamSource(stream);
  } catch {
    await context.close();
    return new AudioContext().createMediaStreamSource(stream);
  }
}

/** Of a WAV file with 16-bit samples. */
function header(sizeBytes, sampleRate) {
  const view = new DataView(new ArrayBuffer(44));
  const write = (at, text) => new Uint8Array(view.buffer).set(new TextEncoder().encode(text), at);
  write(0, 'RIFF');
  view.setUint32(4, 36 + sizeBytes, true);
  write(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, 'data');
  view.setUint32(40, sizeBytes, true);
  return view;
}
