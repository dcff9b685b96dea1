//! JSON taken apart into the very texts that stand in it, for those who change a part of a file and
//! leave the rest as it is written.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of the object that `text` is, in their order: key (with its quotes) and value as they are
/// written, also those of one name. `None` if it is no object.
pub fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(&'de RawValue, &'de RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let members = serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()?;
    Some(members.into_iter().map(|(key, value)| (key.get(), value.get())).collect())
}

/// The elements of the list that `text` is, as they are written. `None` if it is no list.
pub fn elements(text: &str) -> Option<Vec<&str>> {
    struct Elements;
    impl<'de> Visitor<'de> for Elements {
        type Value = Vec<&'de RawValue>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = seq.next_element()? {
                elements.push(element);
            }
            Ok(elements)
        }
    }
    let elements = serde_json::Deserializer::from_str(text).deserialize_seq(Elements).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_what_is_written() {
        let text = r#"{ "a" : 1.50, "a": [ 1e3 ], "\u0062": null }"#;
        let expected = [(r#""a""#, "1.50"), (r#""a""#, "[ 1e3 ]"), (r#""\u0062""#, "null")];
        assert_eq!(members(text).unwrap(), expected);
        assert_eq!(elements(r#"[ "x",{ "y":1 } ]"#).unwrap(), [r#""x""#, r#"{ "y":1 }"#]);
        assert_eq!((members("[1]"), elements("{}"), members("{,}")), (None, None, None));
    }
}
