// The film of a run. One value is the truth, the moment that is shown; everything is drawn from it.

function start({ report, picture }) {
  const $ = (id) => document.getElementById(id);
  const P = unpacked(picture);
  const state = { t: 0, post: P.posts.length ? Math.max(0, P.posts.findIndex((post) => post.is_filmed && post.wanted > 2)) : -1, playing: null, rate: 0, hover: -1, last: 0 };
  let colours = {};

  // ---- what was recorded ----

  function unpacked(p) {
    const hops = [];
    let left = 0;
    for (let i = 0; i < p.hops.length; i += 5) {
      left += p.hops[i];
      hops.push({ left, takes: p.hops[i + 1], from: p.hops[i + 2], to: p.hops[i + 3], kind: p.hops[i + 4] });
    }
    const heat = p.heat.map((runs) => {
      const row = [];
      for (const run of runs ? runs.split(".") : []) {
        const level = run[0] === "-" ? -1 : +run[0];
        for (let n = parseInt(run.slice(1), 36); n > 0; n--) row.push(level);
      }
      return row;
    });
    const posts = p.posts.map((post) => {
      const frame = Math.min(Math.floor(post.at / p.frame), (heat[0] || []).length - 1);
      const there = post.took.map((took, n) => took !== -2 && (heat[n][frame] >= 0 || (took >= 0 && took < p.frame)));
      const times = post.took.filter((took, n) => there[n] && took >= 0).sort((a, b) => a - b);
      return { ...post, there, times, wanted: there.filter(Boolean).length };
    });
    const edges = [];
    for (let i = 0; i < p.edges.length; i += 2) edges.push([p.edges[i], p.edges[i + 1]]);
    return { ...p, hops, heat, posts, edges };
  }

  const frameAt = (t) => Math.max(0, Math.min(Math.floor(t / P.frame), P.frames.wanted.length - 1));
  const seconds = (units) => (units * P.unit) / 1e6;

  function span(units) {
    const s = seconds(units);
    if (s === 0) return "0 s";
    if (s < 0.0095) return (s * 1e3).toFixed(1) + " ms";
    if (s < 0.9995) return (s * 1e3).toFixed(0) + " ms";
    if (s < 9.995) return s.toFixed(2) + " s";
    if (s < 99.95) return s.toFixed(1) + " s";
    if (s < 600) return s.toFixed(0) + " s";
    if (s < 5940) return (s / 60).toFixed(0) + " min";
    if (s < 172800) return (s / 3600).toFixed(1) + " h";
    return (s / 86400).toFixed(1) + " d";
  }
  const micros = (us) => (us == null ? "–" : span(us / P.unit));

  function moment(units) {
    const s = seconds(units);
    const two = (n) => String(Math.floor(n)).padStart(2, "0");
    const end = seconds(P.end);
    const clock = `${two((s / 60) % 60)}:${two(s % 60)}`;
    if (end >= 172800) return `day ${Math.floor(s / 86400) + 1}, ${two((s / 3600) % 24)}:${two((s / 60) % 60)}`;
    return end >= 5400 ? `${Math.floor(s / 3600)}:${clock}` : clock;
  }

  function bytes(n) {
    for (const unit of ["B", "kB", "MB", "GB"]) {
      if (n < 999.5 || unit === "GB") return `${unit === "B" ? n : n < 9.995 ? n.toFixed(2) : n < 99.95 ? n.toFixed(1) : n.toFixed(0)} ${unit}`;
      n /= 1000;
    }
  }
  const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, " ");

  // ---- the page around the film ----

  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text != null) element.textContent = text;
    if (name) element.className = name;
    return element;
  };

  function head() {
    document.title = `${report.name} – Tidings simulation`;
    $("name").textContent = report.name;
    $("about").textContent = report.about;
    const failed = report.expectations.filter((e) => !e.met).length;
    $("verdict").textContent = failed ? `${failed} of ${report.expectations.length} expectations not met` : `All ${report.expectations.length} expectations met`;
    $("verdict").classList.toggle("bad", failed > 0);
    const topics = report.topics === 1 ? "1 topic" : `${count(report.topics)} topics`;
    $("meta").textContent = `${count(report.nodes)} nodes · ${topics} · ${span(P.end)} of virtual time · seed ${report.seed}`;
    const { total } = report;
    const tiles = [
      [micros(total.news.p50_us), "until half of all news have arrived"],
      [micros(total.news.p99_us), `until 99 % have; the last took ${micros(total.news.last_us)}`],
      [report.converged_us == null ? "never" : micros(report.converged_us), "after the end, all hold the same"],
      [bytes(total.bytes.median), `a node sent and got (at most ${bytes(total.bytes.max)})`],
      [count(total.posts), `posts; ${count(total.lost)} announcements got lost on the way`],
    ];
    for (const [figure, text] of tiles) {
      const tile = make("div", null, "tile");
      tile.append(make("b", figure), make("span", text));
      $("tiles").append(tile);
    }
  }

  function tables() {
    const row = (cells, tag, name) => {
      const tr = make("tr", null, name);
      for (const cell of cells) tr.append(Array.isArray(cell) ? make(tag, cell[0], cell[1]) : make(tag, cell));
      return tr;
    };
    $("expected").append(row(["", ["Wanted", "text"], ["Came of it", "text"], "Met"], "th"));
    for (const e of report.expectations) {
      $("expected").append(row([e.key, [e.wanted, "text"], [e.got, "text"], [e.met ? "yes" : "no", e.met ? "yes" : "no"]], "td"));
    }
    for (const remark of report.remarks) $("remarks").append(make("p", remark, "remark"));
    const spread = (s, show) => `${show(s.min)} – ${show(s.median)} – ${show(s.max)}`;
    $("phases").append(row(["Part of the run", "From", "Posts", "p50", "p99", "Last", "Back again", "Bytes", "Announced", "Rounds", "Blocks", "Lost", "Events"], "th"));
    const rows = report.phases.length > 1 ? [...report.phases, report.total] : [report.total];
    for (const p of rows) {
      $("phases").append(row([p.name, micros(p.from_us), count(p.posts), micros(p.news.p50_us), micros(p.news.p99_us), micros(p.news.last_us),
        micros(p.caught_up.last_us), spread(p.bytes, bytes), spread(p.messages, count), spread(p.rounds, count), spread(p.blocks, count), count(p.lost), count(p.happened)],
        "td", p === report.total ? "total" : ""));
    }
    const s = P.sample;
    const part = ([shown, all], what) => (shown === all ? `all ${count(all)} ${what}` : `${count(shown)} of ${count(all)} ${what}`);
    const foot = $("foot");
    foot.append(make("p", `The film shows ${part(s.nodes, "nodes")}, ${part(s.edges, "connections")}, ${part(s.posts, "posts")} and ${part(s.hops, "messages on their way")}; ` +
      "what is left out is left out evenly, and figures and curves over the whole run are of everything. Colours are of the worst moment within each step of the picture."));
    const again = make("p", "The same scenario and seed give this page again, to the byte. Trace ");
    again.append(make("code", report.trace), `, Tidings ${report.version}.`);
    foot.append(again);
  }

  function legend() {
    const items = [["--good", "has everything"], ["--l3", "lacks something"], ["--l6", "lacks much"], ["--soft", "not there", "away"],
      ["--news", "announcement", "bar"], ["--ask", "request", "bar"], ["--answer", "blocks", "bar"], ["--lost", "lost on the way", "bar"]];
    for (const [colour, text, kind] of items) {
      const item = make("span");
      const mark = make("i", null, kind === "bar" ? "bar" : "");
      if (kind === "away") mark.style.border = `1.5px solid var(${colour})`;
      else mark.style.background = `var(${colour})`;
      item.append(mark, text);
      $("legend").append(item);
    }
  }

  // ---- drawing ----

  function canvas(id) {
    const element = $(id);
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [element.clientWidth, element.clientHeight];
    if (element.width !== Math.round(w * ratio) || element.height !== Math.round(h * ratio)) {
      element.width = Math.round(w * ratio);
      element.height = Math.round(h * ratio);
    }
    const g = element.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, h);
    return { g, w, h };
  }

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const names = ["bg", "card", "ink", "soft", "line", "faint", "good", "bad", "warn", "news", "ask", "answer", "lost", "away"];
    colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
    colours.levels = [0, 1, 2, 3, 4, 5, 6, 7, 7, 7].map((level) => style.getPropertyValue("--l" + level).trim());
  }

  const LEFT = 70, RIGHT = 8;
  const xOf = (t, w) => LEFT + (t / P.end) * (w - LEFT - RIGHT);
  const tOf = (x, w) => Math.max(0, Math.min(P.end, ((x - LEFT) / (w - LEFT - RIGHT)) * P.end));

  function places(w, h) {
    const margin = 26;
    const at = (n) => [margin + (n.x / 1000) * (w - 2 * margin), margin + (n.y / 1000) * (h - 2 * margin)];
    return P.nodes.map(at);
  }

  const active = (t) => P.events.filter((e) => e.at <= t && (t < e.end || (e.at === e.end && t - e.at < P.frame * 2)));

  function drawNet() {
    const { g, w, h } = canvas("net");
    const xy = places(w, h), { t } = state, frame = frameAt(t), n = P.nodes.length;
    const size = Math.max(2.6, Math.min(9, 105 / Math.sqrt(n)));
    const now = active(t);
    const cutOff = new Set(now.filter((e) => ["partition", "mute", "deafen"].includes(e.what)).flatMap((e) => e.nodes));
    const struck = new Set(now.filter((e) => ["flood", "withhold", "clock", "link", "burst"].includes(e.what) && e.nodes.length < n).flatMap((e) => e.nodes));
    const post = state.slow ? P.posts[state.post] : null;
    const isAway = (node) => (P.heat[node][frame] ?? -1) < 0;

    g.lineWidth = 1;
    for (const [a, b] of P.edges) {
      if (isAway(a) || isAway(b)) continue;
      const isCut = cutOff.size && cutOff.has(a) !== cutOff.has(b);
      g.strokeStyle = isCut ? colours.lost : colours.line;
      g.globalAlpha = isCut ? 0.35 : P.edges.length > 900 ? 0.35 : 0.75;
      g.setLineDash(isCut ? [3, 5] : []);
      g.beginPath(); g.moveTo(...xy[a]); g.lineTo(...xy[b]); g.stroke();
    }
    g.setLineDash([]); g.globalAlpha = 1;
    drawHops(g, xy, size);

    for (let node = 0; node < n; node++) {
      const [x, y] = xy[node];
      const level = P.heat[node][frame] ?? -1;
      let fill = level === 0 ? colours.good : colours.levels[Math.min(level + 1, 7)];
      if (post && level >= 0) {
        const took = post.took[node];
        fill = took === -2 ? colours.line : took >= 0 && post.at + took <= t ? colours.good : colours.levels[3];
      }
      g.beginPath(); g.arc(x, y, size, 0, 7);
      if (level < 0) {
        g.fillStyle = colours.card; g.fill();
        g.strokeStyle = colours.soft; g.globalAlpha = 0.55; g.lineWidth = 1.2; g.stroke(); g.globalAlpha = 1;
      } else {
        g.fillStyle = fill; g.fill();
        g.strokeStyle = colours.card; g.lineWidth = 1.2; g.stroke();
      }
      if (post && post.took[node] >= 0 && level >= 0) {
        const since = t - post.at - post.took[node];
        const fresh = 1 - since / Math.max(60, (t - post.at) * 0.35);
        if (since >= 0 && fresh > 0) ring(g, x, y, size + 2 + (1 - fresh) * 9, colours.good, fresh);
      }
      if (cutOff.has(node) || struck.has(node)) ring(g, x, y, size + 3, cutOff.has(node) ? colours.lost : colours.warn, 0.9);
      if (node === state.hover) ring(g, x, y, size + 4, colours.ink, 1);
    }
    if (post) {
      const writer = P.nodes.findIndex((node) => node.label === post.by);
      if (writer >= 0) { ring(g, ...xy[writer], size + 4, colours.news, 1); label(g, xy[writer], post.by, w); }
    }
    if (n <= 24 && !post) P.nodes.forEach((node, at) => label(g, xy[at], node.label, w));
  }

  function ring(g, x, y, radius, colour, alpha) {
    g.globalAlpha = alpha; g.strokeStyle = colour; g.lineWidth = 2;
    g.beginPath(); g.arc(x, y, radius, 0, 7); g.stroke(); g.globalAlpha = 1;
  }

  function label(g, [x, y], text, w) {
    g.font = "12px system-ui, sans-serif"; g.textBaseline = "middle";
    const isRight = x > w - 90;
    g.textAlign = isRight ? "right" : "left";
    g.lineWidth = 3.5; g.strokeStyle = colours.card; g.fillStyle = colours.ink;
    const at = x + (isRight ? -13 : 13);
    g.strokeText(text, at, y - 10); g.fillText(text, at, y - 10);
  }

  // What is on its way now; and, when time runs fast, what has been so lately, fading.
  function drawHops(g, xy, size) {
    const { t } = state;
    const trail = state.slow ? 0 : Math.max(P.frame * 0.6, (state.rate || 0) * 0.45);
    let begin = lower(P.hops, t - trail - 20000);
    let drawn = 0;
    for (let i = begin; i < P.hops.length && P.hops[i].left <= t && drawn < 1500; i++) {
      const hop = P.hops[i], takes = hop.takes < 0 ? 600 : Math.max(hop.takes, 1);
      const end = hop.left + takes, age = t - end;
      if (age > trail) continue;
      drawn++;
      const [ax, ay] = xy[hop.from], [bx, by] = xy[hop.to];
      const isLost = hop.takes < 0;
      const colour = isLost ? colours.lost : [colours.news, colours.ask, colours.answer][hop.kind];
      const part = Math.min(1, (t - hop.left) / takes) * (isLost ? 0.55 : 1);
      const [x, y] = [ax + (bx - ax) * part, ay + (by - ay) * part];
      g.strokeStyle = colour; g.lineWidth = isLost ? 1.2 : 1.8;
      g.globalAlpha = age > 0 ? Math.max(0, 0.6 * (1 - age / trail)) : state.slow ? 0.5 : 0.75;
      g.beginPath(); g.moveTo(ax, ay); g.lineTo(x, y); g.stroke();
      if (age <= 0 || isLost) {
        g.globalAlpha = age > 0 ? Math.max(0, 1 - age / trail) : 1;
        if (isLost && part > 0.5) {
          g.beginPath(); g.moveTo(x - 3, y - 3); g.lineTo(x + 3, y + 3); g.moveTo(x + 3, y - 3); g.lineTo(x - 3, y + 3); g.stroke();
        } else {
          g.fillStyle = colour; g.beginPath(); g.arc(x, y, Math.max(2, size * 0.42), 0, 7); g.fill();
        }
      }
    }
    g.globalAlpha = 1;
  }

  function lower(list, t) {
    let [low, high] = [0, list.length];
    while (low < high) { const mid = (low + high) >> 1; if (list[mid].left < t) low = mid + 1; else high = mid; }
    return low;
  }

  function cursor(g, w, h) {
    const x = xOf(state.t, w);
    g.strokeStyle = colours.news; g.lineWidth = 1.5;
    g.beginPath(); g.moveTo(x, 0); g.lineTo(x, h); g.stroke();
  }

  const lanes = {};
  // Lanes that do not change with the moment are drawn once for each size and theme.
  function cached(id, draw) {
    const { g, w, h } = canvas(id);
    const key = `${w}x${h}${colours.bg}`;
    if (lanes[id]?.key !== key) {
      const copy = document.createElement("canvas");
      copy.width = $(id).width; copy.height = $(id).height;
      const inner = copy.getContext("2d");
      inner.setTransform(copy.width / w, 0, 0, copy.height / h, 0, 0);
      draw(inner, w, h);
      lanes[id] = { key, copy };
    }
    g.drawImage(lanes[id].copy, 0, 0, w, h);
    cursor(g, w, h);
  }

  function text(g, words, x, y, colour, align = "left", font = "11.5px system-ui, sans-serif") {
    g.font = font; g.fillStyle = colour; g.textAlign = align; g.textBaseline = "middle"; g.fillText(words, x, y);
  }

  function drawLine() {
    cached("line", (g, w, h) => {
      const top = 46, mid = 112, low = h - 22;
      drawEvents(g, w, top, low);
      const { wanted, lacking, bytes: sent } = P.frames;
      const share = wanted.map((all, i) => (all ? lacking[i] / all : 0));
      area(g, w, share.map((part) => Math.sqrt(part)), top + 6, mid, colours.levels[4], 1);
      text(g, "lacking", LEFT - 8, (top + mid) / 2 - 6, colours.ink, "right");
      text(g, "share of all", LEFT - 8, (top + mid) / 2 + 8, colours.soft, "right", "10.5px system-ui, sans-serif");
      for (const mark of [0.01, 0.1, 0.5, 1]) {
        const y = mid - Math.sqrt(mark) * (mid - top - 6);
        g.strokeStyle = colours.line; g.lineWidth = 1; g.setLineDash([2, 4]);
        g.beginPath(); g.moveTo(LEFT, y); g.lineTo(w - RIGHT, y); g.stroke(); g.setLineDash([]);
        text(g, `${mark * 100} %`, w - RIGHT - 2, y - 6, colours.soft, "right", "10px system-ui, sans-serif");
      }
      const most = Math.max(1, ...sent);
      area(g, w, sent.map((b) => b / most), mid + 10, low, colours.news, 0.9);
      text(g, "sent", LEFT - 8, (mid + low) / 2, colours.ink, "right");
      text(g, `${bytes(most / seconds(P.frame))}/s`, LEFT - 8, (mid + low) / 2 + 14, colours.soft, "right", "10.5px system-ui, sans-serif");
      axis(g, w, low, h);
    });
  }

  function area(g, w, values, top, bottom, colour, alpha) {
    g.fillStyle = colour; g.strokeStyle = colour; g.lineWidth = 1.4;
    const x = (i) => Math.min(xOf(Math.min(i * P.frame, P.end), w), w - RIGHT);
    const path = () => {
      g.beginPath(); g.moveTo(x(0), bottom);
      values.forEach((value, i) => { g.lineTo(x(i), bottom - value * (bottom - top)); g.lineTo(x(i + 1), bottom - value * (bottom - top)); });
      g.lineTo(x(values.length), bottom);
    };
    path(); g.globalAlpha = 0.28 * alpha; g.fill();
    path(); g.globalAlpha = alpha; g.stroke(); g.globalAlpha = 1;
    g.strokeStyle = colours.line; g.beginPath(); g.moveTo(LEFT, bottom); g.lineTo(w - RIGHT, bottom); g.stroke();
  }

  function drawEvents(g, w, top, low) {
    report.phases.forEach((phase, i) => {
      const [from, to] = [xOf(phase.from_us / P.unit, w), xOf(phase.to_us / P.unit, w)];
      if (i % 2) { g.fillStyle = colours.faint; g.fillRect(from, 0, to - from, low); }
      if (report.phases.length > 2) fitted(g, phase.name, from + 4, 8, to - from - 6, colours.soft);
    });
    const rows = [];
    for (const event of P.events) {
      const [from, to] = [xOf(event.at, w), Math.max(xOf(event.end, w), xOf(event.at, w) + 3)];
      let row = rows.findIndex((until) => until <= from);
      if (row < 0) row = rows.push(0) - 1;
      rows[row] = to + 2;
      if (row > 1) continue;
      const y = 18 + row * 14;
      g.fillStyle = colours.bad; g.globalAlpha = 0.14; g.fillRect(from, y, to - from, low - y); g.globalAlpha = 1;
      g.fillRect(from, y, to - from, 2.5);
      if (!fitted(g, event.text, from + 4, y + 9, to - from - 6, colours.bad)) {
        g.font = "11px system-ui, sans-serif";
        const wide = g.measureText(event.text).width;
        if (to + 6 + wide < w && row === 0 && !P.events.some((e) => e !== event && xOf(e.at, w) > from && xOf(e.at, w) < to + wide + 10)) {
          text(g, event.text, to + 5, y + 9, colours.bad, "left", "11px system-ui, sans-serif");
        }
      }
    }
    text(g, "events", LEFT - 8, 25, colours.ink, "right");
  }

  function fitted(g, words, x, y, room, colour) {
    g.font = "11px system-ui, sans-serif";
    if (g.measureText(words).width > room) return false;
    text(g, words, x, y, colour, "left", "11px system-ui, sans-serif");
    return true;
  }

  function axis(g, w, low, h) {
    const end = seconds(P.end);
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 172800, 604800];
    const step = steps.find((s) => end / s <= 10) || 604800;
    for (let s = 0; s <= end; s += step) {
      const x = xOf((s * 1e6) / P.unit, w);
      const words = step >= 86400 ? `day ${s / 86400}` : step >= 3600 ? `${s / 3600} h` : step >= 60 ? `${s / 60} min` : `${s} s`;
      text(g, words, x, (low + h) / 2 + 2, colours.soft, s === 0 ? "left" : x > w - 40 ? "right" : "center", "11px system-ui, sans-serif");
    }
  }

  function drawHeat() {
    const order = P.nodes.map((_, i) => i).sort((a, b) => P.nodes[a].group - P.nodes[b].group || a - b);
    cached("heat", (g, w, h) => {
      const rows = Math.min(order.length, Math.floor(h)), frames = P.frames.wanted.length;
      const high = h / rows;
      for (let row = 0; row < rows; row++) {
        const members = order.slice(Math.floor((row * order.length) / rows), Math.floor(((row + 1) * order.length) / rows));
        let from = 0;
        const level = (f) => Math.max(...members.map((n) => P.heat[n][f] ?? -1));
        for (let f = 1; f <= frames; f++) {
          if (f < frames && level(f) === level(from)) continue;
          const value = level(from);
          g.fillStyle = value < 0 ? colours.away : colours.levels[value];
          const [x, until] = [xOf(Math.min(from * P.frame, P.end), w), xOf(Math.min(f * P.frame, P.end), w)];
          g.fillRect(x, row * high, until - x + 0.4, Math.max(high - (high > 3 ? 0.6 : 0), 0.6));
          from = f;
        }
      }
      P.groups.forEach((name, group) => {
        const mine = order.map((n, at) => [n, at]).filter(([n]) => P.nodes[n].group === group).map(([, at]) => at);
        if (!mine.length) return;
        const y = ((mine[0] + mine[mine.length - 1] + 1) / 2 / order.length) * h;
        text(g, name.length > 10 ? name.slice(0, 9) + "…" : name, LEFT - 8, Math.max(7, Math.min(h - 7, y)), colours.ink, "right");
        if (mine[0] > 0) { g.fillStyle = colours.soft; g.globalAlpha = 0.5; g.fillRect(LEFT, (mine[0] / order.length) * h - 0.5, w - LEFT - RIGHT, 1); g.globalAlpha = 1; }
      });
    });
  }

  // ---- how posts spread ----

  const curveRange = () => {
    const all = P.posts.flatMap((post) => post.times.filter((took) => took > 0));
    return [Math.log(Math.max(5, Math.min(...all, 1e12) * 0.8)), Math.log(Math.max(...all, 100) * 1.25)];
  };
  const [least, most] = P.posts.length ? curveRange() : [0, 1];

  function curveXY(w, h) {
    const [left, right, top, bottom] = [44, 12, 12, h - 26];
    return { left, right, top, bottom, x: (took) => left + ((Math.log(Math.max(took, Math.exp(least))) - least) / (most - least)) * (w - left - right), y: (part) => bottom - part * (bottom - top) };
  }

  function curve(g, post, c) {
    g.beginPath(); g.moveTo(c.left, c.y(0));
    let seen = 0;
    for (const took of post.times) {
      g.lineTo(c.x(took), c.y(seen / post.wanted));
      seen++;
      g.lineTo(c.x(took), c.y(seen / post.wanted));
    }
    g.stroke();
  }

  function drawCurves() {
    const { g, w, h } = canvas("curves"), c = curveXY(w, h);
    g.font = "11px system-ui, sans-serif";
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      g.strokeStyle = colours.line; g.lineWidth = 1;
      g.beginPath(); g.moveTo(c.left, c.y(part)); g.lineTo(w - c.right, c.y(part)); g.stroke();
      text(g, `${part * 100} %`, c.left - 6, c.y(part), colours.soft, "right");
    }
    for (let units = 10, i = 0; units <= Math.exp(most); units *= i++ % 3 === 1 ? 2.5 : 2) {
      if (Math.log(units) < least) continue;
      g.strokeStyle = colours.line; g.beginPath(); g.moveTo(c.x(units), c.top); g.lineTo(c.x(units), c.bottom); g.stroke();
      text(g, span(units), c.x(units), h - 10, colours.soft, "center");
    }
    g.globalAlpha = Math.max(0.1, Math.min(0.6, 14 / P.posts.length));
    P.posts.forEach((post, i) => { if (i !== state.post) { g.strokeStyle = colours.good; g.lineWidth = 1; curve(g, post, c); } });
    g.globalAlpha = 1;
    const post = P.posts[state.post];
    if (!post) return text(g, "No post was written.", w / 2, h / 2, colours.soft, "center");
    g.strokeStyle = colours.news; g.lineWidth = 2.6; curve(g, post, c);
    const have = post.times.length, never = post.wanted - have;
    const words = `${moment(post.at)}  ${post.by} writes: ${have} of ${post.wanted} have it after ${span(post.times[have - 1] || 0)}${never > 0 ? ` (${never} never)` : ""}`;
    text(g, words, w - c.right - 6, c.bottom - 12, colours.ink, "right", "600 13px system-ui, sans-serif");
    if (state.slow) {
      const x = c.x(Math.max(state.t - post.at, 1));
      g.strokeStyle = colours.news; g.lineWidth = 1.2; g.beginPath(); g.moveTo(x, c.top); g.lineTo(x, c.bottom); g.stroke();
    }
  }

  // ---- what is told beside ----

  const story = [
    ...P.events.map((event) => ({ at: event.at, text: event.text, fault: true })),
    ...P.events.filter((event) => event.end > event.at && event.end < P.end).map((event) => ({ at: event.end, text: `${event.text}: over`, fault: true })),
    ...P.posts.map((post, index) => ({ at: post.at, text: `${post.by} writes${P.topics.length > 1 ? ` in ${P.topics[post.topic]}` : ""}`, post: index })),
  ].sort((a, b) => a.at - b.at);
  let told = "";

  function tell() {
    const { t } = state, frame = frameAt(t), f = P.frames;
    const post = state.slow ? P.posts[state.post] : null;
    $("clock").textContent = post ? `+ ${span(Math.max(0, t - post.at))}` : moment(t);
    $("clockof").textContent = post ? `after a post at ${moment(post.at)}` : `of ${moment(P.end)}`;
    const chips = active(t).map((event) => event.text);
    const lacking = f.wanted[frame] ? f.lacking[frame] / f.wanted[frame] : 0;
    const had = post ? post.times.filter((took) => post.at + took <= t).length : 0;
    const words = post
      ? `${had} of the ${post.wanted} nodes that are shown and were there have it.${post.is_filmed ? "" : " (Its messages are not in the sample.)"}`
      : lacking === 0 ? "Everybody who is there has everything." : `${(lacking * 100).toFixed(lacking < 0.1 ? 2 : 0)} % of what should be there is still on its way.`;
    const key = chips.join() + words;
    if (key !== told) {
      told = key;
      $("what").replaceChildren(...chips.map((chip) => make("span", chip, "chip")), words);
    }
    const per = seconds(P.frame);
    const rows = [["Nodes there", count(f.there[frame] ?? 0)], ["Copies to arrive", count(f.lacking[frame] ?? 0)], ["Sent by all", `${bytes((f.bytes[frame] ?? 0) / per)}/s`],
      ["Lost on the way", `${((f.lost[frame] ?? 0) / per).toFixed(f.lost[frame] / per < 10 ? 1 : 0)} /s`]];
    const list = $("counts");
    if (!list.children.length) rows.forEach(([name]) => { const div = make("div"); div.append(make("dt", name), make("dd", "")); list.append(div); });
    rows.forEach(([, value], i) => { list.children[i].lastChild.textContent = value; });
    follow();
  }

  let shownFrom = -1;
  function follow() {
    let current = story.findLastIndex((line) => line.at <= state.t + 1);
    if (state.slow) current = story.findIndex((line) => line.post === state.post);
    const from = Math.max(0, current - 5);
    const list = $("log");
    if (from !== shownFrom) {
      shownFrom = from;
      list.replaceChildren(...story.slice(from, from + 40).map((line) => {
        const li = make("li", null, line.fault ? "fault" : "");
        li.append(make("time", moment(line.at)), make("span", line.text));
        li.addEventListener("click", () => { if (line.post != null) choose(line.post); else { stop(); go(line.at); } });
        return li;
      }));
      list.scrollTop = 0;
    }
    [...list.children].forEach((li, i) => li.classList.toggle("on", from + i === current));
  }

  // ---- moving ----

  function draw() {
    drawNet(); drawLine(); drawHeat(); drawCurves(); tell();
    $("scrub").value = Math.round((state.t / P.end) * 10000);
    $("scrub").setAttribute("aria-valuetext", moment(state.t));
    $("play").textContent = state.playing === "run" ? "❚❚ Pause" : "▶ Play";
    $("slow").setAttribute("aria-pressed", String(!!state.slow));
  }

  function go(t) { state.t = Math.max(0, Math.min(P.end, t)); draw(); }
  function stop() { state.playing = null; state.slow = false; state.rate = 0; }

  function choose(index) {
    if (!P.posts.length) return;
    state.post = (index + P.posts.length) % P.posts.length;
    stop(); spread();
  }

  function spread() {
    const post = P.posts[state.post];
    if (!post) return;
    state.slow = true; state.playing = "spread"; state.part = 0; state.t = post.at; state.last = 0;
    requestAnimationFrame(tick);
    draw();
  }

  function play() {
    if (state.playing === "run") { stop(); return draw(); }
    stop();
    if (state.t >= P.end) state.t = 0;
    state.playing = "run"; state.last = 0;
    requestAnimationFrame(tick);
  }

  // Time after a post runs the faster the more of it has passed: most arrive at once, and the last may take minutes.
  function spreadAt(part) {
    const post = P.posts[state.post];
    const end = Math.max((post.times[post.times.length - 1] || 100) * 1.06, 50);
    const scale = Math.min(300, end);
    return post.at + scale * (Math.exp(part * Math.log(1 + end / scale)) - 1);
  }

  function tick(now) {
    if (!state.playing) return;
    const passed = state.last ? Math.min(now - state.last, 100) / 1000 : 0;
    state.last = now;
    if (state.playing === "spread") {
      state.part += passed / 7;
      state.t = Math.min(spreadAt(Math.min(state.part, 1)), P.end);
      if (state.part >= 1) state.playing = null;
    } else {
      state.rate = (P.end / 45) * Number($("speed").value);
      state.t += passed * state.rate;
      if (state.t >= P.end) { state.t = P.end; state.playing = null; }
    }
    draw();
    if (state.playing) requestAnimationFrame(tick);
  }

  // ---- hands ----

  function hands() {
    for (const [value, words] of [["0.02", "1/50"], ["0.2", "1/5"], ["1", "1"], ["3", "3"]]) $("speed").append(new Option(`${words} ×`, value, false, value === "1"));
    $("play").onclick = play;
    $("prev").onclick = () => choose(state.slow ? state.post - 1 : before());
    $("next").onclick = () => choose(state.slow ? state.post + 1 : after());
    $("slow").onclick = () => { if (state.slow) { stop(); draw(); } else spread(); };
    $("scrub").oninput = (event) => { stop(); go((event.target.value / 10000) * P.end); };
    for (const id of ["line", "heat"]) {
      const scrub = (event) => { stop(); go(tOf(event.offsetX, $(id).clientWidth)); };
      $(id).addEventListener("pointerdown", (event) => { $(id).setPointerCapture(event.pointerId); scrub(event); });
      $(id).addEventListener("pointermove", (event) => { if (event.buttons) scrub(event); });
    }
    $("net").addEventListener("pointermove", hover);
    $("net").addEventListener("pointerleave", () => { state.hover = -1; $("tip").hidden = true; drawNet(); });
    $("curves").addEventListener("click", pick);
    document.addEventListener("keydown", keys);
    $("theme").onclick = () => {
      const dark = getComputedStyle(document.documentElement).getPropertyValue("--bg").trim().startsWith("#0");
      document.documentElement.dataset.theme = dark ? "light" : "dark";
      readColours(); draw();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); draw(); });
    new ResizeObserver(() => draw()).observe(document.body);
  }

  const after = () => { const i = P.posts.findIndex((post) => post.at > state.t); return i < 0 ? 0 : i; };
  const before = () => { const i = P.posts.findLastIndex((post) => post.at < state.t); return i < 0 ? P.posts.length - 1 : i; };

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|BUTTON)$/.test(event.target.tagName) && [" ", "ArrowLeft", "ArrowRight", "Enter"].includes(event.key)) return;
    const step = P.end / (event.shiftKey ? 20 : 200);
    const act = { " ": play, ArrowLeft: () => { stop(); go(state.t - step); }, ArrowRight: () => { stop(); go(state.t + step); }, Home: () => { stop(); go(0); }, End: () => { stop(); go(P.end); },
      n: $("next").onclick, p: $("prev").onclick, s: $("slow").onclick }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) { event.preventDefault(); act(); }
  }

  function hover(event) {
    const xy = places($("net").clientWidth, $("net").clientHeight);
    let near = -1, best = 400;
    xy.forEach(([x, y], i) => { const d = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2; if (d < best) { best = d; near = i; } });
    state.hover = near;
    const tip = $("tip");
    tip.hidden = near < 0;
    if (near >= 0) {
      const level = P.heat[near][frameAt(state.t)] ?? -1;
      const words = level < 0 ? "not there" : level === 0 ? "has everything" : level === 1 ? "lacks 1 post" : `lacks ${2 ** (level - 1)} to ${2 ** level - 1} posts`;
      tip.textContent = `${P.nodes[near].label}: ${words}`;
      tip.style.left = `${Math.min(xy[near][0] + 14, $("net").clientWidth - tip.clientWidth - 4)}px`;
      tip.style.top = `${xy[near][1] + 12}px`;
    }
    drawNet();
  }

  function pick(event) {
    const element = $("curves"), c = curveXY(element.clientWidth, element.clientHeight);
    let near = -1, best = 1e9;
    P.posts.forEach((post, i) => post.times.forEach((took, seen) => {
      const d = (c.x(took) - event.offsetX) ** 2 + (c.y((seen + 0.5) / post.wanted) - event.offsetY) ** 2;
      if (d < best) { best = d; near = i; }
    }));
    if (near >= 0) choose(near);
  }

  readColours();
  head(); tables(); legend(); hands();
  $("heathint").textContent = `Each row is ${P.nodes.length > 170 ? "one or more nodes" : "a node"}; pale green has everything, yellow to red lacks more and more, empty is not there. Click anywhere to go there.`;
  // A link such as run.html#t=120 opens at that second; #post=3 at that post.
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("post") && P.posts.length) {
    choose(Number(asked.get("post")) || 0);
    if (asked.has("part")) { state.playing = null; state.part = Number(asked.get("part")); state.t = spreadAt(state.part); }
  } else {
    go(asked.has("t") ? (Number(asked.get("t")) * 1e6) / P.unit : 0);
  }
  draw();
}
