// SPDX-License-Identifier: Apache-2.0
/*
 * How the widget looks. Colours and sizes are custom properties; those that begin with --drawbridge- are the page's to
 * set, on drawbridge-chat. Sides are logical, so that right-to-left needs no rules of its own.
 */

const light = `
	--paper: #ffffff; --well: #f2f4f7; --ink: #17202b; --soft: #566271; --line: #dfe4ea; --edge: #7d8894;
	--bad: #9d1f17; --bad-ground: #fdeeec; color-scheme: light;`
const dark = `
	--paper: #171d24; --well: #252e38; --ink: #e9edf2; --soft: #a9b4c0; --line: #303b47; --edge: #77838f;
	--bad: #ffb4ab; --bad-ground: #43170f; color-scheme: dark;`

const place = `
:host {
	all: initial !important; display: block !important; position: fixed !important; inset: auto !important;
	width: 0 !important; height: 0 !important; margin: 0 !important; padding: 0 !important; border: 0 !important;
	overflow: visible !important; background: none !important; z-index: 2147483647 !important;
	visibility: visible !important; pointer-events: auto !important;
}
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.root {
	${light}
	--accent: var(--drawbridge-accent, var(--flow-accent)); --on-accent: var(--drawbridge-on-accent, var(--flow-on-accent));
	--radius: var(--drawbridge-radius, 18px); --inset: var(--drawbridge-inset, 20px);
	font: 15px/1.5 var(--drawbridge-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
	color: var(--ink); text-align: start; -webkit-text-size-adjust: 100%;
}
@media (prefers-color-scheme: dark) { .root:not([data-theme=light]) { ${dark} } }
.root[data-theme=dark] { ${dark} }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { display: block; flex: none; width: 1.5em; height: 1.5em; }
button, input, textarea { font: inherit; color: inherit; margin: 0; }
button { cursor: pointer; border: 0; background: none; padding: 0; -webkit-tap-highlight-color: transparent; }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; box-shadow: 0 0 0 2px var(--paper); }
p { margin: 0; }`

const launcher = `
.launcher {
	position: fixed; inset-block-end: var(--inset); inset-inline-end: var(--inset); width: 60px; height: 60px;
	display: grid; place-items: center; border-radius: 50%; background: var(--accent); color: var(--on-accent);
	border: 1px solid transparent; box-shadow: 0 2px 6px rgb(10 20 30 / 20%), 0 10px 28px rgb(10 20 30 / 24%);
	transition: transform .18s ease, box-shadow .18s ease; font-size: 18px;
}
.root[data-position=start] .launcher, .root[data-position=start] .panel { inset-inline: var(--inset) auto; }
.launcher:hover { transform: translateY(-2px) scale(1.03); }
.launcher:active { transform: scale(.96); }
.launcher:focus-visible { outline-color: var(--on-accent); outline-offset: -7px; box-shadow: 0 0 0 3px var(--accent); }
.launcher .icon { grid-area: 1 / 1; transition: opacity .18s ease, transform .18s ease; }
.launcher .icon-chat { fill: currentColor; }
.launcher .icon-down, [data-open] .launcher .icon-chat { opacity: 0; transform: rotate(-45deg) scale(.6); }
[data-open] .launcher .icon-down { opacity: 1; transform: none; }
.launcher[data-unread]::after {
	content: ""; position: absolute; inset-block-start: 1px; inset-inline-end: 1px; width: 15px; height: 15px;
	border-radius: 50%; background: #d92d20; border: 2px solid #fff;
}`

const panel = `
.panel {
	position: fixed; inset-block-end: calc(var(--inset) + 74px); inset-inline-end: var(--inset);
	width: min(var(--drawbridge-width, 392px), calc(100vw - 2 * var(--inset)));
	height: min(var(--drawbridge-height, 640px), calc(100vh - 2 * var(--inset) - 74px));
	display: flex; flex-direction: column; overflow: hidden; background: var(--paper); color: var(--ink);
	border: 1px solid var(--line); border-radius: var(--radius);
	box-shadow: 0 4px 12px rgb(10 20 30 / 10%), 0 24px 60px rgb(10 20 30 / 26%); animation: rise .22s ease;
}
.panel:focus { outline: none; }
@keyframes rise { from { opacity: 0; transform: translateY(14px) scale(.985); } }
.header {
	display: flex; align-items: center; gap: 6px; padding: 12px; padding-inline-start: 16px; background: var(--accent);
	color: var(--on-accent); flex: none; border-block-end: 1px solid transparent;
}
.face { width: 36px; height: 36px; display: grid; place-items: center; border-radius: 50%; flex: none; font-size: 13px;
	background: color-mix(in srgb, var(--on-accent) 16%, transparent); margin-inline-end: 6px; }
.face .icon { fill: currentColor; }
.title { font-size: 16px; line-height: 1.3; font-weight: 650; margin: 0; flex: 1; min-width: 0; overflow-wrap: anywhere;
	display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; letter-spacing: -.005em; }
.root[dir=ltr] .title { text-align: left; }
.root[dir=rtl] .title { text-align: right; }
.tool { width: 40px; height: 40px; display: grid; place-items: center; border-radius: 50%; flex: none; font-size: 14px;
	border: 1px solid transparent; }
.tool:hover { background: color-mix(in srgb, var(--on-accent) 16%, transparent); }
.tool:focus-visible { outline-color: var(--on-accent); outline-offset: -4px; box-shadow: none; }
.scroll { flex: 1; min-height: 0; display: flex; flex-direction: column; }
.log { flex: 0 1 auto; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 6px;
	display: flex; flex-direction: column; gap: 4px; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
.log:focus-visible { outline-offset: -3px; box-shadow: none; }`

const messages = `
.message { position: relative; max-width: 84%; padding: 9px 14px; border-radius: 18px; overflow-wrap: anywhere;
	border: 1px solid transparent; animation: come .2s ease; flex: none; }
.message.still { animation: none; }
@keyframes come { from { opacity: 0; transform: translateY(6px); } }
.message .text { white-space: pre-wrap; }
.bot { align-self: flex-start; background: var(--well); border-end-start-radius: 6px; }
.visitor { align-self: flex-end; background: var(--accent); color: var(--on-accent); border-end-end-radius: 6px; }
.bot + .visitor, .visitor + .bot { margin-block-start: 10px; }
.bot.bare { background: none; padding: 0; border: 0; max-width: 92%; }
.visitor[data-state=sending] { opacity: .82; }
.visitor[data-state=failed] { background: var(--bad-ground); color: var(--bad); border-color: currentColor; }
.image { display: block; max-width: 100%; max-height: 260px; border-radius: 14px; border: 1px solid var(--line); }
.links { display: flex; flex-direction: column; align-items: stretch; gap: 6px; padding-block: 2px; min-width: 200px; }
.link { display: flex; align-items: center; justify-content: space-between; gap: 10px; padding: 9px 14px; color: var(--ink);
	border: 1px solid var(--edge); border-radius: 12px; text-decoration: none; font-weight: 550; background: var(--paper); }
.link:hover { background: var(--well); text-decoration: underline; text-underline-offset: .2em; }
.link .icon { font-size: 12px; opacity: .8; }
.typing { display: flex; gap: 5px; padding: 14px 16px; margin: 6px 16px; align-self: flex-start; }
.typing i { width: 7px; height: 7px; border-radius: 50%; background: var(--soft); animation: beat 1.2s infinite ease-in-out; }
.typing i:nth-child(2) { animation-delay: .16s; }
.typing i:nth-child(3) { animation-delay: .32s; }
@keyframes beat { 0%, 60%, 100% { opacity: .35; transform: none; } 30% { opacity: 1; transform: translateY(-4px); } }
.status { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.status[data-shown] { position: static; width: auto; height: auto; clip-path: none; flex: none; padding: 6px 16px;
	font-size: 13.5px; text-align: center; color: var(--soft); background: var(--well); }`

const answer = `
.composer { flex: none; padding: 10px 12px 12px; border-block-start: 1px solid transparent; }
.composer:empty { padding: 4px; }
.composer[data-busy] .choice, .composer[data-busy] .send { opacity: .55; cursor: default; }
.field { display: flex; align-items: flex-end; gap: 6px; border: 1px solid var(--edge); border-radius: 24px; padding: 4px;
	padding-inline-start: 6px; background: var(--paper); transition: border-color .15s ease; }
.field:focus-within { border-color: var(--ink); box-shadow: 0 0 0 1px var(--ink); }
.input { flex: 1; min-width: 0; border: 0; background: none; padding: 7px 10px; font-size: 16px; line-height: 24px;
	border-radius: 18px; resize: none; max-height: 130px; appearance: none; height: 38px; text-align: start; }
.input:focus, .input:focus-visible { outline: none; box-shadow: none; }
.input::placeholder { color: var(--soft); opacity: 1; }
.send { flex: none; width: 38px; height: 38px; display: grid; place-items: center; border-radius: 50%; font-size: 13.5px;
	background: var(--well); color: var(--soft); border: 1px solid transparent; transition: background .15s, color .15s; }
.send[data-ready] { background: var(--accent); color: var(--on-accent); }
.root[dir=rtl] .icon-send, .root[dir=rtl] .icon-out { transform: scaleX(-1); }
.choices, .row { display: flex; flex-wrap: wrap; gap: 8px; }
.choices { max-height: 220px; overflow-y: auto; padding: 8px; margin: -8px; justify-content: flex-end; }
.choice, .primary { min-height: 42px; padding: 8px 17px; border-radius: 22px; font-weight: 570; overflow-wrap: anywhere;
	text-align: center; max-width: 100%; }
.choice { border: 1px solid var(--edge); background: var(--paper); transition: background .15s ease; }
.choice:hover { background: var(--well); border-color: var(--ink); }
.primary { display: inline-flex; align-items: center; justify-content: center; gap: 8px; background: var(--accent);
	color: var(--on-accent); border: 1px solid transparent; }
.primary:hover { filter: brightness(1.08); }
.primary .icon { font-size: 13px; }
.primary[aria-disabled=true] { background: var(--well); color: var(--soft); cursor: default; filter: none; }
.notice, .connect { display: flex; flex-direction: column; gap: 11px; padding: 13px 15px; border-radius: 16px;
	background: var(--well); font-size: 14.5px; border: 1px solid transparent; overflow-wrap: anywhere; }
.notice.error { background: var(--bad-ground); color: var(--bad); }
.note { color: var(--soft); }`

const occasions = `
.root[data-mode=page]::before { content: ""; position: fixed; inset: 0; background: var(--well); }
.root[data-mode=page] .panel { inset: 0; margin-inline: auto; width: min(100%, 720px); height: 100%; border-block: 0;
	border-radius: 0; animation: none; box-shadow: none; }
@media (max-width: 480px), (max-height: 460px) {
	.root[data-mode=panel] .panel, .root[data-mode=panel][data-position=start] .panel { inset: 0; width: 100%; height: 100%;
		height: 100dvh; border: 0; border-radius: 0; padding: env(safe-area-inset-top) 0 env(safe-area-inset-bottom); }
	[data-open] .launcher { display: none; }
}
@media (prefers-reduced-motion: reduce) {
	*, ::before, ::after { animation: none !important; transition: none !important; }
	.typing i { opacity: .7; }
}
@media (prefers-contrast: more) {
	.root { --soft: var(--ink); --line: var(--ink); --edge: var(--ink); }
	.message { border-color: currentColor; }
}
@media (forced-colors: active) {
	.launcher, .message:not(.bare), .header, .send, .tool, .composer, .notice, .primary { border-color: CanvasText; }
	.field:focus-within { outline: 3px solid Highlight; }
	.typing i, .launcher[data-unread]::after { background: CanvasText; forced-color-adjust: none; }
	.primary[aria-disabled=true] { color: GrayText; }
	:focus-visible { outline-color: Highlight; }
}
@media print { .root { display: none; } }`

export const sheetText = [place, launcher, panel, messages, answer, occasions].join('\n')
