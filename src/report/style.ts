import { markup } from './markup.ts';

/**
 * The look of every report. Colours are named once for light and once for dark; charts use the names through classes, so
 * that one drawing serves both. `s1` to `s6` are series.
 */
export const style = markup`<style>
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --panel: #ffffff; --text: #1c1b19; --muted: #65635d; --line: #dddbd4; --grid: #ebe9e3;
  --good: #13744a; --bad: #b3261e;
  --s1: #2369bd; --s2: #b9500a; --s3: #167a54; --s4: #7b45b0; --s5: #8a6a00; --s6: #b02a63;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #191918; --panel: #21211f; --text: #eeece7; --muted: #a5a39b; --line: #41403b; --grid: #32312d;
    --good: #57c793; --bad: #ff8a80;
    --s1: #6aaaf5; --s2: #f09a5c; --s3: #5bc79a; --s4: #bd97f0; --s5: #d8b650; --s6: #f285ad;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p { margin: .5rem 0; max-width: 48rem; }
.muted, figcaption .muted { color: var(--muted); font-weight: normal; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.verdict { border-left: 4px solid var(--verdict); background: var(--panel); padding: .6rem .9rem; margin: 1rem 0; }
.verdict p { max-width: none; margin: 0; } .verdict p:first-child { color: var(--verdict); font-weight: 600; font-size: 1.1rem; }
.pass { --verdict: var(--good); } .fail { --verdict: var(--bad); }
.notice { border-left: 4px solid var(--s2); background: var(--panel); padding: .6rem .9rem; margin: 1rem 0; max-width: none; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding-bottom: .35rem; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
thead th { color: var(--muted); font-weight: 500; border-bottom-color: var(--line); white-space: nowrap; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 7rem; }
td.number, th.number { text-align: right; white-space: nowrap; }
.facts th { color: var(--muted); font-weight: normal; white-space: nowrap; }
.facts td { overflow-wrap: anywhere; }
figure { margin: 1.25rem 0; overflow-x: auto; padding: .9rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
svg { display: block; width: 100%; min-width: 34rem; height: auto; }
svg text { fill: var(--text); font-size: 12px; font-family: inherit; font-variant-numeric: tabular-nums; }
svg .muted { fill: var(--muted); } svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--line); }
svg .limit { stroke: var(--bad); stroke-dasharray: 5 4; stroke-width: 1.5; } svg .limit-label { fill: var(--bad); }
svg .stroke { fill: none; stroke: var(--c); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
svg .fill { fill: var(--c); } svg .band { fill: var(--c); opacity: .18; } svg .dot { fill: var(--c); opacity: .55; }
.s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); }
.s4 { --c: var(--s4); } .s5 { --c: var(--s5); } .s6 { --c: var(--s6); }
footer { margin-top: 3rem; color: var(--muted); font-size: .9em; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
</style>`;
