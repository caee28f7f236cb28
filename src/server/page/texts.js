/** What the page says, in English and in Chinese. */
const texts = {
  addRecordings: ['Add recordings', '添加录音'],
  again: ['Try again', '重试'],
  attach: ['Choose the recording to listen', '选择录音文件以便试听'],
  auto: ['Detect', '自动检测'],
  beamSize: ['Beam size', '束搜索宽度'],
  busy: ['the server is busy, next try in {0} s', '服务器忙，{0} 秒后重试'],
  cancel: ['Cancel', '取消'],
  clear: ['Clear the list', '清空列表'],
  clearSure: ['Remove all transcripts from this browser?', '从此浏览器中删除全部文字稿？'],
  confidence: ['Confidence', '置信度'],
  confidenceLow: ['under 50 %', '低于 50%'],
  confidenceMiddle: ['under 80 %', '低于 80%'],
  copied: ['Copied', '已复制'],
  copy: ['Copy', '复制'],
  cutShort: ['The server broke off', '服务器中断了应答'],
  dark: ['Dark or light', '深色或浅色'],
  done: ['Done', '完成'],
  download: ['Download {0}', '下载 {0}'],
  downloadAll: ['Download all', '全部下载'],
  dropHere: ['Drop recordings here', '将录音拖到这里'],
  dropHint: [
    'Audio or video, several at a time. They go to this server and to nobody else; transcripts stay in this browser.',
    '音频或视频，可多选。录音只发送到此服务器；文字稿只保存在此浏览器中。',
  ],
  edit: ['Edit', '编辑'],
  end: ['End', '结束'],
  failed: ['failed: {0}', '失败：{0}'],
  find: ['Find', '查找'],
  format: ['Format', '格式'],
  found: ['{0} of {1}', '第 {0} 个，共 {1} 个'],
  historyFull: ['The oldest transcripts were removed to make room', '为腾出空间，已删除最早的文字稿'],
  historyOff: ['This browser keeps no history: download what you need', '此浏览器无法保存历史：请及时下载'],
  join: ['Join with next', '与下一段合并'],
  key: ['Key', '密钥'],
  keyAsk: ['This server asks for a key', '此服务器需要密钥'],
  keyForm: [
    'A key has letters, digits and signs of ASCII, without spaces',
    '密钥只含 ASCII 字母、数字和符号，不含空格',
  ],
  keyHint: ['It is kept until this tab is closed.', '密钥保留到此标签页关闭为止。'],
  keyboard: ['Keyboard', '键盘'],
  keys: [
    'In the text: ↑ ↓ segments, ← → words, Enter listen, Space pause, E edit, J join, Ctrl+Z undo. In an edit: Enter done, Ctrl+Enter split, Esc cancel.',
    '在文字中：↑ ↓ 选段，← → 选词，Enter 播放，空格 暂停，E 编辑，J 合并，Ctrl+Z 撤销。编辑时：Enter 完成，Ctrl+Enter 拆分，Esc 取消。',
  ],
  language: ['Language', '语言'],
  listening: ['{0} of {1}', '{0} / {1}'],
  listenFrom: ['Listen from {0}', '从 {0} 开始播放'],
  loading: ['The model is being loaded', '正在加载模型'],
  microphoneRefused: ['The microphone cannot be used: {0}', '无法使用麦克风：{0}'],
  microphoneUnsafe: ['Recording needs https or localhost', '录音需要 https 或 localhost'],
  model: ['Model', '模型'],
  more: ['More options', '更多选项'],
  next: ['Next', '下一个'],
  nobody: ['Nobody speaks in this recording', '此录音中没有人说话'],
  options: ['Options', '选项'],
  otherLanguage: ['中文', 'English'],
  part: ['incomplete', '不完整'],
  pause: ['Pause', '暂停'],
  play: ['Play', '播放'],
  position: ['Position', '位置'],
  prompt: ['Names and words to expect', '可能出现的人名和词语'],
  ready: ['Ready', '就绪'],
  record: ['Record', '录音'],
  recording: ['Recording', '录音'],
  recordings: ['Recordings', '录音列表'],
  remove: ['Remove {0}', '删除 {0}'],
  replace: ['Replace', '替换'],
  replaceAll: ['Replace all', '全部替换'],
  replaceWith: ['Replace with', '替换为'],
  sending: ['sending, {0} %', '发送中，{0}%'],
  speed: ['Speed', '速度'],
  split: ['Split here', '在此拆分'],
  start: ['Start', '开始'],
  stop: ['Stop', '停止'],
  stopped: ['stopped', '已停止'],
  task: ['Task', '任务'],
  temperature: ['Temperature', '温度'],
  transcribe: ['Transcribe', '转写'],
  transcript: ['Transcript', '文字稿'],
  translate: ['Translate to English', '翻译成英文'],
  undo: ['Undo', '撤销'],
  unreachable: ['The server cannot be reached', '无法连接服务器'],
  use: ['Use', '使用'],
  vad: ['Skip silence', '跳过静音'],
  waiting: ['waiting', '等待中'],
  words: ['Word times', '逐词时间'],
  working: ['listening', '识别中'],
};

let column = 0;

/** A text in the language of the page, with values in its places. */
export function text(name, ...values) {
  return texts[name][column].replace(/\{(\d)\}/g, (_, i) => values[i]);
}

/** @param language en or zh */
export function speak(language) {
  column = language === 'zh' ? 1 : 0;
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = text(node.dataset.text);
  for (const node of document.querySelectorAll('[data-label]')) {
    node.setAttribute('aria-label', text(node.dataset.label));
    if (node.tagName === 'BUTTON') node.title = text(node.dataset.label);
    if (node.tagName === 'INPUT' && node.type === 'text') node.placeholder = text(node.dataset.label);
  }
}

/** Whisper's languages. */
export const languages =
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue'.split(
    ' ',
  );

/** @param code of a language, or what the server calls it @returns its name in the language of the page */
export function languageName(code, locale = document.documentElement.lang) {
  return new Intl.DisplayNames(locale, { type: 'language' }).of(code);
}

/** @param name what the server calls a language, which is its name in English @returns its code where it has one */
export function languageCode(name) {
  return languages.find((code) => languageName(code, 'en').toLowerCase() === name) ?? name;
}
