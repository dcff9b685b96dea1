//! The whole graph for other programs: JSON, GraphML, DOT.
//!
//! Every text is escaped for the format it goes into; characters that XML cannot hold become U+FFFD.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::View;
use crate::graph::model::{Content, Edge, Target};

/// A form that other programs read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Nodes and edges in one document.
    #[default]
    Json,
    /// For Gephi, yEd, networkx.
    Graphml,
    /// For Graphviz.
    Dot,
}

/// A node as it is exported.
struct Node {
    id: String,
    kind: &'static str,
    label: String,
    words: u64,
}

/// The graph in `format`.
pub fn export(view: &View<'_>, format: Format) -> String {
    match format {
        Format::Json => format!("{:#}\n", document(view)),
        Format::Graphml => graphml(view),
        Format::Dot => dot(view),
    }
}

/// The graph as one JSON document: nodes with an `id`, edges that name the two ends by it.
pub fn document(view: &View<'_>) -> Value {
    let node = |node: Node| json!({"id": node.id, "kind": node.kind, "label": node.label, "words": node.words});
    let edge = |edge: &Edge| {
        let mut value = json!({
            "from": view.path(edge.from),
            "to": id(view, edge.to),
            "kind": edge.kind.word(),
            "within": view.path(edge.within),
            "line": edge.at.line,
        });
        for (name, text) in [("label", &edge.label), ("subpath", &edge.subpath)] {
            if let Some(text) = text {
                value[name] = text.as_str().into();
            }
        }
        value
    };
    let nodes: Vec<Value> = nodes(view).into_iter().map(node).collect();
    let edges: Vec<Value> = edges(view).map(edge).collect();
    json!({"schema": 1, "nodes": nodes, "edges": edges})
}

fn edges<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Edge> {
    view.graph.edges().iter().filter(|edge| view.sees(edge))
}

/// What names a node: a path, or behind `missing:` and `tag:` what is none.
fn id(view: &View<'_>, target: Target) -> String {
    match target {
        Target::File(id) => view.path(id).to_owned(),
        Target::Missing(id) => format!("missing:{}", view.graph.missing(id)),
        Target::Tag(id) => format!("tag:{}", view.graph.tag(id)),
    }
}

fn nodes(view: &View<'_>) -> Vec<Node> {
    let files = view.graph.files().all().map(|file| {
        let content = view.graph.source(file).map(|source| &source.content);
        let (kind, words) = match content {
            Some(Content::Note(note)) => ("note", note.words),
            Some(Content::Canvas(canvas)) => ("canvas", canvas.words),
            Some(Content::BrokenCanvas(..)) => ("canvas", 0),
            _ => ("file", 0),
        };
        let label = view.graph.title(file).to_owned();
        Node { id: id(view, Target::File(file)), kind, label, words: words.into() }
    });
    let other = |target: Target, kind, label: &str| Node {
        id: id(view, target),
        kind,
        label: label.to_owned(),
        words: 0,
    };
    let missing = view.graph.all_missing();
    let missing = missing.map(|(id, name)| other(Target::Missing(id), "missing", name));
    let tags = view.graph.tags().map(|(id, tag)| other(Target::Tag(id), "tag", tag));
    files.chain(missing).chain(tags).collect()
}

fn graphml(view: &View<'_>) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n",
    );
    let keys = [
        ("node", "kind", "string"),
        ("node", "label", "string"),
        ("node", "words", "long"),
        ("edge", "type", "string"),
        ("edge", "line", "long"),
        ("edge", "text", "string"),
    ];
    for (of, name, kind) in keys {
        put(
            &mut out,
            format_args!(
                "  <key id=\"{name}\" for=\"{of}\" attr.name=\"{name}\" attr.type=\"{kind}\"/>\n"
            ),
        );
    }
    out.push_str("  <graph edgedefault=\"directed\">\n");
    for node in nodes(view) {
        let (id, label) = (xml(&node.id), xml(&node.label));
        put(
            &mut out,
            format_args!(
                "    <node id=\"{id}\"><data key=\"kind\">{}</data><data key=\"label\">{label}</data><data key=\"words\">{}</data></node>\n",
                node.kind, node.words,
            ),
        );
    }
    for edge in edges(view) {
        let text =
            edge.label.as_deref().map(|text| format!("<data key=\"text\">{}</data>", xml(text)));
        put(
            &mut out,
            format_args!(
                "    <edge source=\"{}\" target=\"{}\"><data key=\"type\">{}</data><data key=\"line\">{}</data>{}</edge>\n",
                xml(view.path(edge.from)),
                xml(&id(view, edge.to)),
                edge.kind.word(),
                edge.at.line,
                text.unwrap_or_default(),
            ),
        );
    }
    out.push_str("  </graph>\n</graphml>\n");
    out
}

fn dot(view: &View<'_>) -> String {
    let mut out = String::from("digraph vault {\n  node [shape=box];\n");
    for node in nodes(view) {
        let shape = match node.kind {
            "tag" => ", shape=ellipse",
            "missing" => ", style=dashed",
            _ => "",
        };
        put(
            &mut out,
            format_args!("  {} [label={}{shape}];\n", quoted(&node.id), quoted(&node.label)),
        );
    }
    for edge in edges(view) {
        let label = edge.label.as_deref().map(|text| format!(", label={}", quoted(text)));
        put(
            &mut out,
            format_args!(
                "  {} -> {} [class={}{}];\n",
                quoted(view.path(edge.from)),
                quoted(&id(view, edge.to)),
                quoted(edge.kind.word()),
                label.unwrap_or_default(),
            ),
        );
    }
    out.push_str("}\n");
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}

/// A text in XML, between tags or in an attribute.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => put(&mut out, format_args!("&#{};", c as u32)),
            c if (c as u32) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A text in DOT, in quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' | '\r' => out.push_str("\\n"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    fn vault() -> Sketch {
        Sketch::of(&[
            ("a\"<&>\\.md", "[[b]] [[no'\u{1}pe]] #tag\n"),
            ("b.md", "---\n\"k\\\"<\": \"[[b]]\"\n---\n"),
        ])
    }

    #[test]
    fn json_names_every_end_of_every_edge() {
        let vault = vault();
        let document: Value = serde_json::from_str(&export(&vault.view(), Format::Json)).unwrap();
        let nodes = document["nodes"].as_array().unwrap();
        let ids: Vec<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["a\"<&>\\.md", "b.md", "missing:no'\u{1}pe", "tag:tag"]);
        let edges = document["edges"].as_array().unwrap();
        assert_eq!(edges.len(), 4);
        for edge in edges {
            assert!(ids.contains(&edge["from"].as_str().unwrap()));
            assert!(ids.contains(&edge["to"].as_str().unwrap()));
        }
    }

    #[test]
    fn xml_and_dot_are_escaped() {
        let vault = vault();
        let xml = export(&vault.view(), Format::Graphml);
        assert!(xml.contains("<node id=\"a&quot;&lt;&amp;&gt;\\.md\">"));
        assert!(xml.contains("missing:no&apos;\u{fffd}pe"), "{xml}");
        assert!(xml.contains("<data key=\"text\">k&quot;&lt;</data>"), "{xml}");
        assert!(!xml.contains('\u{1}'));
        let dot = export(&vault.view(), Format::Dot);
        assert!(dot.contains(r#""a\"<&>\\.md" -> "b.md" [class="link"];"#), "{dot}");
        assert!(dot.contains(r#"label="k\"<""#), "{dot}");
        assert_eq!(dot.lines().last(), Some("}"));
    }
}
