import { access, constants, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NpuError } from '../../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One thing that the Ascend driver puts onto a machine. In a container it is only if the container is given it. */
export interface DriverPart {
  readonly what: string;
  /** `closed` to this user. */
  readonly state: 'there' | 'missing' | 'closed';
  /** Where it is, or where it was looked for, and what it says of itself. */
  readonly detail: string;
  /** What gives it to a container, as `docker run` takes it. */
  readonly containerFlag: string;
}

export interface DriverReport {
  readonly parts: readonly DriverPart[];
  readonly isInContainer: boolean;
}

/** Device files beside one for each NPU: all are opened before anything is computed. */
const commonNodes = ['davinci_manager', 'devmm_svm', 'hisi_hdc'] as const;

/** Where in the driver's lib64 its library may lie. */
const libraryFolders = ['driver', 'common', ''] as const;

/**
 * Looks for all that the driver consists of, without loading any of it.
 *
 * @param root what stands for / in tests
 */
export async function lookAtDriver(env: Environment, root = '/'): Promise<DriverReport> {
  const driver = join(await installFolder(root), 'driver');
  const parts = [
    await lookAtDevices(root),
    ...(await Promise.all(commonNodes.map((name) => lookAtNode(root, `/dev/${name}`)))),
    await lookAtLibrary(root, join(driver, 'lib64')),
    await lookAtVersion(root, join(driver, 'version.info')),
  ];
  const marks = await Promise.all(['/.dockerenv', '/run/.containerenv'].map((path) => exists(join(root, path))));
  return { parts, isInContainer: marks.includes(true) || env['KUBERNETES_SERVICE_HOST'] !== undefined };
}

/** What to do about parts that are not there. @returns undefined where all are */
export function driverRemedy({ parts, isInContainer }: DriverReport): string | undefined {
  const missing = parts.filter(({ state }) => state === 'missing');
  const closed = parts.filter(({ state }) => state === 'closed');
  if (missing.length > 0) {
    if (isInContainer) {
      const flags = missing.map(({ containerFlag }) => containerFlag).join(' ');
      return `A container has of the driver what it is started with; with Docker, add: ${flags}`;
    }
    return missing.length === parts.length
      ? 'Install the Ascend driver where there is an NPU; `npu-smi info` shows it then.'
      : 'The Ascend driver is not loaded or not installed as a whole: see what `npu-smi info` says, and install it again.';
  }
  if (closed.length === 0) return undefined;
  const names = closed.map(({ what }) => what).join(', ');
  // Its users have numbers, and the machine's groups no names there.
  if (isInContainer)
    return `This user may not open ${names}; with Docker, add: --group-add "$(stat -c %g /dev/davinci_manager)"`;
  return `This user may not open ${names}: \`ls -l /dev/davinci*\` shows the group that may, usually HwHiAiUser.`;
}

/** Adds to an error that is about the driver what of it is missing here; any other stays as it is. */
export async function explainDriver(error: unknown, env: Environment, root?: string): Promise<unknown> {
  if (!(error instanceof NpuError) || !isAboutDriver(error)) return error;
  const report = await lookAtDriver(env, root);
  const hint = driverRemedy(report);
  if (hint === undefined) return error;
  const lacking = report.parts.filter(({ state }) => state !== 'there').map(({ what }) => what);
  const { code, message, aclCode, aclFunction } = error;
  const call = { ...(aclCode === undefined ? {} : { aclCode }), ...(aclFunction === undefined ? {} : { aclFunction }) };
  return new NpuError(code, `${message}\nnot usable here: ${lacking.join(', ')}`, { hint, cause: error, ...call });
}

function isAboutDriver({ code, message }: NpuError): boolean {
  if (code === 'NPU_DRIVER' || code === 'NPU_NO_DEVICE') return true;
  return code === 'NPU_LIBRARY_MISSING' && message.includes('libascend_hal.so');
}

/** What the driver's installer noted. */
async function installFolder(root: string): Promise<string> {
  const noted = await textOf(join(root, 'etc', 'ascend_install.info'));
  return /^Driver_Install_Path_Param=(\/\S+)$/m.exec(noted)?.[1] ?? '/usr/local/Ascend';
}

async function lookAtDevices(root: string): Promise<DriverPart> {
  const names = await readdir(join(root, 'dev')).catch(() => []); // no /dev is no device
  const nodes = names.filter((name) => /^davinci\d+$/.test(name)).map((name) => `/dev/${name}`);
  const looked = await Promise.all(nodes.map((path) => lookAtNode(root, path)));
  const open = looked.filter(({ state }) => state === 'there');
  const state = open.length > 0 ? 'there' : looked.length > 0 ? 'closed' : 'missing';
  const detail = nodes.length === 0 ? '/dev/davinci0 and so on' : nodes.join(', ');
  return { what: '/dev/davinciN', state, detail, containerFlag: '--device /dev/davinci0' };
}

async function lookAtNode(root: string, path: string): Promise<DriverPart> {
  const part = { what: path, detail: path, containerFlag: `--device ${path}` };
  if (!(await exists(join(root, path)))) return { ...part, state: 'missing' };
  const isOpen = await exists(join(root, path), constants.R_OK | constants.W_OK);
  return { ...part, state: isOpen ? 'there' : 'closed' };
}

async function lookAtLibrary(root: string, lib64: string): Promise<DriverPart> {
  const part = { what: 'libascend_hal.so', containerFlag: `-v ${lib64}:${lib64}:ro` };
  for (const folder of libraryFolders) {
    const path = join(lib64, folder, 'libascend_hal.so');
    if (await exists(join(root, path), constants.R_OK)) return { ...part, state: 'there', detail: path };
  }
  return { ...part, state: 'missing', detail: lib64 };
}

async function lookAtVersion(root: string, path: string): Promise<DriverPart> {
  const part = { what: 'version.info', containerFlag: `-v ${path}:${path}:ro` };
  const version = /^Version=(.+)$/m.exec(await textOf(join(root, path)))?.[1];
  if (version !== undefined) return { ...part, state: 'there', detail: `${path}: ${version.trim()}` };
  return { ...part, state: 'missing', detail: path };
}

async function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/** Nothing where it cannot be read. */
async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
