//! Doc comments from schema comments: prose of strangers, which rustdoc must neither run nor stumble over.

use std::time::Duration;

use super::writer::Writer;
use crate::model::{Count, Element, Field, TextKind};

/// Writes `text` as a doc comment; nothing when it is empty.
pub(super) fn docs(writer: &mut Writer, text: &str) {
    for line in text.lines() {
        let line = escaped(line);
        writer.line(
            if line.is_empty() {
                "///".to_owned()
            } else {
                format!("/// {line}")
            }
            .as_str(),
        );
    }
}

/// A comment and what the schema says beyond it, in paragraphs.
pub(super) fn paragraphs(parts: impl IntoIterator<Item = String>) -> String {
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// The sentences about unit and limits of a field.
pub(super) fn field_facts(field: &Field) -> String {
    let mut sentences = Vec::new();
    if let Some(unit) = &field.unit {
        sentences.push(format!("Unit: {unit}."));
    }
    if let Element::Text {
        kind,
        bound: Some(bound),
    } = &field.field_type.element
    {
        let unit = match kind {
            TextKind::String => "bytes",
            TextKind::Wstring => "UTF-16 code units",
        };
        sentences.push(format!("At most {bound} {unit}."));
    }
    if let Count::Sequence { bound: Some(bound) } = field.field_type.count {
        sentences.push(format!("At most {bound} elements."));
    }
    if let Some((low, high)) = field.limits.range {
        sentences.push(format!("From {low} to {high}."));
    }
    if field.limits.finite {
        sentences.push("Finite.".to_owned());
    }
    if let Some(prefix) = &field.limits.enumeration {
        sentences.push(format!("One of the constants `{prefix}…`."));
    }
    if let Some(age) = field.limits.max_age {
        sentences.push(format!("At most {} old.", duration(age)));
    }
    sentences.join(" ")
}

/// `200 ms`
fn duration(age: Duration) -> String {
    let nanoseconds = age.as_nanos();
    match [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")]
        .iter()
        .find(|(size, _)| nanoseconds.is_multiple_of(*size))
    {
        Some((size, unit)) => format!("{} {unit}", nanoseconds / size),
        None => format!("{nanoseconds} ns"),
    }
}

/// One line without what Markdown or the compiler would act on: no code blocks (which rustdoc would run as tests),
/// no links, no HTML, no characters that change the direction of text.
pub(super) fn escaped(line: &str) -> String {
    // Code spans stay when they are closed; text inside them needs no escapes.
    let code_spans = line.matches('`').count().is_multiple_of(2) && !line.contains("``");
    let mut in_code = false;
    let mut out = String::new();
    for word in line.trim().split_inclusive(' ') {
        if let Some((address, rest)) = web_address(word).filter(|_| !in_code) {
            out.push_str(&format!("<{address}>{rest}"));
            continue;
        }
        for letter in word.chars() {
            match letter {
                '`' if code_spans => {
                    in_code = !in_code;
                    out.push(letter);
                }
                '[' | ']' | '<' | '>' | '\\' | '`' if !in_code => {
                    out.push('\\');
                    out.push(letter);
                }
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                letter if letter.is_control() => out.push(' '),
                letter => out.push(letter),
            }
        }
    }
    // Three tildes would begin a code block, too.
    if out.starts_with("~~~") {
        out.insert(0, '\\');
    }
    out.trim_end().to_owned()
}

/// A word that is a web address, without the punctuation behind it.
fn web_address(word: &str) -> Option<(&str, &str)> {
    let bare = word.trim_end();
    if !bare.starts_with("http://") && !bare.starts_with("https://") {
        return None;
    }
    let address = bare.trim_end_matches(['.', ',', ';', ':', ')', '>', '\'', '"']);
    let plain = address
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"<>`\\".contains(&byte));
    plain.then(|| word.split_at(address.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_cannot_become_code_links_or_html() {
        for (comment, doc) in [
            ("in [0, 1]", r"in \[0, 1\]"),
            ("```rust", r"\`\`\`rust"),
            ("    let x = 1;", "let x = 1;"),
            ("~~~", r"\~~~"),
            ("a <b> c", r"a \<b\> c"),
            ("the `[x]` of it", "the `[x]` of it"),
            ("one ` tick", r"one \` tick"),
            ("see https://example.org/a_b.", "see <https://example.org/a_b>."),
            ("back\u{202e}wards\u{7}", "backwards"),
        ] {
            assert_eq!(escaped(comment), doc, "{comment}");
        }
    }

    #[test]
    fn durations_are_whole_numbers_of_the_largest_unit() {
        for (nanoseconds, text) in [(200_000_000, "200 ms"), (1_500, "1500 ns"), (60_000_000_000, "60 s")] {
            assert_eq!(duration(Duration::from_nanos(nanoseconds)), text);
        }
    }
}
