// The vault as the page holds it: nodes and edges that know each other, what is chosen, and who is to be
// told when that changes. Everything from the vault is text and stays text: `element` knows no markup.
"use strict";

const Orrery = (() => {
  // No text becomes markup, not even by the library, which empties elements that way and nothing else.
  window.trustedTypes?.createPolicy("default", { createHTML: (text) => (text === "" ? "" : null) });
  const data = JSON.parse(document.getElementById("data").textContent);

  // The classes in which edges are shown or hidden.
  const CLASS = {
    "link": "links", "embed": "embeds", "front-matter": "properties",
    "canvas-file": "canvas", "canvas-text": "canvas", "canvas-arrow": "canvas", "tag": "tags",
    "path-mention": "paths", "unlinked-mention": "mentions", "duplicate": "copies",
  };
  // Nobody wrote these as links: they are guessed from the words, drawn dotted, and counted for themselves.
  const GUESSED = new Set(["paths", "mentions", "copies"]);

  const nodes = data.nodes.map((read, id) => ({
    id,
    path: read.path,
    title: read.title,
    kind: read.kind,
    folder: data.folders[read.folder],
    degree: read.degree,
    tags: (read.tags || []).map((tag) => data.tags[tag]),
    aliases: read.aliases || [],
    mtime: read.mtime,
    size: read.size,
    words: read.words,
    cluster: read.cluster,
    group: read.group,
    filtered: read.filtered === true,
    preview: read.preview || "",
    trouble: read.trouble,
    x: read.at[0],
    y: read.at[1],
    // What has no link stands around the rest, and the layout leaves it there.
    belt: read.belt === true ? { x: read.at[0], y: read.at[1] } : null,
    isFile: read.kind !== "tag" && read.kind !== "missing",
    radius: 0,
    shown: true,
    edges: [],
  }));

  const edges = data.edges.map(([from, to, kind, count, line], id) => {
    const remark = data.remarks[id] || {};
    const edge = {
      id, from: nodes[from], to: nodes[to], kind: data.kinds[kind], type: CLASS[data.kinds[kind]],
      guessed: GUESSED.has(CLASS[data.kinds[kind]]), count, line,
      label: remark.label, broken: remark.broken, within: nodes[remark.within], shown: true,
    };
    edge.from.edges.push(edge);
    edge.to.edges.push(edge);
    return edge;
  });

  // What belongs together, as `graph clusters` answers it; named after the note in its middle.
  const clusters = data.clusters.map((read, number) => ({
    number, centre: nodes[read.centre], folder: read.folder, tags: read.tags, size: read.size, nodes: [],
  }));
  for (const node of nodes) if (node.cluster !== undefined) clusters[node.cluster].nodes.push(node);

  // One line is drawn between two nodes, however many edges there are.
  const lines = [];
  const known = new Map();
  for (const edge of edges) {
    const [low, high] = edge.from.id < edge.to.id ? [edge.from, edge.to] : [edge.to, edge.from];
    const key = low.id * nodes.length + high.id;
    let line = known.get(key);
    if (line === undefined) {
      line = { source: edge.from, target: edge.to, edges: [], shown: true };
      known.set(key, line);
      lines.push(line);
    }
    line.edges.push(edge);
    edge.drawn = line;
  }

  // What no reader can see, or what turns a line round, is shown by its number.
  const HIDDEN = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  const shown = (text) => text.replace(HIDDEN, (c) => "\\u{" + c.charCodeAt(0).toString(16) + "}");

  // Of several files with the same title each is told by its folder: by that one's own name, if that is enough.
  function tally(key) {
    const counts = new Map();
    for (const node of nodes) if (node.isFile) counts.set(key(node), (counts.get(key(node)) || 0) + 1);
    return (node) => counts.get(key(node)) > 1;
  }
  const last = (folder) => folder.slice(folder.lastIndexOf("/") + 1);
  const sameTitle = tally((node) => node.title.toLowerCase());
  const sameFolder = tally((node) => `${last(node.folder)}/${node.title}`.toLowerCase());

  for (const node of nodes) {
    node.name = shown(node.title).replace(/\s+/g, " ");
    const twin = node.isFile && sameTitle(node);
    node.where = twin ? shown(node.folder).replace(/\s+/g, " ") || "top folder" : "";
    node.called = twin ? `${node.name} · ${sameFolder(node) ? node.where : last(node.where)}` : node.name;
    node.radius = node.kind === "tag" || node.kind === "attachment" ? 3.2 : 3.4;
    node.radius += Math.min(13, Math.sqrt(node.kind === "tag" ? node.edges.length : node.degree) * 1.25);
  }

  // An element with a class and content; strings become text.
  function element(tag, className, ...content) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    for (const part of content) {
      if (part !== null && part !== undefined) made.append(part);
    }
    return made;
  }

  function button(className, text, act) {
    const made = element("button", className, text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  // A name from the vault, in a direction of its own.
  const name = (text) => element("bdi", "", shown(text));

  // So many of something, in words.
  const many = (count, one, more = one + "s") => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

  const listeners = {};
  const on = (event, act) => (listeners[event] ||= []).push(act);
  const emit = (event) => (listeners[event] || []).forEach((act) => act());
  const say = (text) => { document.getElementById("live").textContent = text; };

  const state = {
    selected: null,   // the note that is looked at
    candidate: null,  // the neighbour that Enter would go to
    hovered: null,    // what the pointer is on
    found: null,      // what the search finds, as a set
    lit: null,        // what one colour of the legend stands for: its number, words, and nodes as a set
    local: 0,         // how far the local graph goes; 0: the whole graph
    path: null,       // {from, to, steps, nodes, lines}; without `to` it waits for one
    page: "overview", // what the panel shows without a note: "overview" or "broken"
  };

  return {
    data, nodes, edges, lines, clusters, state, shown, element, button, name, many, on, emit, say,
    reduced: matchMedia("(prefers-reduced-motion: reduce)"),
    narrow: matchMedia("(max-width: 720px)"),
  };
})();
