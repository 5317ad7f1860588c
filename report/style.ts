/** The page's look. Colours stand in variables, so that charts follow light, dark and print. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --muted: #59636e; --faint: #d8dee4; --panel: #f6f8fa;
  --blue: #0a63c9; --green: #117a37; --limit: #b35900; --good: #117a37; --bad: #c62a33; --alarm: #c62a33; --human: #7a3fc2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1318; --ink: #e6eaef; --muted: #9aa5b1; --faint: #303841; --panel: #171d24;
    --blue: #5aa9ff; --green: #4cc76a; --limit: #f0a03c; --good: #4cc76a; --bad: #ff7b7b; --alarm: #ff7b7b; --human: #c49bff;
  }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #ffffff; --ink: #000000; --muted: #444c56; --faint: #c8ced5; --panel: #ffffff;
    --blue: #0a63c9; --green: #117a37; --limit: #b35900; --good: #117a37; --bad: #c62a33; --alarm: #c62a33; --human: #7a3fc2;
  }
  figure, table, .verdict, li { break-inside: avoid; }
  h2 { break-after: avoid; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif;
}
h1 { font-size: 1.15rem; margin: 0 0 .9rem; font-weight: 600; }
h2 { font-size: 1.05rem; margin: 2.4rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--faint); }
h3 { font-size: .95rem; margin: 1.4rem 0 .35rem; }
p { margin: .4rem 0; }
a { color: var(--blue); overflow-wrap: anywhere; }
code, pre { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--panel); border: 1px solid var(--faint); border-radius: 6px; padding: .8rem 1rem; white-space: pre-wrap; }
.verdict { border: 1px solid var(--faint); border-left: 6px solid var(--muted); border-radius: 6px; background: var(--panel); padding: .9rem 1.1rem; }
.verdict strong { display: block; font-size: 1.45rem; line-height: 1.25; margin-bottom: .35rem; }
.good { border-left-color: var(--good); } .good strong { color: var(--good); }
.bad { border-left-color: var(--bad); } .bad strong { color: var(--bad); }
.alarm { border-left-color: var(--alarm); border-width: 2px 2px 2px 6px; } .alarm strong { color: var(--alarm); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: .2rem 0 1.2rem; }
figure svg { display: block; width: 100%; height: auto; color: var(--muted); font-size: 11px; }
figcaption { font-weight: 600; margin-bottom: .15rem; }
.small { color: var(--muted); font-size: .85rem; font-weight: 400; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .25em 0 .7em; vertical-align: -.05em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--muted); font-weight: 600; border-bottom: 1px solid var(--faint); padding: .25rem .6rem .25rem 0; }
td { vertical-align: top; border-bottom: 1px solid var(--faint); padding: .3rem .6rem .3rem 0; overflow-wrap: break-word; }
td.n, th.n { text-align: right; white-space: nowrap; } .t { white-space: nowrap; }
.yes { color: var(--good); } .no { color: var(--bad); }
meter { width: 3.6rem; height: .8rem; }
`;
