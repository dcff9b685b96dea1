//! The notes as resources, `vault:///path`.

use serde_json::{Value, json};

use super::super::ask::MOST_READ;
use super::super::questions::Texts;
use super::super::tree;
use super::{Fault, INVALID_PARAMS, NOT_FOUND, Server};

/// How addresses begin.
const SCHEME: &str = "vault:///";
/// Resources on one page of the list.
const PAGE: usize = 200;

/// One page of the notes and canvases, by path.
pub(super) fn list(server: &mut Server<'_>, params: &Value) -> Result<Value, Fault> {
    let bad = || Fault(INVALID_PARAMS, "this `cursor` did not come from here".to_owned());
    let after = match params.get("cursor") {
        None | Some(Value::Null) => String::new(),
        Some(cursor) => {
            let cursor = cursor.as_str().and_then(|cursor| cursor.strip_prefix(SCHEME));
            cursor.and_then(decode).ok_or_else(bad)?
        }
    };
    let graph = server.fresh()?.graph(false);
    let mut paths: Vec<&str> = graph
        .files()
        .all()
        .map(|id| graph.files().path(id))
        .filter(|path| tree::is_read(path) && *path > after.as_str())
        .collect();
    paths.sort_unstable();
    let resource = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        json!({"uri": address(path), "name": path, "title": name, "mimeType": kind(path)})
    };
    let page: Vec<Value> = paths.iter().take(PAGE).map(resource).collect();
    let mut result = json!({"resources": page});
    if let Some(last) = paths.get(PAGE - 1).filter(|_| paths.len() > PAGE) {
        result["nextCursor"] = address(last).into();
    }
    Ok(result)
}

/// What a note says, its beginning where it is long.
pub(super) fn read(server: &mut Server<'_>, params: &Value) -> Result<Value, Fault> {
    let uri = params.get("uri").and_then(Value::as_str);
    let uri = uri.ok_or_else(|| Fault(INVALID_PARAMS, "a `uri` is missing".into()))?;
    let missing = || Fault(NOT_FOUND, format!("the vault has no `{uri}`"));
    let path = uri.strip_prefix(SCHEME).and_then(decode).ok_or_else(missing)?;
    let desk = server.fresh()?;
    // Only what the vault's own walk found is there; nothing else has a path here.
    desk.graph(false).files().at(&path).filter(|_| tree::is_read(&path)).ok_or_else(missing)?;
    let mut text = desk.index().text(&path).ok_or_else(missing)?;
    if text.len() > MOST_READ {
        text.truncate(text.floor_char_boundary(MOST_READ));
        text.push_str("\n\n[cut here; the tool `read` gives the rest]\n");
    }
    Ok(json!({"contents": [{"uri": uri, "mimeType": kind(&path), "text": text}]}))
}

/// How addresses of notes are made.
pub(super) fn templates() -> Value {
    json!([{
        "uriTemplate": "vault:///{+path}",
        "name": "note",
        "description": "A note or canvas of the vault by its path",
        "mimeType": "text/markdown",
    }])
}

fn kind(path: &str) -> &'static str {
    if tree::is_note(path) { "text/markdown" } else { "application/json" }
}

fn address(path: &str) -> String {
    let mut out = String::from(SCHEME);
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char);
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}
