//! What of a message is shown, as the flags of `topic echo` and `bag cat` say: a field or all, as a block, a line of values or JSON,
//! with long parts summed up. This module does no I/O.

use nuncio::run_time_type::{DecodeError, RunTimeType};
use nuncio_bridge::bag::table::{Cell, csv_line};
use serde_json::Value;

use crate::bulk::fold_bytes;
use crate::cli::ShownArgs;
use crate::field_notes::note;
use crate::field_path::{NoField, pick};
use crate::render::block;

/// A message that was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Read {
    /// The JSON that is shown.
    Text(String),
    /// To be looked into first.
    Message(Value),
}

impl ShownArgs {
    /// Reads a message, and takes it apart only where something is asked of its parts.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are none of the type.
    pub(crate) fn read(&self, codec: &RunTimeType, payload: &[u8], is_json: bool) -> Result<Read, DecodeError> {
        if is_json && self.is_everything() {
            let mut text = String::new();
            codec.write_json(payload, &mut text)?;
            return Ok(Read::Text(text));
        }
        codec.to_json(payload).map(Read::Message)
    }

    fn is_everything(&self) -> bool {
        self.filter.filter.is_none() && self.field.is_none() && !self.no_arr && !self.no_str
    }

    /// What is shown of a message, as text.
    ///
    /// # Errors
    ///
    /// [`NoField`] when it has not the field that is asked for.
    pub(crate) fn text(&self, codec: &RunTimeType, message: Value, is_json: bool) -> Result<String, NoField> {
        let shown = self.part(codec, message, is_json)?;
        if is_json {
            return Ok(shown.to_string());
        }
        if self.csv {
            let mut cells = Vec::new();
            self.cells(&shown, &mut cells);
            return Ok(line(&cells));
        }
        let lead = self.field.as_ref().map_or(String::new(), |field| format!("{field}."));
        Ok(block(&shown, self.most(), &|path, value| {
            note(codec, format!("{lead}{path}").trim_end_matches('.'), value)
        }))
    }

    /// The names of what stands in a line of values of this message.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub(crate) fn csv_names(&self, codec: &RunTimeType, message: Value) -> Result<String, NoField> {
        let (shown, mut cells) = (self.part(codec, message, false)?, Vec::new());
        self.names(self.field.as_deref().unwrap_or_default(), &shown, &mut cells);
        Ok(line(&cells))
    }

    fn part(&self, codec: &RunTimeType, message: Value, is_json: bool) -> Result<Value, NoField> {
        let mut shown = match &self.field {
            Some(path) => pick(&message, path)?.clone(),
            None => message,
        };
        if self.no_str {
            fold_texts(&mut shown);
        }
        if let Some(most) = self.most().filter(|_| !is_json) {
            fold_bytes(codec, self.field.as_deref(), &mut shown, most);
        }
        if self.no_arr {
            fold_lists(&mut shown);
        }
        Ok(shown)
    }

    /// How many elements and characters are shown.
    fn most(&self) -> Option<usize> {
        (!self.full_length).then_some(self.truncate_length)
    }

    /// The values of a message, one after the other. A list or text that is cut ends with `...`, as in ROS 2.
    fn cells(&self, value: &Value, cells: &mut Vec<Cell>) {
        let most = self.most().unwrap_or(usize::MAX);
        match value {
            Value::Object(fields) => fields.values().for_each(|value| self.cells(value, cells)),
            Value::Array(items) => {
                items.iter().take(most).for_each(|item| self.cells(item, cells));
                if items.len() > most {
                    cells.push(Cell::Text("...".to_owned()));
                }
            }
            Value::String(text) => cells.push(Cell::Text(match text.char_indices().nth(most) {
                Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
                None => text.clone(),
            })),
            other => cells.push(Cell::Text(other.to_string())),
        }
    }

    fn names(&self, path: &str, value: &Value, cells: &mut Vec<Cell>) {
        let most = self.most().unwrap_or(usize::MAX);
        match value {
            Value::Object(fields) => {
                let dot = if path.is_empty() { "" } else { "." };
                fields
                    .iter()
                    .for_each(|(name, value)| self.names(&format!("{path}{dot}{name}"), value, cells));
            }
            Value::Array(items) => {
                let items_shown = items.iter().take(most).enumerate();
                items_shown.for_each(|(index, item)| self.names(&format!("{path}[{index}]"), item, cells));
                if items.len() > most {
                    cells.push(Cell::Text("...".to_owned()));
                }
            }
            _ => cells.push(Cell::Text(path.to_owned())),
        }
    }
}

fn line(cells: &[Cell]) -> String {
    csv_line(cells).trim_end_matches("\r\n").to_owned()
}

/// Puts how long each list of numbers or texts is in its place; lists of messages stay, and what they hold is folded.
fn fold_lists(value: &mut Value) {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => items.iter_mut().for_each(fold_lists),
        Value::Array(items) if !items.is_empty() => *value = format!("<list of {}>", items.len()).into(),
        Value::Object(fields) => fields.values_mut().for_each(fold_lists),
        _ => {}
    }
}

/// Puts how long each text is in its place, but for the numbers that JSON has no other form for.
fn fold_texts(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(fold_texts),
        Value::Object(fields) => fields.values_mut().for_each(fold_texts),
        Value::String(text) if matches!(text.as_str(), "" | "NaN" | "Infinity" | "-Infinity") => {}
        Value::String(text) => *value = format!("<text of {}>", text.chars().count()).into(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio::TypeSupport;
    use serde_json::json;

    fn codec() -> RunTimeType {
        let sources = [
            ("a/msg/Leg", "string name\nfloat64 angle # @unit rad\n"),
            ("a/msg/Dog", "string name\nLeg[] legs\nint32[] counts\n"),
        ];
        TypeSupport::compile("a/msg/Dog", &sources)
            .unwrap()
            .run_time_type()
            .unwrap()
    }

    fn dog() -> Value {
        json!({"name": "Rex, \"the\" dog", "legs": [{"name": "fl", "angle": 0.5}, {"name": "fr", "angle": "NaN"}], "counts": [1, 2, 3]})
    }

    fn text(args: &ShownArgs, is_json: bool) -> String {
        args.text(&codec(), dog(), is_json).unwrap()
    }

    #[test]
    fn values_stand_in_a_line_with_commas() {
        let args = ShownArgs {
            csv: true,
            ..ShownArgs::default()
        };
        assert_eq!(text(&args, false), "\"Rex, \"\"the\"\" dog\",fl,0.5,fr,NaN,1,2,3");
        assert_eq!(
            args.csv_names(&codec(), dog()).unwrap(),
            "name,legs[0].name,legs[0].angle,legs[1].name,legs[1].angle,counts[0],counts[1],counts[2]"
        );
        let short = ShownArgs {
            truncate_length: 1,
            ..args
        };
        assert_eq!(text(&short, false), "R...,f...,0.5,...,1,...");
    }

    #[test]
    fn a_field_is_shown_alone_and_with_its_unit() {
        let field = |path: &str| ShownArgs {
            field: Some(path.to_owned()),
            ..ShownArgs::default()
        };
        assert_eq!(text(&field("legs[0]"), false), "name: fl\nangle: 0.5  # rad\n");
        assert_eq!(text(&field("counts[2]"), false), "3\n");
        assert_eq!(text(&field("counts"), true), "[1,2,3]");
        assert!(field("legs[0].nme").text(&codec(), dog(), false).is_err());
    }

    #[test]
    fn lists_and_texts_are_folded_where_that_is_asked_for_in_json_too() {
        let args = ShownArgs {
            no_arr: true,
            no_str: true,
            ..ShownArgs::default()
        };
        let folded = r#"{"name":"<text of 14>","legs":[{"name":"<text of 2>","angle":0.5},{"name":"<text of 2>","angle":"NaN"}],"counts":"<list of 3>"}"#;
        assert_eq!(text(&args, true), folded);
        assert!(!args.is_everything() && ShownArgs::default().is_everything());
    }
}
