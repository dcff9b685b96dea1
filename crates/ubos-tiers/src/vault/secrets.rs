//! Settings of plugins that hold a secret, told by their keys.

use serde_json::Value;

/// Endings of keys, in small letters and without what joins words, under which secrets stand.
const TELLING: [&str; 10] = [
    "apikey",
    "token",
    "secret",
    "password",
    "passphrase",
    "passwd",
    "privatekey",
    "accesskey",
    "secretkey",
    "credential",
];

/// Deepest nesting that is looked into; the parser takes no more either.
const MAX_DEPTH: usize = 128;

/// The keys under which a text that is not empty stands, as a path such as `openai.apiKey`. The values
/// themselves are never told.
pub fn held(data: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        look(&value, "", false, 0, &mut found);
    }
    found
}

fn look(value: &Value, at: &str, telling: bool, depth: usize, found: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::String(text) if telling && says_something(text) => found.push(at.to_owned()),
        Value::Array(items) => {
            items.iter().for_each(|item| look(item, at, telling, depth + 1, found));
        }
        Value::Object(map) => {
            for (key, value) in map {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                look(value, &at, telling || tells(key), depth + 1, found);
            }
        }
        _ => {}
    }
}

fn tells(key: &str) -> bool {
    let plain: String =
        key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    TELLING.iter().any(|end| plain.ends_with(end))
}

/// Whether a value can be a secret: no placeholder, and no word of a choice.
fn says_something(text: &str) -> bool {
    let text = text.trim();
    let is_blotted = text.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '•'));
    let is_placeholder = text.starts_with(['<', '{', '$']) && text.ends_with(['>', '}']);
    text.len() >= 8 && !text.contains(' ') && !is_blotted && !is_placeholder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_and_values_are_not() {
        let data = br#"{"openAIApiKey":"sk-123456789","github":{"access_token":"ghp_abcdefgh"},
            "keys":{"privateKey":{"pem":"MIIEvQIBADANBg"}},"tokens":12,"apiKey":"","secret":"${TOKEN_X}",
            "password":"********","tokenizer":"cl100k_base_x"}"#;
        assert_eq!(held(data), ["github.access_token", "keys.privateKey.pem", "openAIApiKey"]);
    }

    #[test]
    fn what_does_not_parse_tells_nothing() {
        assert!(held(b"{\"apiKey\":\"sk-123456789\"").is_empty());
    }
}
