// The page of a Tidings node: topics, a live discussion, writing. Whatever others wrote goes in as text nodes only.
"use strict";

const api = "/api/v1";
const byId = (id) => document.getElementById(id);
const here = { topic: null, thread: null, me: null, seen: new Set(), first: true, timer: 0, cursor: null, names: new Map() };

/* Elements: el("p", {class: "note"}, "text", child …) */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/* ---- Talking to the node ---- */

class Trouble extends Error {
  constructor(status, code, message, hint) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(api + path, { cache: "no-cache", ...options });
  } catch {
    throw new Trouble(0, "down", "The node does not answer.", "Is it running? tidings serve starts it.");
  }
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => null);
  if (answer.ok) return body;
  const error = (body && body.error) || {};
  throw new Trouble(answer.status, error.code, error.message || `The node answered ${answer.status}.`, error.hint);
}

async function write(path, method, body) {
  for (;;) {
    const token = await tokenOrAsk();
    if (!token) return undefined;
    try {
      return (await call(path, {
        method,
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      })) ?? true;
    } catch (trouble) {
      if (trouble.status !== 401) throw trouble;
      sessionStorage.removeItem("token");
    }
  }
}

function tokenOrAsk() {
  const known = sessionStorage.getItem("token");
  if (known) return Promise.resolve(known);
  const ask = byId("ask");
  byId("token").value = "";
  ask.returnValue = "";
  ask.showModal();
  return new Promise((resolve) => {
    ask.addEventListener("close", () => {
      const token = ask.returnValue === "ok" ? byId("token").value.trim() : "";
      if (token) sessionStorage.setItem("token", token);
      resolve(token);
    }, { once: true });
  });
}

/* ---- How things look ---- */

const plain = (name) => (name || "").replace(/^(url|room):/, "");
const shortAuthor = (did) => did.replace(/^did:key:z6Mk/, "").slice(0, 8);

function ago(millis) {
  const seconds = Math.max(0, (Date.now() - millis) / 1000);
  const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [2592000, 86400, "day"], [31536000, 2592000, "month"], [Infinity, 31536000, "year"]];
  const [, unit, word] = steps.find(([limit]) => seconds < limit);
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.floor(seconds / unit), word);
}

function time(millis) {
  const date = new Date(millis);
  return el("time", { datetime: date.toISOString(), title: date.toLocaleString() }, ago(millis));
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) { count /= 1000; unit += 1; }
  return `${unit ? count.toFixed(1) : count} ${units[unit]}`;
}

function errorNote(trouble) {
  return el("p", { class: "error", role: "alert" }, trouble.message, trouble.hint ? ` ${trouble.hint}` : "");
}

function state(kind, text) {
  byId("state").className = kind;
  byId("state-text").textContent = text;
}

/* ---- Topics ---- */

async function topics(more) {
  const list = byId("topics");
  try {
    const after = more && here.cursor ? `&after=${encodeURIComponent(here.cursor)}` : "";
    const page = await call(`/topics?limit=40${after}`);
    if (!more) list.replaceChildren();
    for (const topic of page.items) {
      const name = topic.name || topic.id;
      here.names.set(topic.id, name);
      const count = `${topic.entries.toLocaleString("en")} ${topic.entries === 1 ? "entry" : "entries"}`;
      const link = el("a", { href: `#/t/${encodeURIComponent(name)}` }, plain(name).replace(/^https?:\/\//, ""),
        el("small", {}, topic.newest ? `${count}, ${ago(topic.newest)}` : count));
      list.append(el("li", {}, link));
    }
    if (!list.children.length) {
      list.append(el("li", { class: "note" }, "Nothing yet. Open a page or room above, and write the first comment."));
    }
    here.cursor = page.next;
    byId("more-topics").hidden = !page.next;
    mark();
  } catch (trouble) {
    if (!list.children.length || !more) list.replaceChildren(el("li", {}, errorNote(trouble)));
  }
}

function mark() {
  for (const link of byId("topics").querySelectorAll("a")) {
    if (link.getAttribute("href") === location.hash) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/* ---- The discussion ---- */

async function show(name) {
  Object.assign(here, { topic: name, thread: null, seen: new Set(), first: true });
  document.title = `${plain(name)} – Tidings`;
  byId("main").replaceChildren(el("p", { class: "note", "aria-busy": "true" }, "Loading…"));
  await refresh();
  byId("main").focus({ preventScroll: true });
}

async function refresh() {
  const name = here.topic;
  if (!name) return;
  const main = byId("main");
  try {
    const at = encodeURIComponent(name);
    const [thread, info] = await Promise.all([call(`/topics/${at}/thread`), call(`/topics/${at}`)]);
    if (here.topic !== name) return;
    here.thread = thread;
    if (here.first) frame(main, thread);
    facts(thread, info);
    comments(thread.comments);
    here.first = false;
  } catch (trouble) {
    if (here.topic !== name) return;
    if (here.first) {
      main.replaceChildren(el("h1", {}, plain(name)), errorNote(trouble),
        el("button", { class: "quiet", onclick: () => show(name) }, "Try again"));
    } else {
      state("down", trouble.message);
    }
  }
}

function frame(main, thread) {
  const name = plain(thread.name);
  const title = /^https?:\/\//.test(name)
    ? el("a", { href: name, rel: "noopener noreferrer", target: "_blank" }, name) : name;
  main.replaceChildren(el("h1", {}, title), el("div", { class: "facts", id: "facts" }),
    editor("Write a comment", "Post", "", (text) => entry({ kind: "post", text })),
    el("div", { id: "comments" }));
}

function facts(thread, info) {
  const count = thread.comments.length;
  const follow = info.followed
    ? el("span", {}, "followed")
    : el("button", { class: "link", onclick: follows }, "not followed – follow it");
  byId("facts").replaceChildren(...[
    el("span", {}, `${count.toLocaleString("en")} ${count === 1 ? "comment" : "comments"}`), follow,
    thread.cid ? el("a", { href: `/ipfs/${thread.cid}/`, title: thread.cid }, "folder ", el("code", {}, `…${thread.cid.slice(-8)}`)) : null,
    thread.truncated ? el("span", {}, "the newest 10,000 entries") : null,
  ].filter(Boolean));
}

async function follows() {
  try {
    await write(`/topics/${encodeURIComponent(here.topic)}/follow`, "PUT");
    await refresh();
  } catch (trouble) {
    byId("facts").append(errorNote(trouble));
  }
}

/* Comments keep their elements while nothing about them changes, so that focus and half-written replies stay. */
function comments(list) {
  const root = byId("comments");
  const known = new Map([...root.querySelectorAll("article")].map((node) => [node.id, node]));
  const places = [{ parent: root, at: root.firstChild }];
  for (const comment of list) {
    const depth = Math.min(comment.depth, places.length - 1);
    places.length = depth + 1;
    const id = `c-${comment.id}`;
    let node = known.get(id);
    known.delete(id);
    if (!node) {
      node = el("article", { class: "comment", id }, el("div", { class: "body" }), el("div", { class: "replies" }));
      if (!here.first && !here.seen.has(id)) node.classList.add("new");
    }
    here.seen.add(id);
    const looks = JSON.stringify(comment);
    if (node.dataset.looks !== looks) {
      node.dataset.looks = looks;
      fill(node.firstChild, comment);
    }
    const place = places[depth];
    if (place.at === node) place.at = node.nextSibling;
    else place.parent.insertBefore(node, place.at);
    places.push({ parent: node.lastChild, at: node.lastChild.firstChild });
  }
  for (const node of known.values()) node.remove();
  const empty = root.querySelector(":scope > .note");
  if (list.length) empty?.remove();
  else if (!empty) root.append(el("p", { class: "note" }, "Nobody has said anything yet."));
}

function fill(body, comment) {
  const swatch = el("i", { "aria-hidden": "true" });
  swatch.style.background = colour(comment.author);
  const mine = comment.author === here.me;
  const meta = el("div", { class: "meta" },
    el("span", { class: "author", title: comment.author }, swatch, shortAuthor(comment.author), mine ? " (you)" : ""),
    time(comment.time), comment.edited ? el("span", {}, "edited") : null);
  const text = comment.redacted
    ? el("p", { class: "text gone" }, "Taken back by its author.")
    : el("p", { class: "text" }, comment.text ?? "(not text)");
  const actions = el("div", { class: "actions" });
  const area = el("div");
  const link = (label, action) => actions.append(el("button", { class: "link", onclick: action }, label));
  link("Reply", () => toggle(area, "Your reply", "Reply", "", (t) => entry({ kind: "reply", text: t, refs: [comment.id] })));
  if (mine && !comment.redacted) {
    link("Edit", () => toggle(area, "The new text", "Save", comment.text || "", (t) => entry({ kind: "edit", text: t, refs: [comment.id] })));
    link("Take back", () => takeBack(area, comment));
  }
  body.replaceChildren(meta, text, ...files(comment), ...reactions(comment), actions, area);
}

function files(comment) {
  if (!comment.links.length || comment.redacted) return [];
  const items = comment.links.map((file) => {
    const source = `/ipfs/${encodeURIComponent(file.cid)}?filename=${encodeURIComponent(file.name)}`;
    const item = el("li", {}, el("a", { href: source }, file.name), ` ${bytes(file.size)}`);
    if (/^audio\//.test(file.media_type)) item.append(el("audio", { controls: true, preload: "none", src: source }));
    if (/^image\/(png|jpeg|gif|webp|avif)$/.test(file.media_type)) item.append(el("img", { src: source, alt: file.name, loading: "lazy" }));
    return item;
  });
  return [el("ul", { class: "files" }, ...items)];
}

function reactions(comment) {
  if (!comment.reactions.length) return [];
  return [el("ul", { class: "reactions" }, ...comment.reactions.map((r) => el("li", {}, `${r.symbol} ${r.count}`)))];
}

/* One colour for each author, of even lightness. */
function colour(author) {
  let hash = 0;
  for (const c of author) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
  return `hsl(${hash % 360} 45% 55%)`;
}

/* ---- Writing ---- */

function editor(label, verb, initial, send, close) {
  const id = `w${Math.random().toString(36).slice(2)}`;
  const area = el("textarea", { id, required: true, maxlength: 1000000 });
  area.value = initial;
  const button = el("button", {}, verb);
  const note = el("div");
  const form = el("form", { class: "write" }, el("label", { for: id, class: close ? "hidden" : "hint" }, label), area,
    el("div", { class: "row" }, button, close ? el("button", { type: "button", class: "quiet", onclick: close }, "Cancel") : null,
      el("span", { class: "hint" }, "Signed by you; Ctrl+Enter sends.")), note);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = area.value.trim();
    if (!text) return;
    button.disabled = true;
    note.replaceChildren();
    try {
      if ((await send(text)) !== undefined) {
        area.value = "";
        close?.();
      }
    } catch (trouble) {
      note.replaceChildren(errorNote(trouble));
    }
    button.disabled = false;
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape" && close && !area.value.trim()) close();
  });
  return form;
}

function toggle(area, ...editorArguments) {
  if (area.firstChild) { area.replaceChildren(); return; }
  area.replaceChildren(editor(...editorArguments, () => area.replaceChildren()));
  area.querySelector("textarea").focus();
}

function takeBack(area, comment) {
  const ask = el("div", { class: "row" }, el("span", {}, "Delete the text everywhere? This cannot be undone."),
    el("button", {
      onclick: async () => {
        try {
          await entry({ kind: "redact", redacts: [comment.id] });
        } catch (trouble) {
          ask.append(errorNote(trouble));
        }
      },
    }, "Take back"), el("button", { class: "quiet", onclick: () => area.replaceChildren() }, "Keep"));
  area.replaceChildren(ask);
  ask.querySelector("button").focus();
}

async function entry(content) {
  const done = await write(`/topics/${encodeURIComponent(here.topic)}/entries`, "POST", content);
  if (done !== undefined) {
    here.me = done.author || here.me;
    await refresh();
    soonTopics();
  }
  return done;
}

/* ---- Live ---- */

function soon() {
  clearTimeout(here.timer);
  here.timer = setTimeout(refresh, 120);
}

let topicsTimer = 0;
function soonTopics() {
  if (!topicsTimer) topicsTimer = setTimeout(() => { topicsTimer = 0; topics(false); }, 1500);
}

function listen() {
  const events = new EventSource(`${api}/events`);
  const ours = (event) => !here.thread || JSON.parse(event.data).topic === here.thread.topic;
  events.addEventListener("ready", () => { state("live", "Live"); soon(); soonTopics(); });
  events.addEventListener("entry", (event) => { if (ours(event)) soon(); soonTopics(); });
  events.addEventListener("redacted", (event) => { if (ours(event)) soon(); });
  events.addEventListener("folder", (event) => { if (ours(event)) soon(); });
  events.addEventListener("lagged", () => { soon(); soonTopics(); });
  events.onerror = () => {
    state("down", "No connection; trying again");
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

/* ---- Ways ---- */

function welcome() {
  here.topic = null;
  document.title = "Tidings";
  byId("main").replaceChildren(el("h1", {}, "Discussions that belong to everyone who holds them"),
    el("p", { class: "facts" }, "Choose a topic, or open the address of any page to talk about it. A word alone is a room."),
    here.me ? el("p", { class: "note" }, "You are ", el("code", {}, here.me), ".") : "");
}

function route() {
  const token = location.hash.match(/^#token=([\w-]+)$/);
  if (token) {
    sessionStorage.setItem("token", token[1]);
    history.replaceState(null, "", "#/");
  }
  const topic = location.hash.match(/^#\/t\/(.+)$/);
  document.body.classList.toggle("reading", Boolean(topic));
  let name = null;
  try { name = topic && decodeURIComponent(topic[1]); } catch { name = null; }
  if (name) show(name); else welcome();
  mark();
}

byId("go").addEventListener("submit", (event) => {
  event.preventDefault();
  const where = byId("where").value.trim();
  if (where) location.hash = `#/t/${encodeURIComponent(where)}`;
});
byId("more-topics").addEventListener("click", () => topics(true));
addEventListener("hashchange", route);

(async () => {
  const status = await call("/status").catch(() => null);
  here.me = status && status.author;
  route();
  topics(false);
  listen();
})();
