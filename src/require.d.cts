/**
 * The types of `require('whisper-npu')`, which gives the very module that `import` gives. TypeScript wants to be told so for
 * CommonJS (TS1479); the test of the package holds the names against those of index.ts.
 */
import type * as library from './index.js' with { 'resolution-mode': 'import' };

export type * from './index.js' with { 'resolution-mode': 'import' };

export type AudioError = library.AudioError;
export declare const AudioError: typeof library.AudioError;
export type ConversionError = library.ConversionError;
export declare const ConversionError: typeof library.ConversionError;
export type ModelError = library.ModelError;
export declare const ModelError: typeof library.ModelError;
export type NpuError = library.NpuError;
export declare const NpuError: typeof library.NpuError;
export type UsageError = library.UsageError;
export declare const UsageError: typeof library.UsageError;
export type WhisperNpuError = library.WhisperNpuError;
export declare const WhisperNpuError: typeof library.WhisperNpuError;

export declare const detectLanguage: typeof library.detectLanguage;
export declare const formatNames: typeof library.formatNames;
export declare const formats: typeof library.formats;
export declare const loadModel: typeof library.loadModel;
export declare const openPool: typeof library.openPool;
export declare const openRecording: typeof library.openRecording;
export declare const openSilero: typeof library.openSilero;
export declare const transcribe: typeof library.transcribe;
export declare const transcribeDefaults: typeof library.transcribeDefaults;
