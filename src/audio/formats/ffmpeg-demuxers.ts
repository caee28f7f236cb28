/**
 * What ffmpeg may take a recording for, by the names of its demuxers: containers and codecs of sound and video that hold
 * all there is in one file.
 *
 * Left out is whatever names other files, which ffmpeg would open and let us hear (HLS, DASH, concat, SDP, IMF, VobSub,
 * series of pictures), is a script (AviSynth, SBaGen, lavfi) or has no sound (pictures, subtitles), whatever it is called
 * and however it begins.
 */
const demuxers = {
  containers: 'asf asf_o avi dhav dv flv gxf live_flv matroska mov mpeg mpegts mxf nsv nut nuv ogg pva rm wtv',
  samples: 'aiff alaw au avr caf epaf iff ircam mulaw nistsphere paf pvf sln sox voc w64 wav wve xwma',
  music: 'aac ac3 ape dsf dts dtshd eac3 flac loas mlp mp3 mpc mpc8 oma sbc shn spdif tak truehd tta vqf wsd wv',
  speech: 'aa act amr amrnb amrwb aptx aptx_hd bit codec2 dss g722 g723_1 g726 g726le g729 gsm ilbc qcp',
};

/** For ffmpeg's -format_whitelist; a version that lacks one of them has no use for its name. */
export const formatWhitelist = Object.values(demuxers).join(' ').replaceAll(' ', ',');

/** Whether a message of ffmpeg says that it took a recording for something else. */
export function isNotWhitelisted(message: string): boolean {
  return message.startsWith('Format not on whitelist');
}
