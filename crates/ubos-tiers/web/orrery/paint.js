// Draws one frame. Everything of one style goes into one path, and what lies outside the window is left
// out: thousands of strokes of their own would be too slow. Colour is never the only sign: notes are
// round, canvases square, attachments small squares, tags lozenges, missing names open rings.
"use strict";

Orrery.paint = (() => {
  const { state, nodes } = Orrery;
  const LABELS = 70;
  const DASHES = { broken: [4, 3], brightBroken: [4, 3], guessed: [1.5, 4], brightGuess: [1.5, 4] };
  const FONT = "12px system-ui, -apple-system, 'Segoe UI', sans-serif";
  const byDegree = [...nodes].sort((a, b) => b.degree - a.degree || a.id - b.id);
  let batches = [];

  // Nodes of one look together; anew when colours or filters change.
  function sort() {
    const looks = new Map();
    for (const node of nodes) {
      if (!node.shown) continue;
      const look = node.kind + node.colour;
      if (!looks.has(look)) looks.set(look, { kind: node.kind, colour: node.colour, nodes: [] });
      looks.get(look).nodes.push(node);
    }
    batches = [...looks.values()];
  }

  // The nodes that stand out, as a set; null: all are alike.
  function focus() {
    if (state.path && state.path.nodes) return state.path.nodes;
    // The local graph is all about its note already.
    const centre = state.hovered || (state.local > 0 ? null : state.selected);
    if (centre) return new Set([centre, ...Orrery.routes.neighbours(centre)]);
    if (state.found) return state.found;
    return state.page === "broken" && !state.selected ? Orrery.panel.brokenEnds() : state.lit && state.lit.nodes;
  }

  function frame(ctx, scale, view) {
    const lit = focus();
    lines(ctx, scale, view, lit);
    for (const dim of lit ? [true, false] : [false]) {
      ctx.globalAlpha = dim ? 0.22 : 1;
      for (const batch of batches) {
        const drawn = batch.nodes.filter((node) => inside(node, view) && (!lit || lit.has(node) !== dim));
        if (drawn.length > 0) shapes(ctx, scale, view, batch, drawn);
      }
    }
    ctx.globalAlpha = 1;
    marks(ctx, scale);
    labels(ctx, scale, view, lit);
  }

  const inside = (node, view) => node.x > view.left - 20 && node.x < view.right + 20
    && node.y > view.top - 20 && node.y < view.bottom + 20;

  function outside(a, b, view) {
    return (a.x < view.left && b.x < view.left) || (a.x > view.right && b.x > view.right)
      || (a.y < view.top && b.y < view.top) || (a.y > view.bottom && b.y > view.bottom);
  }

  function lines(ctx, scale, view, lit) {
    const now = Orrery.colours.palette();
    const centre = state.hovered || state.selected;
    const path = state.path && state.path.lines;
    const kinds = { faint: [], guessed: [], line: [], broken: [], inner: [], brightGuess: [], brightBroken: [], bright: [], path: [] };
    for (const line of view.lines) {
      if (!line.shown || outside(line.source, line.target, view)) continue;
      if (path && path.has(line)) kinds.path.push(line);
      else if (!path && centre && (line.source === centre || line.target === centre)) {
        kinds[line.look === "guessed" ? "brightGuess" : line.look === "broken" ? "brightBroken" : "bright"].push(line);
      } else if (!path && lit && lit.has(line.source) && lit.has(line.target) && line.look === "line") kinds.inner.push(line);
      else kinds[line.look].push(line);
    }
    for (const [kind, all] of Object.entries(kinds)) {
      if (all.length === 0) continue;
      // Where there are many, each of them says less.
      const thin = Math.max(0.35, Math.min(1, Math.sqrt(1500 / all.length)));
      const strong = kind === "path" || kind.startsWith("bright");
      ctx.globalAlpha = strong ? 1 : lit && kind !== "inner" ? thin * 0.4 : thin;
      ctx.strokeStyle = now[kind];
      ctx.lineWidth = (kind === "path" ? 3 : strong ? 1.6 : 1) / scale;
      ctx.setLineDash(dashes(kind, all).map((part) => part / scale));
      ctx.beginPath();
      for (const { source, target } of all) {
        ctx.moveTo(source.x, source.y);
        ctx.lineTo(target.x, target.y);
      }
      ctx.stroke();
      if (strong) arrows(ctx, scale, all, now[kind]);
    }
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
  }

  // Broken links are dashed, guesses dotted, where that is not too much to draw.
  function dashes(kind, all) {
    if (all.length > 2500) return [];
    return DASHES[kind] || [];
  }

  function arrows(ctx, scale, all, colour) {
    const size = Math.min(9 / scale, 6);
    ctx.fillStyle = colour;
    ctx.beginPath();
    for (const line of all) {
      for (const { from, to } of ends(line)) {
        const length = Math.hypot(to.x - from.x, to.y - from.y);
        if (length < to.radius + size) continue;
        const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
        const [x, y] = [to.x - dx * (to.radius + 1), to.y - dy * (to.radius + 1)];
        ctx.moveTo(x, y);
        ctx.lineTo(x - dx * size - dy * size * 0.45, y - dy * size + dx * size * 0.45);
        ctx.lineTo(x - dx * size + dy * size * 0.45, y - dy * size - dx * size * 0.45);
      }
    }
    ctx.fill();
  }

  // The directions in which a line has shown edges.
  function ends(line) {
    const ways = [];
    for (const edge of line.edges) {
      if (edge.shown && !ways.some((way) => way.from === edge.from)) ways.push({ from: edge.from, to: edge.to });
    }
    return ways;
  }

  function shapes(ctx, scale, view, batch, drawn) {
    const now = Orrery.colours.palette();
    // Far away a square is a point as good as a circle, and drawn faster while things move.
    const tiny = scale < 0.22 && (view.settling || view.panning);
    ctx.beginPath();
    for (const node of drawn) outline(ctx, batch.kind, node, 1.6 / scale, tiny);
    if (batch.kind === "missing") {
      // Open, so that no line is seen in it.
      ctx.fillStyle = now.ground;
      ctx.fill();
      ctx.strokeStyle = batch.colour;
      ctx.lineWidth = Math.max(1.4 / scale, 0.9);
      ctx.stroke();
      return;
    }
    ctx.fillStyle = batch.colour;
    ctx.fill();
    const large = drawn.filter((node) => batch.kind !== "attachment" && node.radius * scale > 6);
    if (large.length > 0 && large.length < 400) glass(ctx, scale, batch.kind, large, now);
  }

  function outline(ctx, kind, node, least, tiny) {
    const { x, y } = node;
    const r = Math.max(node.radius, least);
    if (kind === "tag") {
      ctx.moveTo(x, y - r);
      ctx.lineTo(x + r, y);
      ctx.lineTo(x, y + r);
      ctx.lineTo(x - r, y);
      ctx.closePath();
    } else if (kind === "canvas" || kind === "attachment" || tiny) {
      ctx.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
    } else {
      ctx.moveTo(x + r, y);
      ctx.arc(x, y, r, 0, 2 * Math.PI);
    }
  }

  // A shade towards the lower side, a rim of brass and a light on the glass.
  function glass(ctx, scale, kind, large, now) {
    if (large.length < 150) {
      for (const node of large) {
        const { x, y, radius: r } = node;
        const shade = ctx.createRadialGradient(x - r * 0.35, y - r * 0.4, r * 0.25, x, y, r * 1.15);
        shade.addColorStop(0, now.glow);
        shade.addColorStop(0.45, "rgba(0, 0, 0, 0)");
        shade.addColorStop(1, now.shade);
        ctx.beginPath();
        outline(ctx, kind, node, 0, false);
        ctx.fillStyle = shade;
        ctx.fill();
      }
    }
    ctx.beginPath();
    for (const node of large) outline(ctx, kind, node, 0, false);
    ctx.strokeStyle = now.rim;
    ctx.lineWidth = 1.3 / scale;
    ctx.stroke();
    ctx.beginPath();
    for (const { x, y, radius: r } of large) {
      ctx.moveTo(x - r * 0.36 + r * 0.2, y - r * 0.4);
      ctx.ellipse(x - r * 0.36, y - r * 0.4, r * 0.2, r * 0.14, -0.7, 0, 2 * Math.PI);
    }
    ctx.fillStyle = now.shine;
    ctx.fill();
  }

  // Rings around what is chosen: whole around the note, broken around the neighbour that Enter goes to.
  function marks(ctx, scale) {
    const now = Orrery.colours.palette();
    const ring = (node, gap, dash) => {
      if (!node || node.x === undefined) return;
      ctx.beginPath();
      ctx.arc(node.x, node.y, node.radius + gap / scale, 0, 2 * Math.PI);
      ctx.strokeStyle = now.bright;
      ctx.lineWidth = 2.4 / scale;
      ctx.setLineDash(dash.map((part) => part / scale));
      ctx.stroke();
    };
    ring(state.selected, 4, []);
    ring(state.candidate, 4, [5, 3]);
    if (state.path) {
      ring(state.path.from, 7, []);
      ring(state.path.to, 7, []);
    }
    ctx.setLineDash([]);
  }

  // Names, the important ones first, none upon another: when far away only those of what is linked most.
  function labels(ctx, scale, view, lit) {
    const now = Orrery.colours.palette();
    const first = [state.selected, state.candidate, state.hovered, state.path && state.path.from, state.path && state.path.to];
    const wanted = new Set(first.filter((node) => node && node.x !== undefined));
    const room = view.settling || view.panning ? Math.min(LABELS, 30) : LABELS;
    if (lit) for (const node of [...lit].sort((a, b) => b.degree - a.degree).slice(0, room)) wanted.add(node);
    if (!lit) {
      for (const node of byDegree) {
        if (wanted.size >= room) break;
        if (node.shown && node.x !== undefined && inside(node, view) && readable(node, scale, wanted.size)) wanted.add(node);
      }
    }
    ctx.save();
    ctx.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    ctx.font = FONT;
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    ctx.lineJoin = "round";
    ctx.lineWidth = 3.2;
    ctx.strokeStyle = now.halo;
    ctx.fillStyle = now.text;
    const taken = [];
    for (const node of wanted) {
      if (!node.shown && node !== state.selected) continue;
      const text = node.label ||= cut(node.called);
      const half = (node.labelWidth ||= ctx.measureText(text).width) / 2 + 3;
      const [middle, y] = [node.x * scale + view.x, node.y * scale + view.y + node.radius * scale + 4];
      // Whole, where the node stands at the edge of what no panel covers.
      const free = middle > view.free[0] && middle < view.free[1];
      const x = free ? Math.min(Math.max(middle, view.free[0] + half), Math.max(view.free[0] + half, view.free[1] - half)) : middle;
      // Below the node, or above it where something stands there already.
      const above = y - 2 * node.radius * scale - 20;
      for (const line of [y, above]) {
        const box = [x - half, line - 2, x + half, line + 14];
        if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) continue;
        taken.push(box);
        ctx.strokeText(text, x, line);
        ctx.fillText(text, x, line);
        break;
      }
    }
    ctx.restore();
  }

  // Near enough, or among the few that name the landscape.
  const readable = (node, scale, already) => node.radius * scale > 5.5 || scale > 1.15 || already < (Orrery.narrow.matches ? 7 : 14);
  const cut = (text) => ([...text].length > 34 ? [...text].slice(0, 33).join("") + "…" : text);

  return { sort, frame };
})();
