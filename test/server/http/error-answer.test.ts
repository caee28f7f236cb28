import { expect, test } from 'vitest';
import { AudioError, ModelError } from '../../../src/errors.ts';
import { errorAnswer } from '../../../src/server/http/error-answer.ts';

const messageOf = (error: Error) => errorAnswer(error, 'req_1').body.error.message;

test('a client is not told where something lies on the server', () => {
  const hint = 'remove /root/.cache/whisper-npu/prepared/x and fetch it from https://example.org/a/b, or ../c/d';
  const error = new ModelError('MODEL_DAMAGED', "/srv/models/x/model.bin: ENOENT, open '/srv/models/x/model.bin'", {
    hint,
  });
  expect(messageOf(error)).toBe(
    "model.bin: ENOENT, open 'model.bin'; remove x and fetch it from https://example.org/a/b, or ../c/d",
  );
  expect(errorAnswer(error, 'req_1').status).toBe(503);
});

test('what is wrong with a recording is told as it is, by the name that the client gave it', () => {
  const error = new AudioError('AUDIO_EMPTY', '/tmp/uploads/3 is empty');
  const { status, body } = errorAnswer(error, 'req_1', new Map([['/tmp/uploads/3', 'a/b/c.wav']]));
  expect([status, body.error.message]).toEqual([400, 'a/b/c.wav is empty']);
});
