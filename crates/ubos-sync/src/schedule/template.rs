//! Text with holes: `{{name}}`.

/// Fills the holes of `template`, each by its value.
///
/// A hole without a value, or a value for which there is no hole in any template, is a mistake of
/// this program; the first is found by the tests, which fill every template.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").expect("templates close their holes");
        let value = values.iter().find(|(known, _)| *known == name);
        text.push_str(before);
        text.push_str(value.unwrap_or_else(|| panic!("no value for {name}")).1);
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_once_and_values_are_not_read_again() {
        let text = fill("a {{x}} b {{y}}{{x}}\n", &[("x", "{{y}}"), ("y", "")]);
        assert_eq!(text, "a {{y}} b {{y}}\n");
    }
}
