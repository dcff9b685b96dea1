// Joins the parts: going from note to note, local graph, path, keys; then begins.
"use strict";

(() => {
  const { data, nodes, state, filters, colours, picture, panel, controls, search, routes, shown, many, say } = Orrery;
  const graph = document.getElementById("graph");
  const help = document.getElementById("help");
  const $ = (id) => document.getElementById(id);

  function refresh() {
    filters.apply();
    picture.refresh();
    panel.draw();
    status();
  }

  function status() {
    const files = nodes.filter((node) => node.kind === "note");
    const seen = files.filter((node) => node.shown).length;
    const all = files.length.toLocaleString("en");
    $("count").textContent = seen === files.length ? many(seen, "note") : `${seen.toLocaleString("en")} of ${all} notes`;
    const mode = [];
    if (state.local > 0 && state.selected) mode.push(`local, ${state.local} away`);
    if (state.path && !state.path.to) mode.push("path to …");
    if (state.lit) mode.push(shown(state.lit.words));
    if (!filters.isOpen()) mode.push("filtered");
    if (data.parity) mode.push("Obsidian’s links only");
    $("mode").textContent = mode.join(" · ");
    document.body.dataset.selected = state.selected ? state.selected.path : "";
    document.body.dataset.shown = String(nodes.filter((node) => node.shown).length);
  }

  // To a note, from wherever it was named. With a path that waits for its end, that is it.
  Orrery.travel = (node) => {
    state.candidate = null;
    if (state.path && !state.path.to && node !== state.path.from) {
      find(state.path.from, node);
      return;
    }
    if (state.path && !state.path.nodes?.has(node)) state.path = null;
    state.selected = node;
    if (Orrery.narrow.matches) controls.toggle(false);
    // What was pressed in the panel is gone with the note it belonged to.
    if ($("panel").contains(document.activeElement)) graph.focus();
    refresh();
    picture.show(node);
    say(`${node.called}, ${many(node.edges.length, "link")}`);
  };

  // One step back: path, local graph, note, page.
  Orrery.release = () => {
    if (state.path) state.path = null;
    else if (state.local > 0) state.local = 0;
    else if (state.selected) [state.selected, state.candidate] = [null, null];
    else if (state.lit) colours.light(null);
    else state.page = "overview";
    refresh();
  };

  Orrery.local = (depth, quiet) => {
    if (!state.selected) {
      say("Choose a note first");
      return;
    }
    state.local = depth;
    refresh();
    if (quiet) $("depth")?.focus();
    say(depth === 0 ? "Whole graph" : `Local graph, ${depth} away`);
  };

  Orrery.pathFrom = (node) => {
    state.local = 0;
    state.path = { from: node };
    refresh();
    say("Choose the other end of the path");
  };

  function find(from, to) {
    state.path = { from, to };
    state.selected = null;
    filters.apply();
    const steps = routes.between(from, to);
    if (steps) {
      state.path.steps = steps;
      state.path.nodes = new Set([from, ...steps.map((step) => step.node)]);
      state.path.lines = new Set(steps.map((step) => step.edge.drawn));
    }
    refresh();
    picture.frame([from, to, ...(state.path.nodes || [])]);
    say(!steps ? "Not connected" : "Path of " + many(steps.length, "step"));
  }

  Orrery.broken = () => {
    [state.selected, state.path, state.local, state.page] = [null, null, 0, "broken"];
    if (Orrery.narrow.matches) controls.toggle(false);
    refresh();
    picture.fit();
  };

  // The neighbour that lies in a direction; without a chosen note, the one that is linked most.
  function step(dx, dy) {
    const from = state.candidate || state.selected;
    if (!from) {
      const first = nodes.filter((node) => node.shown).sort((a, b) => b.degree - a.degree)[0];
      if (first) Orrery.travel(first);
      return;
    }
    const centre = state.selected;
    let best = null;
    let least = Infinity;
    for (const node of routes.neighbours(centre)) {
      if (node === state.candidate) continue;
      const [x, y] = [node.x - from.x, node.y - from.y];
      const along = x * dx + y * dy;
      const cost = along + 2.2 * Math.abs(x * dy - y * dx);
      if (along > 0 && cost < least) [best, least] = [node, cost];
    }
    choose(best);
  }

  // To the next neighbour, or the one before; false where there is none, and the focus goes on.
  function turn(by) {
    const near = state.selected ? routes.neighbours(state.selected) : [];
    const at = state.candidate ? near.indexOf(state.candidate) + by : by > 0 ? 0 : near.length;
    if (near[at] === undefined) {
      state.candidate = null;
      picture.repaint();
      return false;
    }
    choose(near[at]);
    return true;
  }

  function choose(node) {
    if (!node) return;
    state.candidate = node;
    picture.repaint();
    document.body.dataset.candidate = node.path;
    say(`${node.called}. Enter goes there`);
  }

  const KEYS = {
    "/": () => search.focus(),
    "?": () => help.showModal(),
    "ArrowLeft": () => step(-1, 0),
    "ArrowRight": () => step(1, 0),
    "ArrowUp": () => step(0, -1),
    "ArrowDown": () => step(0, 1),
    "Enter": () => (state.candidate ? Orrery.travel(state.candidate) : panel.focus()),
    "Escape": () => Orrery.release(),
    "l": () => Orrery.local(state.local > 0 ? 0 : 2),
    "p": () => (state.selected ? Orrery.pathFrom(state.selected) : say("Choose a note first")),
    "b": () => Orrery.broken(),
    "c": () => colours.turn(),
    "f": () => controls.toggle(),
    "t": () => colours.switchTheme(),
    "r": () => picture.settle(),
    "+": () => picture.zoom(1.4),
    "=": () => picture.zoom(1.4),
    "-": () => picture.zoom(1 / 1.4),
    "0": () => picture.fit(),
  };
  // These keys mean something else to a button or a slider that has the focus.
  const ONLY_GRAPH = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter"]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target instanceof HTMLSelectElement && event.key !== "Escape") return;
    const inGraph = event.target === graph || event.target === document.body;
    if (event.key === "Tab") {
      if (event.target === graph && turn(event.shiftKey ? -1 : 1)) event.preventDefault();
    } else if (/^[1-5]$/.test(event.key) && state.selected) {
      Orrery.local(Number(event.key));
    } else if (Object.hasOwn(KEYS, event.key) && (inGraph || !ONLY_GRAPH.has(event.key))) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });

  $("show-controls").addEventListener("click", () => controls.toggle());
  $("fit").addEventListener("click", () => picture.fit());
  $("theme").addEventListener("click", () => colours.switchTheme());
  $("show-help").addEventListener("click", () => help.showModal());
  Orrery.narrow.addEventListener("change", () => {
    controls.toggle(!Orrery.narrow.matches);
    panel.draw();
  });
  Orrery.on("filters", refresh);
  Orrery.on("lit", () => {
    status();
    picture.repaint();
  });
  Orrery.on("colours", () => {
    Orrery.paint.sort();
    picture.repaint();
    panel.draw();
  });

  $("vault").textContent = shown(data.vault);
  document.title = `${shown(data.vault)} · Orrery`;
  filters.apply();
  colours.paint();
  controls.draw();
  refresh();
  document.body.dataset.ready = "yes";
})();
