// How the statistics page looks: one style sheet, inside the page so that nothing else is fetched.
// The colours of the states are those of HAProxy's page; in the dark they are the same hues.
#pragma once

#include <string_view>

namespace tandem::lb::admin {

inline constexpr std::string_view kPageStyle = R"css(
:root{color-scheme:light dark;--page:#f6f7f8;--card:#fff;--text:#17202a;--muted:#5b6673;--line:#d5dae0;
--head:#eceff2;--accent:#0b5c8a;--proxy:#e8e8d0;--up:#c0ffc0;--going-down:#ffffa0;--down:#ff9090;
--going-up:#ffd020;--nolb:#6cc0ff;--drain:#6cc0ff;--maint:#dd9c55;--no-check:#e0e0e0;
--backup-up:#b0d0ff;--backup-going-down:#d6a0ff;--backup-going-up:#ff9cff;--warn:#a01212}
@media (prefers-color-scheme:dark){:root{--page:#14181d;--card:#1c2127;--text:#e4e8ec;--muted:#9aa5b1;
--line:#323a43;--head:#252c33;--accent:#7cc4f0;--proxy:#35362a;--up:#1c4a26;--going-down:#55520f;
--down:#712226;--going-up:#665209;--nolb:#164a75;--drain:#164a75;--maint:#6d4315;--no-check:#34383d;
--backup-up:#243f68;--backup-going-down:#4d2b6b;--backup-going-up:#642864;--warn:#ff9d9d}}
*{box-sizing:border-box}
body{margin:0;padding:1.25rem clamp(.75rem,2vw,2rem) 3rem;background:var(--page);color:var(--text);
font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
a{color:var(--accent)}
header{display:flex;flex-wrap:wrap;gap:.5rem 2rem;align-items:baseline;margin-bottom:1rem}
h1{font-size:1.5rem;margin:0;letter-spacing:-.01em}
header p{margin:0;color:var(--muted)}
nav{margin-left:auto;display:flex;flex-wrap:wrap;gap:.35rem .9rem}
.process{display:flex;flex-wrap:wrap;gap:.15rem 2.25rem;
background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.75rem 1rem;margin:0 0 .75rem}
.process div{white-space:nowrap;font-variant-numeric:tabular-nums}
.notready{border-left:4px solid var(--warn);padding:.4rem .75rem;background:var(--card);
color:var(--warn);font-weight:600;margin:0 0 .75rem}
.legend{display:flex;flex-wrap:wrap;gap:.3rem .5rem;margin:0 0 1.25rem;padding:0;list-style:none;font-size:12px}
.legend li{padding:.05rem .5rem;border-radius:4px;border:1px solid var(--line)}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:0 0 1.25rem;overflow:hidden}
h2{font-size:1.05rem;margin:0;padding:.55rem .9rem;display:flex;gap:.75rem;align-items:baseline}
h2 small{color:var(--muted);font-weight:400}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:12px;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .34rem;border:1px solid var(--line);white-space:nowrap;text-align:right}
thead th{background:var(--head);font-weight:600;text-align:center;color:var(--muted)}
tbody th,td.word{text-align:left}
tbody th{font-weight:600;position:sticky;left:0;background:inherit}
td.status{font-weight:600}
tr.proxy{background:var(--proxy)}
tr.up{background:var(--up)}tr.going_down{background:var(--going-down)}tr.down{background:var(--down)}
tr.going_up{background:var(--going-up)}tr.nolb{background:var(--nolb)}tr.drain{background:var(--drain)}
tr.maint{background:var(--maint)}tr.no_check{background:var(--no-check)}
tr.backup.up{background:var(--backup-up)}tr.backup.going_down{background:var(--backup-going-down)}
tr.backup.going_up{background:var(--backup-going-up)}
#pair .notready{border-radius:0;margin:0 .9rem .55rem}
#pair td{white-space:normal;min-width:5rem;vertical-align:top}#pair tbody th{vertical-align:top}
tbody tr:hover>*{box-shadow:inset 0 1px var(--accent),inset 0 -1px var(--accent)}
footer{color:var(--muted);font-size:12px}
)css";

}  // namespace tandem::lb::admin
