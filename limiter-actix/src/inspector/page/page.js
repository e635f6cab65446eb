"use strict";

// Texts of clients and operators are only ever put in as `textContent`.

const BASE = new URL(".", document.currentScript.src);
const KINDS = [
  ["allowed", "allowed"], ["shadow_refused", "shadow"], ["refused", "refused"],
  ["reserved", "reserved"], ["banned", "banned"], ["undecided", "undecided"],
];
const byId = (id) => document.getElementById(id);
const state = { mayChange: false, enabled: true, routes: [], client: null };

function address(path) {
  // Without the name and the token that a browser may keep in the address of the page.
  const url = new URL(`api/v1/${path}`, BASE);
  url.username = "";
  url.password = "";
  return url;
}

async function call(path, options = {}) {
  const response = await fetch(address(path), { cache: "no-store", ...options });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error || `The server answered ${response.status}.`);
  return body;
}

function announce(text, isBad = false) {
  const message = byId("message");
  message.textContent = text;
  message.classList.toggle("bad", isBad);
}

/** Runs a task; shows its error. */
async function attempt(task) {
  try {
    return await task();
  } catch (error) {
    announce(error.message, true);
    return undefined;
  }
}

async function change(body, done) {
  return attempt(async () => {
    const changed = await call("changes", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const rest = changed.is_complete ? "" : " The storage could only clear the limits that this process knows.";
    announce(done + rest);
    return changed;
  });
}

function confirmed(text) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = text;
  dialog.showModal();
  return new Promise((resolve) => {
    let answer = false;
    byId("confirm-yes").onclick = () => { answer = true; dialog.close(); };
    byId("confirm-no").onclick = () => dialog.close();
    dialog.onclose = () => resolve(answer);
  });
}

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function button(text, onclick, className = "") {
  return element("button", { type: "button", textContent: text, onclick, className });
}

/** Fills a table with rows of cells, each a text or an element. Numbers are aligned. */
function fill(table, rows, empty) {
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const focused = document.activeElement?.dataset?.focus;
  const cell = (content, index) => {
    const isNumber = typeof content === "number";
    const made = element("td", { className: isNumber ? "number" : "" });
    made.dataset.label = labels[index];
    made.append(isNumber ? content.toLocaleString("en") : content ?? "");
    return made;
  };
  const none = () => [element("tr", {}, [element("td", { className: "empty", colSpan: labels.length, textContent: empty })])];
  const made = rows.map((row) => element("tr", {}, row.map(cell)));
  table.tBodies[0].replaceChildren(...(made.length ? made : none()));
  if (focused) [...table.querySelectorAll("[data-focus]")].find((it) => it.dataset.focus === focused)?.focus();
}

const clock = (millis) => new Date(millis).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const moment = (millis) => new Date(millis).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });

function duration(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

function showOverview(overview) {
  state.mayChange = overview.access.may_change;
  state.enabled = overview.enabled;
  byId("operator").textContent = overview.access.operator + (state.mayChange ? "" : ", may view only");
  for (const id of ["switch", "client-changes", "ban"]) byId(id).hidden = !state.mayChange;
  show("state", overview.enabled ? "On" : "Off: nothing is limited", overview.enabled);
  byId("switch").textContent = overview.enabled ? "Switch off" : "Switch on";

  const storage = overview.storage;
  show("storage", storage.is_failing ? "Failing" : "Answers", !storage.is_failing);
  const keys = `${storage.memory_keys.toLocaleString("en")} keys in memory`;
  byId("storage-details").textContent = [storage.servers || storage.kind, `${storage.errors} errors`, keys].join(" · ");

  const sum = (kind) => overview.minutes.reduce((total, minute) => total + minute[kind], 0);
  const sums = Object.fromEntries(KINDS.map(([kind]) => [kind, sum(kind)]));
  const all = Object.values(sums).reduce((total, number) => total + number, 0);
  const refused = sums.refused + sums.banned;
  byId("refused-share").textContent = all ? `${((100 * refused) / all).toFixed(1)} %` : "No requests";
  byId("totals").textContent = `${refused.toLocaleString("en")} of ${all.toLocaleString("en")} limited requests`;
  byId("updated").textContent = `Last at ${new Date(overview.now).toLocaleTimeString()}`;
  showChart(overview.minutes, all, refused);
}

function show(id, text, isGood) {
  const place = byId(id);
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("good", isGood);
  place.classList.toggle("bad", !isGood);
}

function showChart(minutes, all, refused) {
  const chart = byId("chart");
  const total = (minute) => KINDS.reduce((sum, [kind]) => sum + minute[kind], 0);
  const most = Math.max(1, ...minutes.map(total));
  const width = 720 / minutes.length;
  const bars = [];
  minutes.forEach((minute, index) => {
    let top = 180;
    for (const [kind, className] of KINDS) {
      if (!minute[kind]) continue;
      const height = (170 * minute[kind]) / most;
      top -= height;
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const place = { x: index * width + 1, y: top, width: width - 2, height, class: className };
      for (const [name, value] of Object.entries(place)) bar.setAttribute(name, value);
      bars.push(bar);
    }
  });
  const title = byId("chart-title");
  title.textContent = `Requests by minute: ${all} in the last hour, ${refused} of them refused`;
  chart.replaceChildren(title, ...bars);
  byId("axis-begin").textContent = clock(minutes[0].start * 1000);
  byId("axis-most").textContent = `highest: ${most.toLocaleString("en")} a minute`;
  byId("axis-end").textContent = clock(minutes.at(-1).start * 1000);
  const rows = minutes.filter(total).reverse().map((minute) => [
    clock(minute.start * 1000), minute.allowed, minute.shadow_refused, minute.refused, minute.reserved,
    minute.banned, minute.undecided,
  ]);
  fill(byId("minutes"), rows, "No requests in the last hour");
}

function clientButton(client) {
  const made = button(client, () => lookUp(client), "link");
  made.dataset.focus = `client ${client}`;
  return made;
}

async function loadTop() {
  const top = await call("top");
  byId("top-note").textContent = top.is_counted
    ? `Since ${moment(top.since)}, in the process that responds.`
    : "Not counted: set `top_clients(true)` on the builder.";
  const rows = (clients) => clients.slice(0, 20).map((client) => [clientButton(client.client), client.count, client.error]);
  fill(byId("top-refused"), rows(top.refused), "None");
  fill(byId("top-busiest"), rows(top.busiest), "None");
}

async function loadBans() {
  const { bans } = await call("bans");
  const end = async (ban) => {
    const action = ban.is_pass ? "disallow" : "unban";
    await change({ action, client: ban.client }, `${ban.client}: the ${ban.is_pass ? "pass" : "ban"} has ended.`);
    await refresh();
  };
  const rows = bans.map((ban) => [
    ban.client, ban.is_pass ? "Pass" : "Ban", moment(ban.end), ban.reason,
    state.mayChange ? button(ban.is_pass ? "End the pass" : "Unban", () => end(ban)) : "",
  ]);
  fill(byId("ban-list"), rows, "No bans and no passes");
}

async function loadLimits() {
  state.routes = (await call("limits")).routes;
  showLimits();
}

function showLimits() {
  const words = byId("limits-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [];
  for (const route of state.routes) {
    const limits = route.limits.length ? route.limits : [null];
    limits.forEach((limit, index) => {
      const text = `${route.route} ${limit ? `${limit.limit} ${limit.level} ${limit.source} ${limit.name ?? ""} ${limit.shared ?? ""}` : "exempt"}`.toLowerCase();
      if (words.every((word) => text.includes(word))) rows.push(limitRow(route, limit, index));
    });
  }
  fill(byId("limit-list"), rows.slice(0, 500), "No route has such a limit");
  const cut = rows.length > 500 ? ", the first 500 shown" : "";
  byId("limits-count").textContent = `${rows.length} limits on ${state.routes.length} routes${cut}`;
}

function limitRow(route, limit) {
  const name = element("span", { className: "route", textContent: route.route });
  if (!limit) return [name, route.is_exempt ? "exempt" : "no limits", "", "", "", ""];
  const options = [limit.quota, limit.name && `“${limit.name}”`, limit.shared && `shared as “${limit.shared}”`,
    limit.cost === null ? "cost by function" : limit.cost !== 1 && `cost ${limit.cost}`, limit.has_own_key && "own key"];
  const shown = element("span", { textContent: options.filter(Boolean).join(", ") });
  if (limit.is_shadow) shown.append(" ", element("span", { className: "tag", textContent: "shadow" }));
  return [name, shown, limit.level, limit.place, limit.source, state.mayChange ? shadowButton(limit) : ""];
}

function shadowButton(limit) {
  const made = button(limit.is_shadow ? "Enforce" : "Shadow", async () => {
    const text = limit.is_shadow
      ? `Should “${limit.limit}” refuse requests from now on?`
      : `Should “${limit.limit}” refuse nothing from now on? Outer limits that it overrides then apply.`;
    if (!(await confirmed(text))) return;
    await change({ action: "shadow", limit: limit.limit, shadow: !limit.is_shadow }, `${limit.limit}: changed in this process.`);
    await attempt(loadLimits);
  });
  made.setAttribute("aria-label", `${made.textContent}: ${limit.limit}`);
  made.dataset.focus = `shadow ${limit.limit}`;
  return made;
}

async function loadSettings() {
  const { settings } = await call("settings");
  const rows = settings.map((setting) => [setting.name, setting.value || "none", setting.source]);
  fill(byId("setting-list"), rows, "None");
}

async function lookUp(text) {
  byId("client-text").value = text;
  const view = await attempt(() => call(`client?client=${encodeURIComponent(text)}`));
  if (!view) return;
  state.client = text;
  byId("client-result").hidden = false;
  byId("client-changes").hidden = !state.mayChange;
  const until = view.until ? ` until ${moment(view.until)}` : "";
  show("client-state", view.is_refused ? `${view.client} is refused${until}` : `${view.client} may pass`, !view.is_refused);
  byId("client-reason").textContent = reason(view);
  const rows = view.windows.map((window) => {
    const refused = window.is_refused
      ? element("span", { className: "tag bad", textContent: window.is_shadow ? "in shadow only" : window.until ? `until ${moment(window.until)}` : "always" })
      : "no";
    const left = `${window.remaining.toLocaleString("en")} of ${window.amount.toLocaleString("en")}`;
    return [window.limit, element("span", { className: "route", textContent: window.scope }), left, refused, duration(window.reset_seconds)];
  });
  fill(byId("windows"), rows, "No limit has a count of this client");
  byId("client-note").textContent = `${view.counts.toLocaleString("en")} counts were read.`
    + (view.is_complete ? "" : " There may be others, of dynamic limits or shared names that only requests determine.");
}

function reason(view) {
  const refusing = view.windows.filter((window) => window.is_refused && !window.is_shadow).map((window) => window.limit);
  if (view.ban && !view.ban.is_pass) return `Banned as ${view.ban.client}${view.ban.reason ? `: ${view.ban.reason}` : ""}.`;
  if (view.ban) return `It has a pass until ${moment(view.ban.end)}.`;
  return refusing.length ? `Refused by ${refusing.join("; ")}.` : "";
}

async function refresh() {
  await attempt(loadBans);
  await attempt(loadTop);
  if (state.client !== null) await lookUp(state.client);
}

byId("look-up").addEventListener("submit", (event) => {
  event.preventDefault();
  announce("");
  lookUp(byId("client-text").value.trim());
});

byId("clear").addEventListener("click", async () => {
  await change({ action: "clear", client: state.client }, `The counts of ${state.client} are cleared.`);
  await refresh();
});

byId("pass-client").addEventListener("click", async () => {
  await change({ action: "allow", client: state.client, seconds: 3600 }, `${state.client} has a pass for 1 hour.`);
  await refresh();
});

byId("ban-client").addEventListener("click", () => {
  byId("ban-target").value = state.client;
  byId("ban-minutes").focus();
});

byId("ban").addEventListener("submit", async (event) => {
  event.preventDefault();
  const client = byId("ban-target").value.trim();
  const seconds = 60 * Number(byId("ban-minutes").value);
  const changed = await change({ action: "ban", client, seconds, reason: byId("ban-reason").value }, `${client} is banned.`);
  if (changed) event.target.reset();
  await refresh();
});

byId("switch").addEventListener("click", async () => {
  const enabled = !state.enabled;
  const text = enabled ? "Should the limiter be switched on?" : "Should the limiter be switched off? Nothing is limited then, in this process.";
  if (!(await confirmed(text))) return;
  await change({ action: "switch", enabled }, enabled ? "The limiter is on." : "The limiter is off.");
  await attempt(async () => showOverview(await call("overview")));
});

byId("limits-search").addEventListener("input", showLimits);

function listen() {
  const events = new EventSource(address("events"));
  events.addEventListener("open", () => show("live", "Live", true));
  events.addEventListener("overview", (event) => showOverview(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    show("live", "Connecting", false);
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
  });
}

(async () => {
  await attempt(async () => showOverview(await call("overview")));
  for (const load of [loadTop, loadBans, loadLimits, loadSettings]) await attempt(load);
  listen();
  setInterval(() => { if (!document.hidden) attempt(loadTop).then(() => attempt(loadBans)); }, 10000);
})();
