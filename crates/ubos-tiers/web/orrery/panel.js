// What stands beside the graph: the note that is chosen with its beginning, links and backlinks, a path
// with its steps, what is broken, or, with nothing chosen, an overview.
"use strict";

Orrery.panel = (() => {
  const { data, nodes, edges, state, element, button, name, many, shown } = Orrery;
  const place = document.getElementById("panel");
  const MOST = 200;

  const KIND = { note: "note", canvas: "canvas", attachment: "attachment", missing: "no file has this name", tag: "tag" };
  const WORDS = {
    "link": "link", "embed": "embed", "front-matter": "property", "canvas-file": "card", "canvas-text": "card’s text",
    "canvas-arrow": "arrow", "tag": "tag", "path-mention": "path in prose", "unlinked-mention": "mention", "duplicate": "duplicate",
  };

  function draw() {
    const parts = state.path ? path(state.path) : state.selected ? note(state.selected)
      : state.page === "broken" ? broken() : overview();
    place.replaceChildren(...parts.filter((part) => part));
    place.hidden = Orrery.narrow.matches && !state.path && !state.selected && state.page !== "broken";
    document.body.classList.toggle("covered", !place.hidden);
    place.scrollTop = 0;
  }

  const heading = (text, count) => element("h3", "", text, count === undefined ? null : element("span", "number", String(count)));

  // A node as something to go to, with words on how it is linked.
  function way(node, ...words) {
    const go = button("way " + node.kind, "", () => Orrery.travel(node));
    go.append(dot(node), element("span", "title", name(node.title)));
    const about = words.filter((word) => word);
    if (node.where !== "") go.append(element("span", "about", name(node.where)));
    if (about.length > 0) go.append(element("span", "about", ...about));
    go.title = shown(node.path);
    go.dataset.node = node.id;
    return element("li", "", go);
  }

  function dot(node) {
    const made = element("span", "dot " + node.kind);
    made.style.setProperty("--colour", node.colour);
    made.setAttribute("aria-hidden", "true");
    return made;
  }

  function list(rows) {
    const made = element("ul", "ways", ...rows.slice(0, MOST));
    if (rows.length > MOST) made.append(element("li", "more", `and ${rows.length - MOST} more`));
    return made;
  }

  // The words of an edge: its kind where that is not simply a link, its line, how often. Of a tag there is
  // nothing to say but where.
  function words(edge) {
    if (edge.kind === "tag") return shown(edge.from.folder);
    const said = [];
    if (edge.kind !== "link") said.push(edge.label !== undefined ? `${WORDS[edge.kind]} “${shown(edge.label)}”` : WORDS[edge.kind]);
    if (edge.within) said.push(`in ${shown(edge.within.title)}`);
    // A guess is no link that could be looked for: it says which of the two says the other's name.
    said.push(`line ${edge.line}` + (edge.guessed ? (edge.from === state.selected ? " here" : " there") : ""));
    if (edge.count > 1) said.push(`${edge.count}×`);
    return said.join(" · ");
  }

  const wrong = (edge) => (edge.broken === undefined ? null : element("span", "wrong", ` no “${shown(edge.broken)}” there`));

  function note(node) {
    const head = element("header", "", element("h2", "", dot(node), name(node.title)));
    const close = button("close", "×", () => Orrery.release());
    close.setAttribute("aria-label", "Let go of this note");
    head.append(close);
    const written = node.edges.filter((edge) => !edge.guessed);
    const out = written.filter((edge) => edge.from === node && edge.type !== "tags");
    const back = written.filter((edge) => edge.to === node);
    const guessed = node.edges.filter((edge) => edge.guessed);
    const seen = (all) => all.map((edge) => way(edge.from === node ? edge.to : edge.from, words(edge), wrong(edge)));
    return [
      head,
      element("p", "path", node.isFile ? name(node.path) : KIND[node.kind]),
      node.aliases.length > 0 ? element("p", "about", "also ", name(node.aliases.join(", "))) : null,
      node.trouble === undefined ? null : element("p", "wrong", "Could not be read: ", name(node.trouble)),
      facts(node),
      tags(node),
      actions(node),
      node.preview === "" ? null : element("div", "preview", ...preview(node.preview)),
      out.length > 0 ? heading("Links", out.length) : null,
      out.length > 0 ? list(seen(out)) : null,
      back.length > 0 ? heading(node.kind === "missing" ? "Looked for in" : node.kind === "tag" ? "Used in" : "Linked from", back.length) : null,
      back.length > 0 ? list(seen(back)) : null,
      guessed.length > 0 ? heading("Guessed", guessed.length) : null,
      guessed.length > 0 ? list(seen(guessed)) : null,
      node.edges.length === 0 ? element("p", "about", "Nothing links here, and it links to nothing.") : null,
    ];
  }

  function facts(node) {
    if (!node.isFile) return null;
    const said = [KIND[node.kind]];
    said.push(node.words !== undefined ? many(node.words, "word") : many(node.size, "byte"));
    said.push("changed " + Orrery.day(node.mtime));
    return element("p", "about", said.join(" · "));
  }

  function tags(node) {
    if (node.tags.length === 0) return null;
    const chips = node.tags.map((tag) => {
      const chip = button("chip", "", () => Orrery.search.ask("#" + tag));
      chip.append(name("#" + tag));
      return chip;
    });
    return element("p", "chips", ...chips);
  }

  function actions(node) {
    const local = button("plain", state.local > 0 ? "Whole graph" : "Local graph", () => Orrery.local(state.local > 0 ? 0 : 2));
    const row = element("p", "actions", local);
    if (state.local > 0) {
      const depth = element("input", "");
      Object.assign(depth, { type: "range", min: 1, max: 5, value: state.local, id: "depth" });
      depth.addEventListener("change", () => Orrery.local(Number(depth.value), true));
      row.append(element("label", "depth", `${state.local} away`, depth));
    }
    row.append(button("plain", "Path from here", () => Orrery.pathFrom(node)));
    if (node.kind === "note" || node.kind === "canvas") {
      const link = element("a", "plain", "Open in Obsidian");
      link.href = `obsidian://open?vault=${encodeURIComponent(data.vault)}&file=${encodeURIComponent(node.path)}`;
      row.append(link);
    }
    return row;
  }

  // The beginning of a note with the least of its form: headings, bold, code, the words of links.
  function preview(text) {
    return shown(text).split("\n").map((line) => {
      const title = /^#{1,6}\s+(.*)$/.exec(line);
      const made = element("p", title ? "title" : "", ...inline(title ? title[1] : line));
      made.dir = "auto";
      return made;
    });
  }

  function inline(line) {
    const parts = line.split(/(\[\[[^\]\n]{1,200}\]\]|\*\*[^*\n]{1,200}\*\*|`[^`\n]{1,200}`)/);
    return parts.map((part, at) => {
      if (at % 2 === 0) return part;
      if (part.startsWith("[[")) return element("span", "link", part.slice(2, -2).split("|").pop());
      if (part.startsWith("**")) return element("strong", "", part.slice(2, -2));
      return element("code", "", part.slice(1, -1));
    });
  }

  function path(route) {
    const head = element("header", "", element("h2", "", "Path"));
    const close = button("close", "×", () => Orrery.release());
    close.setAttribute("aria-label", "Let go of the path");
    head.append(close);
    if (!route.to) {
      return [head, element("p", "", "From ", name(route.from.title), " to …"),
        element("p", "about", "Choose the other end: click a note, or find it with /.")];
    }
    if (!route.steps) {
      return [head, element("p", "", name(route.from.title), " and ", name(route.to.title),
        " are not connected by anything that is shown.")];
    }
    const rows = [way(route.from)];
    for (const { node, edge } of route.steps) {
      const says = edge.to === node ? "↓ links to" : "↑ is linked from";
      const kind = edge.kind === "link" ? "" : ` (${WORDS[edge.kind]}${edge.label === undefined ? "" : ` “${shown(edge.label)}”`})`;
      rows.push(element("li", "step", `${says}${kind} · line ${edge.line} of `, name((edge.within || edge.from).title)));
      rows.push(way(node));
    }
    return [head, element("p", "about", `${many(route.steps.length, "step")}, the shortest way`), element("ul", "ways route", ...rows)];
  }

  const lost = nodes.filter((node) => node.kind === "missing" && node.edges.length > 0);
  const misled = edges.filter((edge) => edge.broken !== undefined);
  const unread = nodes.filter((node) => node.trouble !== undefined);
  // What is broken, and where that is written.
  const ends = new Set([...lost, ...unread, ...misled.flatMap((edge) => [edge.from, edge.to]),
    ...lost.flatMap((node) => node.edges.map((edge) => edge.from))]);

  function broken() {
    const head = element("header", "", element("h2", "", "Broken links"));
    const close = button("close", "×", () => Orrery.release());
    close.setAttribute("aria-label", "Back to the overview");
    head.append(close);
    const names = [...lost].sort((a, b) => b.edges.length - a.edges.length || (a.path < b.path ? -1 : 1));
    const all = [head];
    if (names.length > 0) {
      all.push(heading("Names that no file has", names.length));
      all.push(list(names.map((node) => way(node, node.edges.length === 1 ? `in ${node.edges[0].from.called}` : `in ${node.edges.length} files`))));
    }
    if (misled.length > 0) {
      all.push(heading("Headings and blocks that are not there", misled.length));
      all.push(list(misled.map((edge) => way(edge.from, `line ${edge.line} · ${edge.to.called}`, wrong(edge)))));
    }
    if (unread.length > 0) {
      all.push(heading("Files that could not be read", unread.length));
      all.push(list(unread.map((node) => way(node, shown(node.trouble)))));
    }
    if (all.length === 1) all.push(element("p", "about", "Nothing is broken."));
    return all;
  }

  function overview() {
    const of = (kind) => nodes.filter((node) => node.kind === kind).length;
    const orphans = nodes.filter((node) => node.kind === "note" && !node.edges.some((edge) => edge.type !== "tags" && !edge.guessed));
    const hubs = nodes.filter((node) => node.isFile && node.degree > 0).sort((a, b) => b.degree - a.degree).slice(0, 12);
    const figure = (number, text) => element("li", "", element("b", "", number.toLocaleString("en")), text);
    return [
      element("header", "", element("h2", "", "The vault")),
      element("ul", "figures", figure(of("note"), "notes"), figure(edges.filter((e) => e.type !== "tags" && !e.guessed).length, "links"),
        figure(data.tags.length, "tags"), figure(orphans.length, "unlinked")),
      element("p", "actions", mend()),
      hint(of("note"), orphans.length),
      hubs.length > 0 ? heading("Linked most") : null,
      hubs.length > 0 ? list(hubs.map((node) => way(node, many(node.degree, "link")))) : null,
    ];
  }

  // Leads to what is broken.
  function mend() {
    const count = lost.length + misled.length + unread.length;
    const words = count === 0 ? "Nothing is broken" : many(count, "broken link or name", "broken links and names");
    return button("plain", words, () => Orrery.broken());
  }

  // Into the panel, for who has no pointer.
  function focus() {
    if (!place.hidden) place.querySelector("button:not(.close), a")?.focus();
  }

  // Where links say little there may be more between the lines.
  function hint(notes, unlinked) {
    if (data.parity || unlinked * 2 < notes || notes < 2 || edges.some((edge) => edge.guessed)) return null;
    return element("p", "about", "Most notes have no link. Made with ", element("code", "", "--soft"),
      ", the page also shows which notes only mention each other.");
  }

  return { draw, mend, focus, brokenEnds: () => ends };
})();
