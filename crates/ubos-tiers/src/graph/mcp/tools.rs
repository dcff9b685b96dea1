//! The questions as tools: what each takes, and how it is called.

use serde_json::{Map, Value, json};

use super::super::ask::{Question, Request};
use super::super::desk::hint;
use super::super::model::EdgeKind;
use super::{Fault, INVALID_PARAMS, Server};

/// Rows of a list, if nothing else is asked for, and at most.
const ROWS: usize = 50;
const MAX_ROWS: usize = 1000;

/// Name, what it is for, what it takes (name, schema, whether it must be there).
type Tool = (&'static str, &'static str, Vec<(&'static str, Value, bool)>);

fn tools() -> Vec<Tool> {
    let note = || ("note", text("A note: its path, title or [[link]]"), true);
    let kinds = || ("kinds", kinds(), false);
    let depth = |most: u32| {
        (
            "depth",
            json!({"type": "integer", "minimum": 1, "maximum": most, "description": "Most steps"}),
            false,
        )
    };
    vec![
        (
            "stats",
            "The vault in numbers: notes, links, broken links, tags, connected parts",
            vec![],
        ),
        ("links", "What a note refers to, with line and sentence", vec![note(), kinds()]),
        ("backlinks", "What refers to a note, with line and sentence", vec![note(), kinds()]),
        (
            "neighbours",
            "What is around a note, step by step",
            vec![note(), depth(20), ("direction", one_of(&["both", "out", "in"]), false), kinds()],
        ),
        (
            "path",
            "Why two notes are connected: the shortest chains of references, with the sentences",
            vec![
                ("from", text("One note"), true),
                ("to", text("The other note"), true),
                (
                    "count",
                    json!({"type": "integer", "minimum": 1, "maximum": 20, "description": "How many chains"}),
                    false,
                ),
                ("directed", flag("Count references only forwards"), false),
                kinds(),
            ],
        ),
        (
            "impact",
            "What depends on a note, and which links break or lead elsewhere if it is deleted, or renamed",
            vec![note(), depth(50), ("rename", text("A new path or name for it"), false), kinds()],
        ),
        ("broken", "Links that lead nowhere: why, and what to write instead", vec![]),
        ("orphans", "Notes that nothing links to, dead ends, isolated notes, unused files", vec![]),
        (
            "tags",
            "All tags with counts, or where one tag is used",
            vec![("tag", text("A tag"), false)],
        ),
        (
            "search",
            "Full text in Obsidian's search language (words, OR, -, \"phrase\", /regex/, path: file: tag: line:() section:() task: [property:value]), ranked, with lines",
            vec![
                ("query", text("The search"), true),
                (
                    "snippets",
                    json!({"type": "integer", "minimum": 0, "maximum": 20, "description": "Most lines of each file"}),
                    false,
                ),
            ],
        ),
        (
            "similar",
            "Notes like one: named together with it, or with the same neighbours",
            vec![
                note(),
                (
                    "by",
                    one_of(&["co-citation", "jaccard", "adamic-adar", "overlap", "common"]),
                    false,
                ),
                kinds(),
            ],
        ),
        (
            "central",
            "Notes that matter most, by PageRank, betweenness, degree or HITS",
            vec![
                (
                    "by",
                    one_of(&["pagerank", "betweenness", "degree", "in", "out", "hub", "authority"]),
                    false,
                ),
                kinds(),
            ],
        ),
        (
            "clusters",
            "Notes that belong together",
            vec![
                ("method", one_of(&["louvain", "labels"]), false),
                ("seed", json!({"type": "integer", "minimum": 0}), false),
                kinds(),
            ],
        ),
        (
            "query",
            "Notes by their properties, such as: status = active and folder = missions sort by date desc",
            vec![("query", text("The query"), true)],
        ),
        (
            "diff",
            "How notes, links and tags changed since a time or a run of the sync, by the snapshots of its backup",
            vec![(
                "since",
                text(
                    "A time (2026-11-20T14:05, or 2h, 3d, 1w ago), a run's id, or `last` for the last run that changed something",
                ),
                true,
            )],
        ),
        (
            "read",
            "The text of a note, in parts of bounded size",
            vec![
                note(),
                (
                    "from",
                    json!({"type": "integer", "minimum": 1, "description": "First line"}),
                    false,
                ),
            ],
        ),
    ]
}

fn text(what: &str) -> Value {
    json!({"type": "string", "description": what})
}

fn flag(what: &str) -> Value {
    json!({"type": "boolean", "description": what})
}

fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

fn kinds() -> Value {
    let words: Vec<&str> = EdgeKind::ALL.iter().map(|kind| kind.word()).collect();
    json!({
        "type": "array",
        "items": {"type": "string", "enum": words},
        "description": "Only these kinds of references",
    })
}

/// All tools with the schemas of what they take.
pub(super) fn list() -> Vec<Value> {
    let tool = |(name, what, takes): Tool| {
        let required: Vec<&str> =
            takes.iter().filter(|(.., must)| *must).map(|(name, ..)| *name).collect();
        let mut properties: Map<String, Value> =
            takes.iter().map(|(name, schema, _)| ((*name).to_owned(), schema.clone())).collect();
        if name != "read" {
            let limit = json!({"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": ROWS, "description": "Most rows of each list"});
            properties.insert("limit".into(), limit);
            properties.insert("soft".into(), flag("Count also what is only mentioned, and copies"));
            properties.insert("parity".into(), flag("Count only what Obsidian itself counts"));
        }
        json!({
            "name": name,
            "description": what,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
            "annotations": {"readOnlyHint": true, "openWorldHint": false},
        })
    };
    tools().into_iter().map(tool).collect()
}

/// Calls a tool.
pub(super) fn call(server: &mut Server<'_>, params: &Value) -> Result<Value, Fault> {
    let name = params.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| Fault(INVALID_PARAMS, "a tool's `name` is missing".into()))?;
    if !tools().iter().any(|(known, ..)| *known == name) {
        return Err(Fault(INVALID_PARAMS, format!("there is no tool `{name}`")));
    }
    let arguments = match params.get("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(Fault(INVALID_PARAMS, "`arguments` is no object".into())),
    };
    let request = request(name, arguments)
        .map_err(|why| Fault(INVALID_PARAMS, format!("the arguments of `{name}`: {why}")))?;
    let today = (server.today)();
    Ok(match server.fresh()?.answer(&request, today) {
        Ok(answer) => {
            let value = serde_json::to_value(&answer)
                .map_err(|e| Fault(super::INTERNAL_ERROR, e.to_string()))?;
            json!({
                "content": [{"type": "text", "text": value.to_string()}],
                "structuredContent": value,
                "isError": false,
            })
        }
        // What an agent can mend by asking otherwise is an answer of the tool, not of the protocol.
        Err(why) => {
            let text = format!("{why}. Hint: {}", hint(&why));
            json!({"content": [{"type": "text", "text": text}], "isError": true})
        }
    })
}

fn request(name: &str, mut arguments: Map<String, Value>) -> Result<Request, String> {
    let mut flag = |name: &str| match arguments.remove(name) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| format!("`{name}` is neither true nor false")),
    };
    let (soft, parity) = (flag("soft")?, flag("parity")?);
    let limit = match arguments.remove("limit") {
        None | Some(Value::Null) => ROWS,
        Some(value) => {
            let number = value.as_u64().ok_or("`limit` is no number of rows")?;
            usize::try_from(number).unwrap_or(MAX_ROWS).clamp(1, MAX_ROWS)
        }
    };
    arguments.insert("question".to_owned(), name.into());
    let ask: Question =
        serde_json::from_value(Value::Object(arguments)).map_err(|e| e.to_string())?;
    Ok(Request { ask, soft, parity, limit: Some(limit) })
}
