// What is shown: decides `shown` of every node, edge and line from the filters and the local graph.
"use strict";

Orrery.filters = (() => {
  const { data, nodes, edges, lines, state } = Orrery;
  const span = { first: Infinity, last: -Infinity };
  for (const { mtime } of nodes) {
    if (mtime === undefined) continue;
    span.first = Math.min(span.first, mtime);
    span.last = Math.max(span.last, mtime);
  }
  if (span.first > span.last) [span.first, span.last] = [0, 0];

  const everyType = [...new Set(edges.map((edge) => edge.type))];
  const begin = () => ({
    tags: data.show.tags,
    attachments: data.show.attachments,
    missing: data.show.missing,
    orphans: data.show.orphans,
    own: data.show.filter !== "" && data.show.filter_trouble === undefined,
    types: new Set(everyType),
    hidden: new Set(),  // folders, the top one as ""
    tag: "",
    since: span.first,
    until: span.last,
  });
  const chosen = begin();

  const inFolder = (node) => {
    for (let folder = node.folder; folder !== ""; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
      if (chosen.hidden.has(folder)) return false;
    }
    return node.folder !== "" || !chosen.hidden.has("");
  };

  function hasTag(node) {
    if (chosen.tag === "") return true;
    const wanted = chosen.tag.toLowerCase();
    return node.tags.some((tag) => {
      const lower = tag.toLowerCase();
      return lower === wanted || lower.startsWith(wanted + "/");
    });
  }

  function takesFile(node) {
    if (node.kind === "attachment" && !chosen.attachments) return false;
    if (node.filtered && chosen.own) return false;
    return inFolder(node) && hasTag(node) && node.mtime >= chosen.since && node.mtime <= chosen.until;
  }

  function apply() {
    const held = (node) => node === state.selected || (state.path && (node === state.path.from || node === state.path.to));
    for (const node of nodes) {
      if (node.isFile) node.shown = held(node) || takesFile(node);
      else node.shown = held(node) || (node.kind === "tag" ? chosen.tags : chosen.missing);
    }
    for (const edge of edges) edge.shown = chosen.types.has(edge.type) && edge.from.shown && edge.to.shown;
    // Names and tags stand beside what leads to them, attachments beside what shows them; nothing else
    // holds them up.
    for (const node of nodes) {
      const alone = node.shown && !held(node) && !node.edges.some((edge) => edge.shown);
      const needsLink = node.kind !== "note" && node.kind !== "canvas";
      if (alone && (needsLink || !chosen.orphans)) node.shown = false;
    }
    if (state.local > 0 && state.selected) {
      const near = Orrery.routes.around(state.selected, state.local, (edge) => edge.shown);
      for (const node of nodes) node.shown = near.has(node);
      for (const edge of edges) edge.shown = edge.shown && edge.from.shown && edge.to.shown;
    }
    for (const line of lines) line.shown = line.edges.some((edge) => edge.shown);
  }

  const isOpen = () => chosen.hidden.size === 0 && chosen.tag === "" && chosen.types.size === everyType.length
    && chosen.since <= span.first && chosen.until >= span.last;

  const reset = () => Object.assign(chosen, begin());

  return { chosen, span, apply, isOpen, reset };
})();
