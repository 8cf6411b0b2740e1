//! Definition texts as recordings carry them (`ros2msg`): a type's own file, then the files it refers to, each
//! after a line of 80 `=` and a line `MSG: package/Name`.

use crate::model::TypeName;

/// The line before each further file.
const SEPARATOR: &str = "================================================================================";

/// Joins the text of a type with those of the types that it refers to.
pub fn join_definitions<'a>(root: &str, referenced: impl IntoIterator<Item = (&'a TypeName, &'a str)>) -> String {
    let mut joined = root.to_owned();
    for (name, text) in referenced {
        if !joined.ends_with('\n') {
            joined.push('\n');
        }
        joined.push_str(&format!("{SEPARATOR}\nMSG: {}/{}\n{text}", name.package, name.name));
    }
    joined
}

/// Takes a joined text apart again: names and texts, `root` first. The names are as they stand in the text.
pub fn split_definitions<'a>(root: &'a str, joined: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut parts = Vec::new();
    let (mut name, mut start, mut at) = (root, 0, 0);
    let mut after_separator = None;
    for line in joined.split_inclusive('\n') {
        let text = line.trim_end();
        match (after_separator.take(), text.strip_prefix("MSG: ")) {
            (Some(end), Some(next)) => {
                parts.push((name, joined.get(start..end).unwrap_or_default()));
                (name, start) = (next.trim(), at + line.len());
            }
            _ if text.len() >= SEPARATOR.len() && text.bytes().all(|byte| byte == b'=') => after_separator = Some(at),
            _ => {}
        }
        at += line.len();
    }
    parts.push((name, joined.get(start..).unwrap_or_default()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_joined_comes_apart_again() {
        let (b, c) = (TypeName::parse("a/B").unwrap(), TypeName::parse("d/C").unwrap());
        let joined = join_definitions("B b\nd/C c\n", [(&b, "bool x\n"), (&c, "")]);
        let expected = [("a/A", "B b\nd/C c\n"), ("a/B", "bool x\n"), ("d/C", "")];
        assert_eq!(split_definitions("a/A", &joined), expected);
        assert!(joined.contains(&format!("\n{}\nMSG: a/B\n", "=".repeat(80))));
    }

    #[test]
    fn a_text_without_separators_is_one_definition() {
        assert_eq!(split_definitions("a/A", "bool x"), [("a/A", "bool x")]);
    }
}
