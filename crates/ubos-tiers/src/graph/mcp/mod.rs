//! The graph for agents: a server of the Model Context Protocol, one JSON-RPC 2.0 message a line.
//!
//! It only reads. Every question is a tool, every note a resource; before each answer the vault is
//! looked at again. Paths are looked up among the vault's files and nowhere else, so that none leaves
//! it. Whatever comes in is answered or, where nothing can be said, passed over; nothing ends the
//! server but the end of its input.

mod resources;
mod tools;

use std::io::{self, BufRead, Write};

use jiff::civil::Date;
use serde_json::{Value, json};

use super::desk::Desk;

/// Versions of the protocol that are spoken, the newest first.
const VERSIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];
/// Longest message that is read, in bytes.
const MAX_LINE: usize = 4 << 20;
/// Most messages in one batch.
const MAX_BATCH: usize = 64;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;
const NOT_FOUND: i64 = -32002;

/// What went wrong with a request: a code and a sentence.
#[derive(Debug)]
struct Fault(i64, String);

/// The server.
pub struct Server<'a> {
    desk: Desk,
    build: &'a str,
    today: &'a dyn Fn() -> Date,
}

impl<'a> Server<'a> {
    /// A server over a vault. `build` is what the program calls itself; `today` tells the day.
    pub fn new(desk: Desk, build: &'a str, today: &'a dyn Fn() -> Date) -> Self {
        Self { desk, build, today }
    }

    /// Serves until `input` ends.
    ///
    /// # Errors
    /// If `input` cannot be read or `output` not be written.
    pub fn serve(&mut self, input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<()> {
        while let Some(line) = next_line(input)? {
            if let Some(reply) = self.line(&line) {
                let mut text = reply.to_string();
                text.push('\n');
                output.write_all(text.as_bytes())?;
                output.flush()?;
            }
        }
        Ok(())
    }

    /// The reply to one line, if it wants one.
    fn line(&mut self, line: &[u8]) -> Option<Value> {
        if line.len() > MAX_LINE {
            return Some(failed(Value::Null, &Fault(INVALID_REQUEST, too_long())));
        }
        if line.trim_ascii().is_empty() {
            return None;
        }
        match serde_json::from_slice(line) {
            Ok(Value::Array(batch)) => self.batch(batch),
            Ok(message) => self.message(message),
            Err(e) => Some(failed(Value::Null, &Fault(PARSE_ERROR, format!("no JSON: {e}")))),
        }
    }

    fn batch(&mut self, batch: Vec<Value>) -> Option<Value> {
        if batch.is_empty() || batch.len() > MAX_BATCH {
            let message = format!("a batch has 1 to {MAX_BATCH} messages");
            return Some(failed(Value::Null, &Fault(INVALID_REQUEST, message)));
        }
        let replies: Vec<Value> = batch.into_iter().filter_map(|m| self.message(m)).collect();
        (!replies.is_empty()).then_some(Value::Array(replies))
    }

    fn message(&mut self, message: Value) -> Option<Value> {
        let id = message.get("id").cloned();
        let sound = message.get("jsonrpc").and_then(Value::as_str) == Some("2.0")
            && id.as_ref().is_none_or(|id| id.is_string() || id.is_number());
        let Some(method) = message.get("method").and_then(Value::as_str).filter(|_| sound) else {
            // A response to something that was never asked is passed over.
            let is_response = message.get("result").is_some() || message.get("error").is_some();
            let id = id.filter(|id| id.is_string() || id.is_number()).unwrap_or(Value::Null);
            let fault = Fault(INVALID_REQUEST, "this is no request of JSON-RPC 2.0".to_owned());
            return (!is_response).then(|| failed(id, &fault));
        };
        // What has no id wants no answer, whatever it says.
        let id = id?;
        let params = message.get("params").cloned().unwrap_or_else(|| json!({}));
        Some(match self.call(method, &params) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(fault) => failed(id, &fault),
        })
    }

    fn call(&mut self, method: &str, params: &Value) -> Result<Value, Fault> {
        if !params.is_object() {
            return Err(Fault(INVALID_PARAMS, "`params` is no object".to_owned()));
        }
        match method {
            "initialize" => Ok(self.initialize(params)),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(json!({"tools": tools::list()})),
            "tools/call" => tools::call(self, params),
            "resources/list" => resources::list(self, params),
            "resources/read" => resources::read(self, params),
            "resources/templates/list" => Ok(json!({"resourceTemplates": resources::templates()})),
            _ => Err(Fault(METHOD_NOT_FOUND, format!("there is no `{method}` here"))),
        }
    }

    fn initialize(&self, params: &Value) -> Value {
        let asked = params.get("protocolVersion").and_then(Value::as_str);
        let version = VERSIONS.iter().find(|known| asked == Some(**known)).unwrap_or(&VERSIONS[0]);
        json!({
            "protocolVersion": version,
            "capabilities": {"tools": {}, "resources": {}},
            "serverInfo": {"name": "ubos-sync graph", "version": self.build},
            "instructions": "Questions about an Obsidian vault: its notes, links, tags, properties and \
                full text. Notes are named by path, title or [[link]]. Nothing is changed.",
        })
    }

    /// The vault as it is now.
    fn fresh(&mut self) -> Result<&mut Desk, Fault> {
        match self.desk.refresh() {
            Ok(_) => Ok(&mut self.desk),
            Err(e) => Err(Fault(INTERNAL_ERROR, e.to_string())),
        }
    }
}

fn too_long() -> String {
    format!("a message has at most {MAX_LINE} bytes")
}

fn failed(id: Value, Fault(code, message): &Fault) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

/// The next line without its end; `None` at the end of input. Of one that is too long only so much is
/// kept that this shows.
fn next_line(input: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let part = match input.fill_buf() {
            Ok(part) => part,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if part.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let taken = &part[..end.unwrap_or(part.len())];
        let room = (MAX_LINE + 1).saturating_sub(line.len());
        line.extend_from_slice(&taken[..taken.len().min(room)]);
        let used = end.map_or(part.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests;
