//! Messages as people read them: YAML blocks, short lists on one line.

use std::fmt::Write;

use serde_json::Value;

use crate::sanitize;

/// How much of a list or text is shown, unless more or less is asked for: as in ROS 2.
pub(crate) const MOST_SHOWN: usize = 128;

/// How wide a list on one line may be, in characters.
const LINE_WIDTH: usize = 100;

/// How many elements of a list and characters of a text are shown.
pub(crate) fn most_shown(full_length: bool) -> Option<usize> {
    (!full_length).then_some(MOST_SHOWN)
}

/// A message as a YAML block that ends with a line end. Of lists and texts `most` elements and characters are shown, or all;
/// `note` says what stands as a comment beside the value of the field at a path such as `feet.position`.
pub(crate) fn block(value: &Value, most: Option<usize>, note: &dyn Fn(&str, &Value) -> Option<String>) -> String {
    let mut writer = Writer {
        out: String::new(),
        path: String::new(),
        most,
        note,
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => writer.fields(fields, 0),
        other => {
            let text = writer.scalar(other);
            let _ = writeln!(writer.out, "{text}");
        }
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    /// The field at hand.
    path: String,
    most: Option<usize>,
    note: &'a dyn Fn(&str, &Value) -> Option<String>,
}

impl Writer<'_> {
    fn fields(&mut self, fields: &serde_json::Map<String, Value>, depth: usize) {
        for (index, (name, value)) in fields.iter().enumerate() {
            // The first field of a list's item stands behind its dash.
            if index > 0 || !self.out.ends_with("- ") {
                self.indent(depth);
            }
            let _ = write!(self.out, "{name}:");
            let parent = self.path.len();
            if parent > 0 {
                self.path.push('.');
            }
            self.path.push_str(name);
            self.value(value, depth);
            self.path.truncate(parent);
        }
    }

    /// What stands behind `name:`.
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                self.out.push('\n');
                self.fields(fields, depth + 1);
            }
            Value::Array(items) if !items.is_empty() => match self.on_one_line(items) {
                Some(line) => self.line(&line, value),
                None => {
                    self.out.push('\n');
                    self.items(items, depth);
                }
            },
            scalar => self.line(&self.scalar(scalar), value),
        }
    }

    /// What stands behind `name:` on the same line, with the note beside it.
    fn line(&mut self, text: &str, value: &Value) {
        let _ = match (self.note)(&self.path, value) {
            Some(note) if !text.contains("  # ") => writeln!(self.out, " {text}  # {note}"),
            _ => writeln!(self.out, " {text}"),
        };
    }

    fn items(&mut self, items: &[Value], depth: usize) {
        for item in self.shown(items) {
            self.indent(depth);
            self.out.push_str("- ");
            match item {
                Value::Object(fields) if !fields.is_empty() => self.fields(fields, depth + 1),
                scalar => {
                    let text = self.scalar(scalar);
                    let _ = writeln!(self.out, "{text}");
                }
            }
        }
        if let Some(rest) = self.rest(items) {
            self.indent(depth);
            let _ = writeln!(self.out, "# {rest}");
        }
    }

    /// A list of numbers or short texts as `[1, 2, 3]`; one of messages or of long texts has no such line.
    fn on_one_line(&self, items: &[Value]) -> Option<String> {
        let shown = self.shown(items);
        if shown.iter().any(|item| item.is_object() || item.is_array()) {
            return None;
        }
        let texts: Vec<String> = shown.iter().map(|item| self.scalar(item)).collect();
        let numbers = shown.iter().all(|item| !item.is_string());
        let width: usize = texts.iter().map(|text| text.len() + 2).sum();
        if !numbers && width > LINE_WIDTH {
            return None;
        }
        let line = format!("[{}]", texts.join(", "));
        Some(match self.rest(items) {
            Some(rest) => format!("{line}  # {rest}"),
            None => line,
        })
    }

    fn shown<'a>(&self, items: &'a [Value]) -> &'a [Value] {
        self.most.and_then(|most| items.get(..most)).unwrap_or(items)
    }

    fn rest(&self, items: &[Value]) -> Option<String> {
        let hidden = items.len() - self.shown(items).len();
        (hidden > 0).then(|| format!("and {hidden} more; --full-length shows them"))
    }

    fn scalar(&self, value: &Value) -> String {
        match value {
            Value::String(text) => {
                let cut = self.most.and_then(|most| text.char_indices().nth(most));
                match cut.and_then(|(at, _)| text.get(..at)) {
                    Some(shown) => format!("{}  # and more; --full-length shows it", quoted(shown)),
                    None if is_plain(text) => text.clone(),
                    None => quoted(text),
                }
            }
            other => other.to_string(),
        }
    }

    fn indent(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n("  ", depth));
    }
}

/// A text as JSON writes it, which is YAML as well, with nothing in it that a terminal acts upon.
fn quoted(text: &str) -> String {
    sanitize::json(&Value::from(text).to_string()).into_owned()
}

/// Whether a text means itself in YAML without quotes, in a list as well.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '-' | '+' | '(' | ')' | '\'' | ' ');
    let begins = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '/'));
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    begins && !text.ends_with(' ') && text.chars().all(word) && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(value: &Value, whole: bool) -> String {
        block(value, most_shown(whole), &|_, _| None)
    }

    #[test]
    fn a_note_stands_beside_the_value_of_its_field() {
        let message = json!({"speed": 1.5, "feet": [{"at": [0, 1]}], "name": "x"});
        let note = |path: &str, _: &Value| ["speed", "feet.at"].contains(&path).then(|| format!("of {path}"));
        let expected = "speed: 1.5  # of speed\nfeet:\n- at: [0, 1]  # of feet.at\nname: x\n";
        assert_eq!(block(&message, most_shown(false), &note), expected);
    }

    #[test]
    fn a_message_is_a_block() {
        let message = json!({
            "header": {"stamp": {"sec": 1, "nanosec": 2}, "frame_id": "base link"},
            "empty": {}, "none": [], "numbers": [1, 2.5, -3], "names": ["a", "b c", "yes"],
            "feet": [{"down": true, "at": [0, 1]}, {"down": false, "at": []}],
        });
        insta::assert_snapshot!(plain(&message, false), @r#"
        header:
          stamp:
            sec: 1
            nanosec: 2
          frame_id: base link
        empty: {}
        none: []
        numbers: [1, 2.5, -3]
        names: [a, b c, "yes"]
        feet:
        - down: true
          at: [0, 1]
        - down: false
          at: []
        "#);
    }

    #[test]
    fn texts_that_yaml_would_read_as_something_else_are_quoted() {
        for text in [
            "",
            "1",
            "-x",
            "true",
            "NULL",
            "a: b",
            "a # b",
            "[",
            "two\nlines",
            " x",
            "x ",
            "NaN, y",
            "~",
        ] {
            assert_eq!(
                plain(&json!({ "t": text }), true),
                format!("t: {}\n", Value::from(text))
            );
        }
    }

    #[test]
    fn long_lists_and_texts_are_cut_unless_asked_for() {
        let message = json!({"bytes": vec![7; 200], "text": "x".repeat(5000)});
        let cut = plain(&message, false);
        assert!(
            cut.contains("# and 72 more; --full-length shows them") && cut.len() < 5000,
            "{cut}"
        );
        assert!(!plain(&message, true).contains("--full-length"));
    }

    #[test]
    fn a_message_without_fields_is_said_to_be_empty() {
        assert_eq!(plain(&json!({}), false), "{}\n");
    }
}
