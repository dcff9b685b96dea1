// The moving picture: the force-directed layout and the camera, by the library `force-graph`.
"use strict";

Orrery.picture = (() => {
  const { nodes, lines, state, reduced } = Orrery;
  const stage = document.getElementById("graph");
  const view = { free: [0, 0], left: 0, right: 0, top: 0, bottom: 0, x: 0, y: 0, ratio: 1, settling: false, panning: false, lines: [] };
  let laid = new Set();  // what the layout moves
  let away = false;      // whether the local graph is laid out, and the whole one waits in `home`
  let fitting = true;    // whether the camera follows the layout until it rests

  // How a line looks: broken, of tags or guesses alone, or written by somebody.
  for (const line of lines) {
    const lost = line.source.kind === "missing" || line.target.kind === "missing";
    const written = line.edges.some((edge) => edge.type !== "tags" && !edge.guessed);
    const guessed = line.edges.some((edge) => edge.guessed);
    line.look = lost || line.edges.every((edge) => edge.broken !== undefined) ? "broken"
      : written ? "line" : guessed ? "guessed" : "faint";
  }

  // Draws everything to the middle, so that what has no links does not drift away.
  function gravity(strength) {
    let moved = [];
    const force = (alpha) => {
      for (const node of moved) {
        node.vx -= node.x * strength * alpha;
        node.vy -= node.y * strength * alpha;
      }
    };
    force.initialize = (all) => { moved = all; };
    return force;
  }

  const graph = new ForceGraph(stage);
  graph
    .autoPauseRedraw(true)
    .nodeLabel(() => null)
    .linkLabel(() => null)
    .nodeCanvasObjectMode(() => "replace")
    .nodeCanvasObject(() => {})
    .nodePointerAreaPaint((node, colour, ctx, scale) => {
      if (node.x < view.left || node.x > view.right || node.y < view.top || node.y > view.bottom) return;
      const reach = Math.max(node.radius + 1, 5 / scale);
      ctx.fillStyle = colour;
      ctx.fillRect(node.x - reach, node.y - reach, 2 * reach, 2 * reach);
    })
    .nodeVisibility((node) => node.shown)
    .linkVisibility(false)
    .linkPointerAreaPaint(() => {})
    .minZoom(0.02)
    .maxZoom(12)
    .d3AlphaMin(0.003)
    .onNodeHover((node) => {
      state.hovered = node;
      repaint();
    })
    .onNodeClick((node) => Orrery.travel(node))
    .onBackgroundClick(() => Orrery.release())
    .onNodeDrag(() => { fitting = false; })
    .onZoom(() => { view.panning = true; })
    .onZoomEnd(() => {
      view.panning = false;
      repaint();
    })
    .onRenderFramePre((ctx, scale) => {
      look(scale);
      Orrery.paint.frame(ctx, scale, view);
    })
    .onEngineTick(() => {
      view.settling = true;
      if (fitting && ++followed % 20 === 0) fit(0);
    })
    .onEngineStop(() => {
      view.settling = false;
      graph.cooldownTicks(Infinity);
      if (fitting) fit(0);
      fitting = false;
      document.body.dataset.resting = "yes";
      repaint();
    });
  graph.d3Force("center", null);
  // What stands around the rest pushes nothing and is pushed by nothing.
  const charge = graph.d3Force("charge");
  const everyone = charge.initialize;
  charge.initialize = (all, random) => everyone(all.filter((node) => node.fx === undefined), random);
  let followed = 0;

  function look(scale) {
    const corner = graph.graph2ScreenCoords(0, 0);
    [view.x, view.y, view.ratio] = [corner.x, corner.y, window.devicePixelRatio];
    const { left, right } = room();
    view.free = [left, stage.clientWidth - right];
    [view.left, view.top] = [-view.x / scale, -view.y / scale];
    [view.right, view.bottom] = [view.left + stage.clientWidth / scale, view.top + stage.clientHeight / scale];
  }

  // The forces are those by which the places were found that the page opens with (`page/layout` of the
  // program). Links inside of a cluster are short and strong, those between clusters long and weak, those to tags
  // weaker still: what belongs together comes to stand together.
  function pulls(shown) {
    const count = new Map(shown.map((node) => [node, 0]));
    const drawn = view.lines.filter((line) => line.shown);
    for (const { source, target } of drawn) {
      count.set(source, count.get(source) + 1);
      count.set(target, count.get(target) + 1);
    }
    const near = ({ source, target }) => source.cluster !== undefined && source.cluster === target.cluster;
    const round = ({ source, target }) => 2 * Math.min(source.radius, 8) + 2 * Math.min(target.radius, 8);
    const least = ({ source, target }) => Math.min(count.get(source), count.get(target));
    const weak = ({ look }) => look === "faint" || look === "guessed";
    graph.d3Force("link")
      .distance((line) => (near(line) ? 22 : 60) + round(line))
      .strength((line) => (weak(line) ? 0.08 : near(line) ? 1 : 0.3) / least(line));
  }

  // Holds what has no link in its place around the rest, and lets go what has.
  function pin(shown) {
    const linked = new Set();
    for (const line of view.lines) if (line.shown) linked.add(line.source).add(line.target);
    for (const node of shown) {
      if (node.belt && !linked.has(node)) {
        const { x, y } = node.belt;
        Object.assign(node, { x, y, fx: x, fy: y, vx: 0, vy: 0 });
      } else {
        delete node.fx;
        delete node.fy;
      }
    }
  }

  // Lays out what is shown. `rest`: where everything stands already.
  function layout({ rest = false } = {}) {
    const shown = nodes.filter((node) => node.shown);
    laid = new Set(shown);
    view.lines = lines.filter((line) => laid.has(line.source) && laid.has(line.target));
    pin(shown);
    const many = shown.filter((node) => node.fx === undefined).length > 1500;
    const warm = !rest && reduced.matches ? (many ? 60 : 300) : 0;
    delete document.body.dataset.resting;
    view.settling = !rest;
    charge.strength(many ? -45 : -90).theta(many ? 1.2 : 0.9);
    pulls(shown);
    graph.d3Force("gravity", gravity(many ? 0.035 : 0.06));
    graph
      .warmupTicks(warm)
      .cooldownTicks(rest || reduced.matches ? 0 : Infinity)
      .cooldownTime(many ? 6000 : 5000)
      .d3AlphaDecay(many ? 0.03 : 0.0228)
      .graphData({ nodes: shown, links: view.lines.filter((line) => line.shown) });
  }

  // After filters changed: hides in place, and lays out anew only where something came in, or where the
  // local graph begins or ends.
  function refresh() {
    const local = state.local > 0 && state.selected !== null;
    if (local && !away) nodes.forEach((node) => { node.home = { x: node.x, y: node.y }; });
    const back = away && !local;
    if (back) nodes.forEach((node) => Object.assign(node, node.home, { vx: 0, vy: 0 }));
    const turned = local || away !== local;
    away = local;
    const grew = nodes.some((node) => node.shown && !laid.has(node));
    Orrery.paint.sort();
    if (turned || grew) {
      const first = laid.size === 0;
      fitting = local || back || first;
      layout({ rest: back || first });
    }
    repaint();
  }

  // The picture is drawn again only when it changed; any setting that is set says so.
  function repaint() {
    graph.nodeVisibility((node) => node.shown);
  }

  function room() {
    const wide = !Orrery.narrow.matches;
    const left = wide && !document.getElementById("controls").hidden ? 272 : 0;
    const right = wide && !document.getElementById("panel").hidden ? 332 : 0;
    return { left, right };
  }

  // Whether the panel takes the lower half of a small screen.
  const covered = () => Orrery.narrow.matches && !document.getElementById("panel").hidden && !(state.path && !state.path.to);

  // The whole graph into the free part of the window.
  function fit(time) {
    const shown = nodes.filter((node) => node.shown && laid.has(node));
    if (shown.length === 0) return;
    const [xs, ys] = [shown.map((node) => node.x), shown.map((node) => node.y)];
    // A few that lie far out are let go, so that they do not make all others small.
    const bounds = (values) => {
      const sorted = values.sort((a, b) => a - b);
      const out = Math.floor(sorted.length * 0.005);
      return [sorted[out], sorted[sorted.length - 1 - out]];
    };
    const [[x0, x1], [y0, y1]] = [bounds(xs), bounds(ys)];
    aim((x0 + x1) / 2, (y0 + y1) / 2, Math.min(2.4, within(x1 - x0, y1 - y0)), time);
  }

  // The camera on these nodes.
  function frame(all) {
    fitting = false;
    const [xs, ys] = [all.map((node) => node.x), all.map((node) => node.y)];
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    aim((x0 + x1) / 2, (y0 + y1) / 2, Math.min(2, within(x1 - x0, y1 - y0)), 500);
  }

  // The scale at which so much fits into the free part of the window.
  function within(width, height) {
    const { left, right } = room();
    const wide = stage.clientWidth - left - right - 90;
    const high = (stage.clientHeight - 170) * (covered() ? 0.5 : 1);
    return Math.max(0.03, Math.min(wide / Math.max(1, width), high / Math.max(1, height)));
  }

  // The camera on a point of the graph, in the middle of what no panel covers.
  function aim(x, y, scale, time) {
    const { left, right } = room();
    // Below the bar, and on a small screen above the panel.
    const low = covered() ? stage.clientHeight * 0.2 : -22;
    const slow = reduced.matches ? 0 : time;
    graph.zoom(scale, slow);
    graph.centerAt(x - (left - right) / 2 / scale, y + low / scale, slow);
  }

  // The camera on a node, with its neighbours in sight unless they lie too far off.
  function show(node) {
    if (node.x === undefined || state.local > 0) return;
    fitting = false;
    const near = Orrery.routes.neighbours(node);
    const reach = (along) => 2 * Math.max(60, ...near.map((other) => Math.abs(other[along] - node[along])));
    aim(node.x, node.y, Math.min(1.8, Math.max(0.6, within(reach("x"), reach("y")))), 500);
  }

  function zoom(factor) {
    fitting = false;
    graph.zoom(Math.min(12, Math.max(0.02, graph.zoom() * factor)), reduced.matches ? 0 : 200);
  }

  // Where a node stands in the window.
  const screen = (node) => graph.graph2ScreenCoords(node.x, node.y);

  const resize = () => graph.width(stage.clientWidth).height(stage.clientHeight);
  new ResizeObserver(resize).observe(stage);
  resize();
  stage.addEventListener("wheel", () => { fitting = false; }, { passive: true });
  stage.addEventListener("pointerdown", () => { fitting = false; });

  const settle = () => {
    fitting = true;
    layout();
  };
  return { refresh, repaint, fit: () => fit(500), settle, show, frame, zoom, screen };
})();
