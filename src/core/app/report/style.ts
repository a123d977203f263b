/**
 * Style of a report. Colours of Okabe and Ito, which people of any colour vision can tell apart; a form or a word says the same. Text in drawings
 * has the size of text: what scales with the screen are lines and bars. No script.
 */
const COLOURS = `
:root{color-scheme:light dark;--ink:#1a1d21;--soft:#5c6670;--line:#e1e5ea;--paper:#fff;--panel:#f2f4f7;--held:#bcd8ee;--covered:#0068a8;--good:#00705a;--warn:#8a5000;--bad:#b23200;--ok-fill:#4fae98;--warn-fill:#e69f00;--bad-fill:#d55e00;--rest-fill:#9aa4ae}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#9ba5af;--line:#2c3238;--paper:#121518;--panel:#1d2226;--held:#2b4d66;--covered:#5cb3e6;--good:#4cc3a5;--warn:#eeb33a;--bad:#ff9061;--ok-fill:#2f9780;--warn-fill:#d99600;--bad-fill:#d9651a;--rest-fill:#6b757f}}
`
const TEXT = `
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:62rem;padding:2.5rem 1.5rem 4rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:1.75rem;line-height:1.2;margin:.6rem 0 .2rem;font-weight:650;letter-spacing:-.01em}
h1 span{font-weight:400;color:var(--soft)}
h2{font-size:1.15rem;margin:3rem 0 .9rem;font-weight:650}
h3{font-size:.85rem;margin:1.2rem 0 .3rem;font-weight:600;color:var(--soft)}
div>h3:first-child{margin-top:0}
p{margin:0}
a{color:var(--covered);text-decoration:none}
a:hover{text-decoration:underline}
code{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;color:var(--soft)}
.soft,.facts,figcaption{color:var(--soft);font-size:.87rem}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.verdict{display:inline-block;font-weight:650;padding:.15rem .75rem;border:1.5px solid;border-radius:1rem}
dl{display:grid;grid-template-columns:repeat(4,1fr);gap:1px;margin:1.6rem 0 1.2rem;background:var(--line);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
dl div{background:var(--paper);padding:.6rem .9rem}
dt{color:var(--soft);font-size:.8rem}
dd{margin:0;font-size:1.1rem;font-weight:600}
nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.9rem}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line)}
`
const LISTS = `
ul,ol{list-style:none;margin:0;padding:0}
.findings li{border-left:3px solid;padding:.1rem 0 .1rem .9rem;margin:0 0 .8rem}
.findings bdi{color:var(--ink)}.findings .soft bdi{color:inherit}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin-top:1rem}
th{text-align:left;color:var(--soft);font-weight:400;font-size:.82rem}
th,td{padding:.4rem 1rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
td.free-text{white-space:normal;width:100%}
table:has(td.owner) td.wide,time{color:var(--soft)}
.history{margin-top:.6rem}
.history li{display:grid;grid-template-columns:8.5rem 1fr;gap:0 1rem;padding:.5rem 0;border-top:1px solid var(--line);font-size:.9rem}
.command{font-weight:600}
.row{display:flex;justify-content:space-between;align-items:baseline;gap:1rem}
.row .facts{flex:none}
`
const DRAWINGS = `
figure{margin:0}
svg{display:block;overflow:visible}
svg text{fill:var(--soft);font-size:12px}
.legend{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem 1.1rem;color:var(--soft);font-size:.87rem;margin-bottom:1rem}.legend span{white-space:nowrap}
.key{display:inline-block;width:22px;height:12px;margin-right:.4rem}
.tree{max-height:44rem;overflow-y:auto;font-size:.95rem}
.tree li{display:flex;align-items:center;height:28px;gap:.4rem}
.tree .name{overflow:hidden;white-space:nowrap;text-overflow:ellipsis;min-width:0}
.tree .facts{flex:none;margin-left:.5rem;max-width:50%;overflow:hidden;white-space:nowrap;text-overflow:ellipsis}
.edges{flex:none}.edges path{fill:none;stroke:var(--rest-fill);stroke-width:1.25}
.node{fill:var(--covered)}.anchor{fill:var(--paper);stroke:var(--covered);stroke-width:2.5}.away{fill:var(--paper);stroke:var(--rest-fill);stroke-width:1.5;stroke-dasharray:3 2}
.addresses{display:grid;grid-template-columns:20rem minmax(0,1fr);gap:1.5rem 2.5rem;align-items:start}
.map svg{width:100%;height:auto}.map figcaption{margin-top:.6rem}
.map text{fill:var(--ink);font-size:9px;font-weight:600;paint-order:stroke;stroke:var(--paper);stroke-width:2px;stroke-linejoin:round}
.free{fill:var(--panel)}.held{fill:var(--held)}.covered{fill:var(--covered)}
.bar{margin-bottom:.7rem}.bar svg{width:100%;height:12px}.bar.ha svg{height:18px}
.line svg{width:100%}.line .axis{height:16px}
.line line{stroke:var(--line)}.lane{margin-bottom:.4rem}
.lane circle{stroke:var(--paper);stroke-width:1.5}.due{fill:var(--covered)}.late{fill:var(--bad-fill)}
.healthy{fill:var(--ok-fill)}.degraded{fill:var(--warn-fill)}.circuit-open{fill:var(--bad-fill)}.recovering{fill:var(--rest-fill)}
.out{fill:none;stroke:var(--ink);stroke-width:2}
`
const SCREENS = `
@media (max-width:46rem){
body{padding:1.2rem 1rem 3rem}
h1{font-size:1.45rem}h2{margin-top:2.4rem}
dl{grid-template-columns:repeat(2,1fr)}
.addresses{grid-template-columns:minmax(0,1fr)}
.history li{grid-template-columns:1fr}
.wide{display:none}td.owner{white-space:normal;min-width:7rem}
th,td{padding-right:.7rem}
}
@media print{.tree{max-height:none}body{max-width:none;padding:0}nav{display:none}section{break-inside:avoid-page}}
`

export const STYLE = [COLOURS, TEXT, LISTS, DRAWINGS, SCREENS].join('')
