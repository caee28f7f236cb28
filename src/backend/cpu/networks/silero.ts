import type { NetworkDescription } from './description.ts';

/** Samples that the network looks at for one probability: a window of 512 behind 64 of the one before. */
export const inputSamples = 576;
export const stateSize = 128;
const frequencies = 129;

/**
 * The Silero voice activity detector, version 5 or 6, at 16 kHz, for several windows at once: magnitudes of four short-time
 * Fourier transforms, four convolutions that leave one vector of a window, an LSTM over the windows, one output.
 *
 * Published with the transforms' matrix as a weight; the frame of padding that it computes first and drops is left out.
 */
export const silero: NetworkDescription = {
  inputs: {
    samples: [{ atLeast: 1 }, inputSamples, 1],
    hidden: [1, 1, stateSize],
    cell: [1, 1, stateSize],
  },
  operators: [
    { type: 'pad', x: 'samples', axis: 1, after: 64, mode: 'reflect', y: 'padded' },
    { type: 'convolution', x: 'padded', weight: 'stft.basis', stride: 128, y: 'spectrum' },
    { type: 'slice', x: 'spectrum', axis: 2, begin: 0, end: frequencies, y: 'real' },
    { type: 'slice', x: 'spectrum', axis: 2, begin: frequencies, end: 2 * frequencies, y: 'imaginary' },
    { type: 'square', x: 'real', y: 'real2' },
    { type: 'square', x: 'imaginary', y: 'imaginary2' },
    { type: 'add', a: 'real2', b: 'imaginary2', y: 'power' },
    { type: 'squareRoot', x: 'power', y: 'magnitudes' },
    ...convolutionAndRelu('magnitudes', 0, 1),
    ...convolutionAndRelu('encoded.0', 1, 2),
    ...convolutionAndRelu('encoded.1', 2, 2),
    ...convolutionAndRelu('encoded.2', 3, 1),
    { type: 'reshape', x: 'encoded.3', shape: [1, 0, stateSize], y: 'vectors' },
    {
      type: 'lstm',
      x: 'vectors',
      weight: 'lstm.weight',
      recurrence: 'lstm.recurrence',
      bias: 'lstm.bias',
      hidden: 'hidden',
      cell: 'cell',
      hiddenAfter: 'hiddenAfter',
      cellAfter: 'cellAfter',
      y: 'states',
    },
    { type: 'relu', x: 'states', y: 'activated' },
    { type: 'convolution', x: 'activated', weight: 'output.weight', bias: 'output.bias', y: 'logits' },
    { type: 'sigmoid', x: 'logits', y: 'probabilities' },
  ],
  outputs: ['probabilities', 'hiddenAfter', 'cellAfter'],
};

function convolutionAndRelu(x: string, layer: number, stride: number): NetworkDescription['operators'] {
  const [weight, bias, convolved] = [`encoder.${layer}.weight`, `encoder.${layer}.bias`, `convolved.${layer}`];
  return [
    { type: 'convolution', x, weight, bias, stride, padding: 1, y: convolved },
    { type: 'relu', x: convolved, y: `encoded.${layer}` },
  ];
}
