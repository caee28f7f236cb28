import { sampleRate } from '../../audio/windows.ts';
import type { FormOptions } from '../../options/tables.ts';
import { speechSpans } from '../../vad/speech-chunks.ts';
import type { Work } from '../equipment.ts';
import { openJobAudio, optionsOf } from '../hear.ts';
import { type Job, type JobResult, jobKey, outputPaths, type Parts } from '../job.ts';
import type { JobFiles } from '../job-files.ts';
import { outputsOf } from '../outputs.ts';
import { cutPlaces, partLimits } from './cut-places.ts';
import { type PartResult, type Plan, partPlace, planPlace, readPartResult, readPlan } from './part-files.ts';

/**
 * Cuts a recording into parts, or puts these together once all of them are there.
 *
 * @returns those that are missing, or the result; undefined where the recording is so short that it is one part
 */
export async function performSplit(work: Work): Promise<JobResult | Parts | undefined> {
  const { job, files, equipment } = work;
  const options = optionsOf(job, equipment);
  const known = await files.read(planPlace(job));
  const plan = known === undefined ? await makePlan(work, options) : readPlan(known, job);
  if (plan === undefined) return undefined;
  const found: PartResult[] = [];
  const missing: Job[] = [];
  for (const [i, part] of partsOf(job, plan, options).entries()) {
    const text = await files.read(partPlace(job, i));
    if (text === undefined) missing.push(part);
    else found.push(readPartResult(text, job));
  }
  return missing.length > 0 ? { parts: missing } : putTogether(work, options, plan, found);
}

/** @returns the plan of whoever was first; undefined where there is nothing to cut */
async function makePlan(work: Work, options: FormOptions): Promise<Plan | undefined> {
  const { job, files } = work;
  const path = await files.recording(work.signal);
  const plan = await planOf(path, work, options);
  if (plan === undefined) return undefined;
  const place = planPlace(job);
  await files.makeRoom([place, ...outputPaths(job).map(([, output]) => output)]);
  await files.create(new Map([[place, `${JSON.stringify(plan)}\n`]]));
  return readPlan((await files.read(place)) ?? JSON.stringify(plan), job);
}

async function planOf(path: string, { job, equipment, signal }: Work, options: FormOptions): Promise<Plan | undefined> {
  const { pool, speechModel, partLimits: limits = partLimits() } = equipment;
  await using audio = await openJobAudio(path, job, options, equipment, signal);
  if (audio.durationSeconds !== undefined && audio.durationSeconds <= limits.mostSeconds) return undefined;
  let nSamples = 0;
  async function* counted() {
    for await (const block of audio.samples()) {
      signal.throwIfAborted();
      nSamples += block.length;
      yield block;
    }
  }
  const speech = await speechSpans(counted(), await speechModel());
  const cuts = cutPlaces(speech, limits).map((seconds) => seconds + audio.offsetSeconds);
  if (cuts.length === 0) return undefined;
  const plan = { cuts, audioSeconds: nSamples / sampleRate };
  if (options.language !== undefined || options.languagePerWindow) return plan;
  // As it would be for the whole: from its beginning.
  const [likeliest] = await pool.detectLanguage(audio, signal);
  if (likeliest === undefined) return plan;
  return { ...plan, language: likeliest.language, languageProbability: likeliest.probability };
}

/** The jobs that a job is cut into. */
function partsOf(job: Job, { cuts, language }: Plan, { startSeconds = 0, endSeconds }: FormOptions): Job[] {
  const { split: _, ...rest } = job;
  const options = language === undefined ? job.options : { ...job.options, language };
  return [...cuts, endSeconds].map((end, i) => {
    const extent = { startSeconds: cuts[i - 1] ?? startSeconds, ...(end === undefined ? {} : { endSeconds: end }) };
    const part = { ...rest, options, part: { of: job.key, ...extent, path: partPlace(job, i) } };
    return { ...part, key: jobKey(part) };
  });
}

async function putTogether(
  { job, files, by }: Work,
  options: FormOptions,
  plan: Plan,
  parts: readonly PartResult[],
): Promise<JobResult> {
  const each = (what: keyof typeof by) =>
    [...new Set(parts.map(({ result }) => result[what]))].join('; ') || (by[what] ?? '');
  const { audioSeconds, languageProbability } = plan;
  const language = options.language ?? plan.language ?? parts.find(({ result }) => result.language)?.result.language;
  const segments = parts.flatMap((part) => part.segments).map((segment, id) => ({ ...segment, id }));
  const [model, device] = [each('model'), each('device')];
  const about = { file: job.audio.name, task: options.task, language, languageProbability, audioSeconds };
  await files.create(outputsOf(job, { ...about, segments, model, device }, options));
  await removeParts(job, files);
  const elapsedSeconds = parts.reduce((sum, { result }) => sum + (result.elapsedSeconds ?? 0), 0);
  const versions = { modelHash: each('modelHash'), dtype: each('dtype'), version: each('version') };
  const figures = { nParts: parts.length, audioSeconds, elapsedSeconds };
  return { model, device, ...versions, ...figures, ...(language === undefined ? {} : { language }) };
}

/** Removes what was only needed on the way to the outputs. */
export async function removeParts(job: Job, files: JobFiles): Promise<void> {
  const known = await files.read(planPlace(job));
  if (known === undefined) return;
  const nParts = readPlan(known, job).cuts.length + 1;
  await files.remove([planPlace(job), ...Array.from({ length: nParts }, (_, i) => partPlace(job, i))]);
}
