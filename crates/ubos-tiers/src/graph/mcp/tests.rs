//! What the server says, line by line.

use std::fs;
use std::io::Cursor;

use serde_json::{Value, json};

use super::super::vaults::Random;
use super::*;

fn vault() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("docs")).unwrap();
    fs::create_dir_all(folder.path().join(".hidden")).unwrap();
    fs::write(folder.path().join("docs/plan b.md"), "See [[goal]] now.\n").unwrap();
    fs::write(folder.path().join("goal.md"), "# Goal\n").unwrap();
    fs::write(folder.path().join(".hidden/secret.md"), "key").unwrap();
    fs::write(folder.path().join("p.png"), "x").unwrap();
    folder
}

fn talk(vault: &std::path::Path, input: &[u8]) -> Vec<Value> {
    let today = || jiff::civil::date(2026, 1, 1);
    let mut server = Server::new(Desk::at(vault), "test", &today);
    let mut output = Vec::new();
    server.serve(&mut Cursor::new(input), &mut output).unwrap();
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn ask(vault: &std::path::Path, method: &str, params: Value) -> Value {
    let line = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
    let replies = talk(vault, line.as_bytes());
    assert_eq!((replies.len(), &replies[0]["id"]), (1, &json!(7)), "{replies:?}");
    replies[0].clone()
}

#[test]
fn the_version_is_negotiated() {
    let vault = vault();
    let version = |asked: Value| {
        let reply = ask(vault.path(), "initialize", json!({"protocolVersion": asked}));
        reply["result"]["protocolVersion"].as_str().unwrap().to_owned()
    };
    assert_eq!(version(json!("2024-11-05")), "2024-11-05");
    assert_eq!(version(json!("2025-03-26")), "2025-03-26");
    assert_eq!(version(json!("2031-01-01")), "2025-06-18");
    assert_eq!(version(json!(null)), "2025-06-18");
}

#[test]
fn every_tool_has_a_schema_and_answers() {
    let vault = vault();
    let list = ask(vault.path(), "tools/list", json!({}));
    let tools = list["result"]["tools"].as_array().unwrap().clone();
    assert_eq!(tools.len(), 16);
    for tool in &tools {
        let schema = &tool["inputSchema"];
        let mut arguments = serde_json::Map::new();
        for name in schema["required"].as_array().unwrap() {
            let value = if name == "query" { "words > 0" } else { "goal" };
            arguments.insert(name.as_str().unwrap().to_owned(), value.into());
            assert!(schema["properties"][name.as_str().unwrap()].is_object());
        }
        let params = json!({"name": tool["name"], "arguments": arguments});
        let reply = ask(vault.path(), "tools/call", params);
        let result = &reply["result"];
        if tool["name"] == "diff" {
            // A folder that is no territory has no former states, and the agent is told so.
            let said = result["content"][0]["text"].as_str().unwrap();
            assert!(result["isError"] == true && said.contains("no territory"), "{reply}");
            continue;
        }
        assert_eq!(result["isError"], false, "{reply}");
        assert_eq!(result["structuredContent"]["question"], tool["name"]);
        let text: Value =
            serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
        // Every word that a schema offers is understood.
        for (name, property) in schema["properties"].as_object().unwrap() {
            for word in property["enum"].as_array().into_iter().flatten() {
                let mut with = arguments.clone();
                with.insert(name.clone(), word.clone());
                let params = json!({"name": tool["name"], "arguments": with});
                assert!(
                    ask(vault.path(), "tools/call", params)["error"].is_null(),
                    "{name} {word}"
                );
            }
        }
    }
}

#[test]
fn a_question_without_answer_is_the_tools_fault_and_a_wrong_one_the_callers() {
    let vault = vault();
    let call = |name: &str, arguments: Value| {
        ask(vault.path(), "tools/call", json!({"name": name, "arguments": arguments}))
    };
    let unknown = call("links", json!({"note": "gaol"}));
    assert_eq!(unknown["result"]["isError"], true);
    assert!(unknown["result"]["content"][0]["text"].as_str().unwrap().contains("goal.md"));
    for (name, arguments) in [
        ("nothing", json!({})),
        ("links", json!({})),
        ("links", json!({"note": 4})),
        ("links", json!({"note": "goal", "other": 1})),
        ("links", json!({"note": "goal", "kinds": ["no"]})),
        ("stats", json!({"soft": "yes"})),
        ("stats", json!({"limit": -1})),
        ("stats", json!([])),
    ] {
        assert_eq!(
            call(name, arguments.clone())["error"]["code"],
            INVALID_PARAMS,
            "{name} {arguments}"
        );
    }
}

#[test]
fn notes_are_read_and_nothing_else_is() {
    let vault = vault();
    let list = ask(vault.path(), "resources/list", json!({}));
    let uris: Vec<&str> = list["result"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["uri"].as_str().unwrap())
        .collect();
    assert_eq!(uris, ["vault:///docs/plan%20b.md", "vault:///goal.md"]);
    let read = ask(vault.path(), "resources/read", json!({"uri": uris[0]}));
    assert_eq!(read["result"]["contents"][0]["text"], "See [[goal]] now.\n");
    for uri in [
        "vault:///../goal.md",
        "vault:///.hidden/secret.md",
        "vault:///docs/../goal.md",
        "vault:////etc/passwd",
        "vault:///%2e%2e/x.md",
        "vault:///p.png",
        "vault:///%zz",
        "file:///etc/passwd",
        "",
    ] {
        let reply = ask(vault.path(), "resources/read", json!({"uri": uri}));
        assert_eq!(reply["error"]["code"], NOT_FOUND, "{uri}: {reply}");
    }
    assert_eq!(
        ask(vault.path(), "resources/list", json!({"cursor": "x"}))["error"]["code"],
        INVALID_PARAMS
    );
    assert_eq!(ask(vault.path(), "resources/read", json!({}))["error"]["code"], INVALID_PARAMS);
}

#[test]
fn long_lists_come_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..450 {
        fs::write(folder.path().join(format!("n{number:03}.md")), "").unwrap();
    }
    let mut seen = 0;
    let mut cursor = Value::Null;
    loop {
        let reply = ask(folder.path(), "resources/list", json!({"cursor": cursor}));
        seen += reply["result"]["resources"].as_array().unwrap().len();
        cursor = reply["result"]["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, 450);
}

#[test]
fn whatever_comes_in_the_next_request_is_answered() {
    let vault = vault();
    let ping = "{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}\n";
    let cases: [(&[u8], Option<i64>); 14] = [
        (b"nonsense", Some(PARSE_ERROR)),
        (b"\xff\xfe", Some(PARSE_ERROR)),
        (b"4", Some(INVALID_REQUEST)),
        (b"{}", Some(INVALID_REQUEST)),
        (b"[]", Some(INVALID_REQUEST)),
        (br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, Some(INVALID_REQUEST)),
        (br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, Some(INVALID_REQUEST)),
        (br#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, Some(METHOD_NOT_FOUND)),
        (br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1]}"#, Some(INVALID_PARAMS)),
        (br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, None),
        (br#"{"jsonrpc":"2.0","method":"tools/call","params":{}}"#, None),
        (br#"{"jsonrpc":"2.0","id":9,"result":{}}"#, None),
        (b"   ", None),
        (br#"[{"jsonrpc":"2.0","method":"notifications/cancelled"}]"#, None),
    ];
    for (line, code) in cases {
        let input = [line, b"\n", ping.as_bytes()].concat();
        let replies = talk(vault.path(), &input);
        let shown = String::from_utf8_lossy(line);
        assert_eq!(replies.last().unwrap()["id"], "last", "{shown}");
        assert_eq!(replies.len(), 1 + usize::from(code.is_some()), "{shown}");
        assert_eq!(replies[0]["error"]["code"].as_i64(), code, "{shown}");
    }
    let long = [vec![b'x'; MAX_LINE * 2], b"\n".to_vec(), ping.as_bytes().to_vec()].concat();
    let replies = talk(vault.path(), &long);
    assert_eq!((replies.len(), &replies[0]["error"]["code"]), (2, &json!(INVALID_REQUEST)));
    let deep = [vec![b'['; 100_000], b"\n".to_vec(), ping.as_bytes().to_vec()].concat();
    assert_eq!(talk(vault.path(), &deep)[0]["error"]["code"], PARSE_ERROR);
}

#[test]
fn a_batch_is_answered_as_one() {
    let vault = vault();
    let batch = br#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},7]"#;
    let replies = talk(vault.path(), batch);
    assert_eq!(replies.len(), 1);
    let all = replies[0].as_array().unwrap();
    assert_eq!(
        (all.len(), &all[0]["id"], &all[1]["error"]["code"]),
        (2, &json!(1), &json!(INVALID_REQUEST))
    );
}

#[test]
fn an_answer_is_of_the_vault_as_it_is_now() {
    let vault = vault();
    let today = || jiff::civil::date(2026, 1, 1);
    let mut server = Server::new(Desk::at(vault.path()), "test", &today);
    let line = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"backlinks","arguments":{"note":"goal"}}}"#;
    let mut total = || server.line(line).unwrap()["result"]["structuredContent"]["total"].clone();
    assert_eq!(total(), 1);
    fs::write(vault.path().join("new.md"), "[[goal]]").unwrap();
    assert_eq!(total(), 2);
    fs::remove_file(vault.path().join("docs/plan b.md")).unwrap();
    assert_eq!(total(), 1);
}

#[test]
fn no_noise_ends_it() {
    let vault = vault();
    let parts = [
        "{",
        "}",
        "\"jsonrpc\":\"2.0\"",
        ",",
        "\"id\":1",
        "\"method\":\"tools/call\"",
        "\"params\":{}",
        "[",
        "]",
        "\n",
        "null",
        "\"é\"",
    ];
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut input: String = (0..40).map(|_| random.one_of(&parts)).collect();
        input.push_str("\n{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}\n");
        let replies = talk(vault.path(), input.as_bytes());
        assert_eq!(replies.last().unwrap()["id"], "last", "seed {seed}");
    }
}
