"""How the page looks: colours of figures as CSS variables, light, dark and on paper."""

from __future__ import annotations

from skipjack.report.svg import SHADES
from skipjack.visualization.render.theme import DARK, LIGHT, Stops, Theme, rgb


def _between(stops: Stops, share: float) -> str:
    """The colour at a share of the way along stops."""
    place = share * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    rest = place - first
    pairs = zip(rgb(stops[first]), rgb(stops[first + 1]), strict=True)
    return "#" + "".join(f"{round(255 * (a + rest * (b - a))):02x}" for a, b in pairs)


def _variables(theme: Theme) -> str:
    named = {
        **theme.roles,
        "ground": theme.ground,
        "grid": theme.grid,
        "ink": theme.text,
        "faint": theme.faint,
        **{f"good{k}": _between(theme.good, k / (SHADES - 1)) for k in range(SHADES)},
        **{f"even{k}": _between(theme.even, k / (SHADES - 1)) for k in range(SHADES)},
    }
    own = (
        {"page": "#f4f6f9", "line": "#e1e6ec", "soft": "#eef3f9", "bad": "#fdeef0"}
        if theme.name == "light"
        else {"page": "#0d1015", "line": "#2a313b", "soft": "#1c232d", "bad": "#2e1c22"}
    )
    return "".join(f"--{name}:{value};" for name, value in {**named, **own}.items())


_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);
 font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1060px;margin:0 auto;padding:36px 20px 60px}
h1{font-size:27px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 14px;letter-spacing:-.005em}
h3{font-size:15px;margin:22px 0 8px}
p{margin:0 0 10px}
.sub{color:var(--faint);margin-bottom:22px}
section,.card{background:var(--ground);border:1px solid var(--line);border-radius:12px}
section{padding:22px 24px;margin:18px 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px}
.card{padding:15px 18px}
.card b{display:block;font-size:24px;font-weight:650;letter-spacing:-.01em;line-height:1.3;
 overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.card span{color:var(--faint);font-size:13px}
.card small{display:block;color:var(--faint);font-size:13px;margin-top:2px}
nav{display:flex;flex-wrap:wrap;gap:6px 16px;margin:18px 2px 0;font-size:14px}
a{color:var(--main);text-decoration:none}
a:hover{text-decoration:underline}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:7px 12px 7px 0;border-bottom:1px solid var(--line);
 vertical-align:top;white-space:nowrap}
th{color:var(--faint);font-weight:550;font-size:12.5px}
tr:last-child td{border-bottom:0}
td.wrap{white-space:normal;overflow-wrap:anywhere;min-width:220px}
.n{text-align:right}
.badge{display:inline-block;font-size:11.5px;line-height:1;padding:4px 7px;border-radius:20px;
 background:var(--soft);color:var(--main);margin-left:6px;white-space:nowrap}
.meter{display:inline-block;width:110px;height:8px;border-radius:4px;background:var(--grid);
 vertical-align:middle;margin-right:8px;overflow:hidden}
.meter i{display:block;height:100%;background:var(--main)}
ul.findings{list-style:none;margin:0;padding:0}
ul.findings li{padding:10px 14px 10px 40px;margin:8px 0;border-radius:9px;background:var(--soft);
 position:relative;overflow-wrap:anywhere}
ul.findings li:before{position:absolute;left:12px;top:11px;width:19px;height:19px;line-height:19px;
 border-radius:50%;text-align:center;font-size:12px;font-weight:700;color:var(--ground)}
li.problem{background:var(--bad)!important}
li.problem:before{content:"!";background:var(--fail)}
li.hint:before{content:"i";background:var(--main)}
li.good:before{content:"\\2713";background:var(--running)}
li small{color:var(--faint);display:block}
pre{background:var(--soft);border-radius:9px;padding:13px 16px;overflow-x:auto;margin:8px 0 0;
 font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;tab-size:4}
figure{margin:0 0 26px}
figure:last-child{margin-bottom:0}
figcaption{font-weight:600;font-size:15px;margin-bottom:4px}
figure .note{font-weight:400;font-size:13px;color:var(--faint);margin:2px 0 0}
svg{display:block;width:100%;height:auto;font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,
 Arial,sans-serif}
svg text{fill:var(--ink);font-size:12px}
svg text.tick{fill:var(--faint);font-size:11px}
svg text.faint{fill:var(--faint);font-size:14px}
svg text.halo{paint-order:stroke;stroke:var(--ground);stroke-width:3px}
svg .grid{stroke:var(--grid);fill:none}
svg .base,svg .rail{stroke:var(--faint);fill:none}
svg .error{stroke:var(--ink);fill:none;opacity:.7}
svg .dot{stroke:var(--ground);stroke-width:.6}
svg circle:hover,svg g>rect:hover{stroke:var(--ink);stroke-width:1.5}
footer{color:var(--faint);font-size:13px;margin-top:26px}
@media (max-width:640px){main{padding:20px 12px}section{padding:16px}h1{font-size:22px}
 .scroll svg{min-width:640px}}
@media print{
 body{background:#fff;font-size:11pt}main{max-width:none;padding:0}nav{display:none}
 section,.card{border-color:#ccc}
 section{padding:12px 14px;margin:12px 0}
 figure,tr,li,.card,pre{break-inside:avoid}h2,h3,figcaption{break-after:avoid}
 .scroll{overflow:visible}pre{white-space:pre-wrap}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
"""


def css(theme: str) -> str:
    """The style sheet.

    Args:
        theme: "light" or "dark"; "auto": as the reader's system is. On paper it is light.
    """
    light, dark = _variables(LIGHT), _variables(DARK)
    first = dark if theme == "dark" else light
    scheme = "light dark" if theme == "auto" else theme
    rules = [f":root{{color-scheme:{scheme};{first}}}"]
    if theme == "auto":
        rules.append(f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}")
    rules.append(f"@media print{{:root{{color-scheme:light;{light}}}}}")
    return "".join(rules) + _RULES
