import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Native code: Whisper and its companions on CPUs, and access to NPUs. */
export type AddonName = 'whisper_cpu' | 'whisper_npu';

export interface FoundAddon {
  readonly path: string;
  /** For people: 'built in this checkout', or the name and version of the package that it came in. */
  readonly origin: string;
  /** What to do where it cannot be loaded. */
  readonly repair: string;
}

export interface MissingAddon {
  /** Where it was looked for, and why it was not taken there. */
  readonly reasons: readonly string[];
  /** What to do about it. */
  readonly hint: string;
}

/** What the search depends on. */
export interface AddonSearch {
  /** The folder that holds this program's package.json. */
  readonly root: string;
  readonly platform: string;
  readonly arch: string;
  /** Asked only where it matters, because Node takes some milliseconds to tell. */
  readonly usesMusl: () => boolean;
}

const thisProgram: AddonSearch = {
  root: fileURLToPath(new URL('../..', import.meta.url)),
  platform: process.platform,
  arch: process.arch,
  usesMusl,
};

/** Platforms with packages of prebuilt addons (packages/). */
const prebuilt = new Set(['linux-x64', 'linux-arm64']);

/**
 * Finds an addon: in a checkout the one that was built there, else the one in the platform's package, which npm installs
 * beside this program where operating system, processor and C library fit.
 */
export function findAddon(name: AddonName, search: AddonSearch = thisProgram): FoundAddon | MissingAddon {
  const reasons: string[] = [];
  const built = join(search.root, 'build', 'Release', `${name}.node`);
  if (existsSync(built)) {
    return { path: built, origin: 'built in this checkout', repair: 'Build it again with `npm run build:native`.' };
  }
  const inCheckout = existsSync(join(search.root, 'native'));
  if (inCheckout) reasons.push(`${built} was not built`);

  const target = `${search.platform}-${search.arch}`;
  if (!prebuilt.has(target)) {
    reasons.push(`there is no package of prebuilt addons for ${search.platform} on ${search.arch}`);
    return { reasons, hint: inCheckout ? buildHint : 'Run it on Linux, on an x86-64 or arm64 processor.' };
  }
  const version = readManifest(join(search.root, 'package.json')).version;
  const packageName = choosePackage(target, search);
  const manifestPath = resolveManifest(packageName, search.root);
  if (manifestPath === undefined) {
    reasons.push(`the package ${packageName} is not installed`);
    return { reasons, hint: inCheckout ? buildHint : installHint(packageName, version) };
  }
  const manifest = readManifest(manifestPath);
  const path = join(dirname(manifestPath), `${name}.node`);
  if (manifest.version !== version) {
    reasons.push(`${packageName} is of version ${manifest.version}, this program of version ${version}`);
    return { reasons, hint: installHint(packageName, version) };
  }
  if (existsSync(path)) {
    const repair = `Install it again with \`npm install --force ${packageName}@${version}\`.`;
    return { path, origin: `${packageName} ${version}`, repair };
  }
  reasons.push(`${packageName} ${version} does not contain ${name}.node`);
  const muslHint = "Huawei's CANN has no build for musl: use a system with glibc, such as Debian or openEuler.";
  const hasNoCann = name === 'whisper_npu' && packageName.endsWith('-musl');
  return { reasons, hint: hasNoCann ? muslHint : installHint(packageName, version) };
}

const buildHint = 'Install a C++20 compiler, CMake and make or Ninja, then run `npm run build:native`.';

function installHint(packageName: string, version: string): string {
  return `Run \`npm install ${packageName}@${version}\`; npm leaves it out with --omit=optional, or when package-lock.json was made on another platform.`;
}

/** The installed one of the two packages for this processor; the one for this C library where both or none are. */
function choosePackage(target: string, { root, usesMusl }: AddonSearch): string {
  const [glibc, musl] = [`@whisper-npu/${target}`, `@whisper-npu/${target}-musl`] as const;
  const hasGlibc = resolveManifest(glibc, root) !== undefined;
  const hasMusl = resolveManifest(musl, root) !== undefined;
  if (hasGlibc !== hasMusl) return hasGlibc ? glibc : musl;
  return usesMusl() ? musl : glibc;
}

/** Path of an installed package's package.json, as Node resolves it from the program's folder. */
function resolveManifest(packageName: string, root: string): string | undefined {
  try {
    return createRequire(join(root, 'package.json')).resolve(`${packageName}/package.json`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function readManifest(path: string): { readonly version: string } {
  return JSON.parse(readFileSync(path, 'utf8')) as { version: string };
}

function usesMusl(): boolean {
  // The types of Node 20 lack excludeNetwork, without which the report looks up host names.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}
