/** `text` as text of an HTML page, or as an attribute's value in double quotes. */
export function escapeHtml(text: unknown): string {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

/** A page that needs nothing but itself: no scripts, no fonts, no network. `body` is HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ok: #2a8a55; --failed: #c8372d; --late: #b7791f; --cut: #b7791f; --line: #8884; --soft: #888; }
@media (prefers-color-scheme: dark) { :root { --ok: #4cc38a; --failed: #ff7b72; --late: #e3b341; --cut: #e3b341; } }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; } p { margin: .2rem 0; }
code, .mono { font-family: ui-monospace, monospace; font-size: .9em; }
.soft { color: var(--soft); } .ok { color: var(--ok); } .failed { color: var(--failed); } .late { color: var(--late); } .cut { color: var(--cut); }
.gantt { display: grid; grid-template-columns: minmax(10rem, 18rem) 1fr minmax(8rem, 14rem); row-gap: 2px; margin-top: 1.5rem; }
.gantt > div { padding: 2px .5rem; min-height: 1.4rem; }
.track { position: relative; border-left: 1px solid var(--line); border-right: 1px solid var(--line); }
.bar { position: absolute; top: 15%; bottom: 15%; min-width: 3px; border-radius: 3px; background: currentColor; }
.phase .bar, .bar.phase { background: var(--soft); opacity: .45; }
.mark { position: absolute; top: -2px; bottom: -2px; border-left: 2px dashed var(--failed); }
.axis { display: flex; justify-content: space-between; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .1rem 1rem .1rem 0; vertical-align: top; }
details { margin-left: 1.2rem; } summary { cursor: pointer; } .leaf { margin-left: 2.3rem; }
@media print { body { margin: 0; } }
`;
