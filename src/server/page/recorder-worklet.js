/** Hands on what a microphone gives, in blocks of a tenth of a second. */
class Recorder extends AudioWorkletProcessor {
  block = new Float32Array(1600);
  length = 0;

  process([[samples = []]]) {
    for (const sample of samples) {
      this.block[this.length++] = sample;
      if (this.length < this.block.length) continue;
      this.port.postMessage(this.block);
      this.length = 0;
    }
    return true;
  }
}

registerProcessor('recorder', Recorder);
