// Colours of the page's two themes, and what colour a node has.
"use strict";

Orrery.colours = (() => {
  const { data, nodes, clusters, state, many } = Orrery;

  const THEMES = {
    dark: {
      note: "#a9bcc0", canvas: "#d9b36a", attachment: "#6f8287", missing: "#e2705f", tag: "#7fb69a",
      line: "rgba(160, 184, 190, 0.42)", faint: "rgba(160, 184, 190, 0.11)", broken: "rgba(226, 112, 95, 0.55)",
      inner: "rgba(200, 214, 216, 0.62)", guessed: "rgba(183, 157, 237, 0.50)", brightGuess: "#c7b3f2", brightBroken: "#f08a78",
      ground: "#0a1113", bright: "#e9c46a", rim: "rgba(233, 205, 140, 0.75)", shine: "rgba(255, 255, 255, 0.55)",
      glow: "rgba(255, 255, 255, 0.38)", shade: "rgba(4, 10, 14, 0.62)",
      text: "#e9e4d6", halo: "rgba(11, 18, 21, 0.85)", path: "#ffcf5c",
      pale: "42% 66%",
      hues: ["#5aa9e6", "#f2a65a", "#8ac27b", "#e0777d", "#b79ced", "#52c5c0", "#e5c453", "#d98cc1",
        "#9fb34d", "#c98f6b", "#7f9cf5", "#77cfa0"],
    },
    light: {
      note: "#5d6d72", canvas: "#94681a", attachment: "#6f7d81", missing: "#b8321f", tag: "#2f7a57",
      line: "rgba(50, 66, 72, 0.36)", faint: "rgba(50, 66, 72, 0.10)", broken: "rgba(184, 50, 31, 0.50)",
      inner: "rgba(50, 66, 72, 0.62)", guessed: "rgba(109, 75, 181, 0.50)", brightGuess: "#6d4bb5", brightBroken: "#a82a18",
      ground: "#f1eada", bright: "#8a5a00", rim: "rgba(110, 78, 20, 0.70)", shine: "rgba(255, 255, 255, 0.75)",
      glow: "rgba(255, 255, 255, 0.50)", shade: "rgba(40, 24, 0, 0.34)",
      text: "#26211a", halo: "rgba(250, 246, 236, 0.88)", path: "#a35a00",
      pale: "48% 38%",
      hues: ["#1f6fb2", "#b8600b", "#3d7f2c", "#b23a48", "#6d4bb5", "#12807b", "#8a6d00", "#a3408a",
        "#5f7010", "#8a5230", "#3f57c4", "#1d7f55"],
    },
  };

  const stated = { theme: null, by: data.groups.length > 0 ? "groups" : clusters.length > 0 ? "clusters" : "folders" };
  const prefers = matchMedia("(prefers-color-scheme: light)");
  const theme = () => stated.theme || (prefers.matches ? "light" : "dark");
  const palette = () => THEMES[theme()];

  // As people order names: 2 before 10.
  const inOrder = new Intl.Collator("en", { numeric: true }).compare;

  // Top folders by the number of their files.
  const tops = new Map();
  const top = (node) => node.folder.split("/")[0];
  for (const node of nodes) if (node.isFile) tops.set(top(node), (tops.get(top(node)) || 0) + 1);
  const folders = [...tops.keys()].sort((a, b) => tops.get(b) - tops.get(a) || inOrder(a, b));
  const folderNumber = new Map(folders.map((folder, number) => [folder, number]));

  // The largest have colours that are far from each other, many more have colours of their own.
  const OWN = 80;
  function hue(number) {
    const { hues, note, pale } = palette();
    if (number < hues.length) return hues[number];
    return number < OWN ? `hsl(${Math.round((number * 137.508) % 360)} ${pale})` : note;
  }

  function colour(node) {
    const now = palette();
    if (!node.isFile) return now[node.kind];
    if (stated.by === "groups" && node.group !== undefined) return data.groups[node.group].colour;
    if (stated.by === "clusters" && node.cluster !== undefined) return hue(node.cluster);
    if (stated.by === "folders") return hue(folderNumber.get(top(node)));
    return now[node.kind];
  }

  // What the colours mean: [colour, words, nodes, why it is not followed]. A cluster has the name of the note
  // in its middle.
  function legend() {
    const now = palette();
    const rows = [];
    const more = (groups, what) => {
      if (groups.length > 0) rows.push(["", many(groups.length, what), groups.flat()]);
    };
    if (stated.by === "groups") {
      data.groups.forEach((group, number) => {
        rows.push([group.colour, group.query, nodes.filter((node) => node.group === number), group.trouble]);
      });
    } else if (stated.by === "clusters") {
      for (const cluster of clusters.slice(0, now.hues.length)) {
        rows.push([now.hues[cluster.number], cluster.centre.called, cluster.nodes]);
      }
      more(clusters.slice(now.hues.length, OWN).map((cluster) => cluster.nodes), "smaller cluster");
    } else {
      const members = new Map(folders.map((folder) => [folder, []]));
      for (const node of nodes) if (node.isFile) members.get(top(node)).push(node);
      folders.slice(0, now.hues.length).forEach((folder, number) => {
        rows.push([now.hues[number], folder === "" ? "top folder" : folder, members.get(folder)]);
      });
      more(folders.slice(now.hues.length, OWN).map((folder) => members.get(folder)), "smaller folder");
    }
    const rest = nodes.filter((node) => (node.kind === "note" || node.kind === "canvas") && colour(node) === now[node.kind]);
    if (rest.length > 0) rows.push([now.note, "everything else", rest]);
    return rows;
  }

  // Lights what one row of the legend stands for, or nothing.
  function light(row) {
    state.lit = row;
    Orrery.emit("lit");
  }

  function paint() {
    state.lit = null;
    document.documentElement.dataset.theme = theme();
    for (const node of nodes) node.colour = colour(node);
    Orrery.emit("colours");
  }

  function turn() {
    const order = ["groups", "clusters", "folders"].filter((by) => by !== "groups" || data.groups.length > 0);
    stated.by = order[(order.indexOf(stated.by) + 1) % order.length];
    paint();
  }

  function switchTheme() {
    stated.theme = theme() === "dark" ? "light" : "dark";
    paint();
  }

  prefers.addEventListener("change", paint);
  return { stated, palette, theme, legend, light, paint, turn, switchTheme, inOrder, folders, tops };
})();
