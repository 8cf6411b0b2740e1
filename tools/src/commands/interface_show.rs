//! `interface show`: a definition as its file has it, with what it refers to below each field, as ROS 2 shows it.

use std::fmt::Write;

use nuncio_codegen::model::{Field, Limits, Message, TypeName};
use nuncio_codegen::{Interfaces, json_schema, type_description_json, type_hash, type_hash_text};
use serde_json::Value;

use super::{CommandError, Outcome};
use crate::answers::interface::{FieldLimits, InterfaceShown, JsonSchemaDocument, TypeDescriptionJson};
use crate::catalog::Catalog;
use crate::cli::InterfaceShow;
use crate::render::{Render, Tone};

pub(super) fn run(render: &Render, catalog: &Catalog, args: InterfaceShow) -> Result<Outcome, CommandError> {
    if args.json_schema {
        return show_json_schema(render, catalog, &args.type_name);
    }
    let name = match catalog.find(&args.type_name) {
        Ok(name) => name,
        Err(unknown) => {
            render.note(unknown);
            return Ok(Outcome::Nothing);
        }
    };
    let interfaces = catalog.compiled()?;
    let Some(description) = interfaces.describe(name) else {
        return Ok(Outcome::Nothing);
    };
    let hash = type_hash_text(&type_hash(&description));
    let text = text_of(&interfaces, name);
    if render.is_json() {
        let served: Value = serde_json::from_str(&type_description_json(&description))?;
        render.answer(&InterfaceShown {
            type_name: name.to_string(),
            hash,
            exclusive: interfaces.message(name).is_some_and(|message| message.exclusive),
            limits: limits(&description.root),
            definition: text,
            type_description: TypeDescriptionJson(served),
        })?;
        return Ok(Outcome::Found);
    }
    render.line(Some(Tone::Quiet), &format!("# {name}"))?;
    render.line(Some(Tone::Quiet), &format!("# {hash}"))?;
    let comments = match (args.no_comments, args.all_comments) {
        (true, _) => Comments::None,
        (_, true) => Comments::All,
        _ => Comments::OfTheType,
    };
    render.lines(&expanded(&interfaces, name, text, comments))?;
    Ok(Outcome::Found)
}

/// Unit and limits of the fields that have some, for programs. Those of the messages that it refers to are theirs.
fn limits(message: &Message) -> Vec<FieldLimits<'_>> {
    let fields = message
        .fields
        .iter()
        .filter(|field| field.unit.is_some() || field.limits != Limits::default());
    fields.map(limits_of).collect()
}

fn limits_of(field: &Field) -> FieldLimits<'_> {
    let Limits {
        range,
        finite,
        enumeration,
        max_age,
    } = &field.limits;
    FieldLimits {
        field: &field.name,
        unit: field.unit.as_deref(),
        range: range.map(|(low, high)| [low, high]),
        finite: finite.then_some(true),
        enumeration: enumeration.as_deref(),
        max_age_ns: max_age.map(|age| age.as_nanos() as u64),
    }
}

/// One line for programs, a tree for people.
fn show_json_schema(render: &Render, catalog: &Catalog, type_name: &str) -> Result<Outcome, CommandError> {
    let interfaces = catalog.compiled()?;
    let name = match catalog.find_message_or_part(&interfaces, type_name) {
        Ok(name) => name,
        Err(unknown) => {
            render.note(unknown);
            return Ok(Outcome::Nothing);
        }
    };
    let Some(description) = interfaces.describe(&name) else {
        return Ok(Outcome::Nothing);
    };
    let schema: Value = serde_json::from_str(&json_schema(&description))?;
    match render.is_json() {
        true => render.answer(&JsonSchemaDocument(schema))?,
        false => render.lines(&serde_json::to_string_pretty(&schema)?)?,
    }
    Ok(Outcome::Found)
}

/// Which comments are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Comments {
    None,
    OfTheType,
    All,
}

fn text_of<'a>(interfaces: &'a Interfaces, name: &TypeName) -> &'a str {
    interfaces
        .files()
        .find(|(file, _)| *file == name)
        .map_or("", |(_, text)| text)
}

/// The text, with the fields of each message that it refers to below the line that does.
fn expanded(interfaces: &Interfaces, name: &TypeName, text: &str, comments: Comments) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let code = line.split('#').next().unwrap_or_default().trim_end();
        match comments {
            Comments::None if code.is_empty() => continue,
            Comments::None => out.push_str(code),
            Comments::OfTheType | Comments::All => out.push_str(line),
        }
        out.push('\n');
        if let Some(message) = referred_to(interfaces, name, code) {
            below(&mut out, interfaces, message, comments, 1);
        }
    }
    out
}

/// The message that a line's field refers to, if it does.
fn referred_to<'a>(interfaces: &'a Interfaces, of: &TypeName, code: &str) -> Option<&'a Message> {
    let word = code.split_whitespace().next()?;
    let base = word.split('[').next()?;
    let full = match (base, base.contains('/')) {
        ("Header", _) => "std_msgs/Header".to_owned(),
        (_, true) => base.to_owned(),
        (_, false) => format!("{}/{base}", of.package),
    };
    interfaces.message(&TypeName::parse(&full).ok()?)
}

/// The fields of a message, indented below the line that refers to it. The compiler has refused cycles, so this ends.
fn below(out: &mut String, interfaces: &Interfaces, message: &Message, comments: Comments, depth: usize) {
    let indent = "\t".repeat(depth);
    for field in &message.fields {
        if comments == Comments::All {
            for line in field.comment.lines() {
                let _ = writeln!(out, "{indent}# {line}");
            }
        }
        let note = match comments {
            Comments::None => String::new(),
            Comments::OfTheType | Comments::All => note(field),
        };
        let _ = writeln!(out, "{indent}{} {}{note}", field.field_type, field.name);
        if let nuncio_codegen::model::Element::Message(name) = &field.field_type.element
            && let Some(message) = interfaces.message(name)
        {
            below(out, interfaces, message, comments, depth + 1);
        }
    }
}

/// Unit and limits of a field as a trailing comment.
fn note(field: &Field) -> String {
    let mut parts = Vec::new();
    parts.extend(field.unit.as_ref().map(|unit| format!("@unit {unit}")));
    let Limits {
        range,
        finite,
        enumeration,
        max_age,
    } = &field.limits;
    parts.extend(range.map(|(low, high)| format!("@range [{low}, {high}]")));
    parts.extend(finite.then(|| "@finite".to_owned()));
    parts.extend(enumeration.as_ref().map(|prefix| format!("@enum {prefix}")));
    parts.extend(max_age.map(|age| format!("@max_age {age:?}")));
    match parts.is_empty() {
        true => String::new(),
        false => format!("  # {}", parts.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, comments: Comments) -> String {
        let catalog = Catalog::shipped();
        let interfaces = catalog.compiled().unwrap();
        let name = catalog.find(name).unwrap();
        expanded(&interfaces, name, text_of(&interfaces, name), comments)
    }

    #[test]
    fn what_a_type_refers_to_stands_below_the_field() {
        let text = shown("geometry_msgs/msg/TwistStamped", Comments::None);
        let header = "std_msgs/Header header\n\tbuiltin_interfaces/Time stamp\n\t\tint32 sec\n\t\tuint32 nanosec\n";
        let axes = "\t\tfloat64 x\n\t\tfloat64 y\n\t\tfloat64 z\n";
        let twist =
            format!("Twist twist\n\tgeometry_msgs/Vector3 linear\n{axes}\tgeometry_msgs/Vector3 angular\n{axes}");
        assert_eq!(text, format!("{header}\tstring frame_id\n{twist}"));
    }

    #[test]
    fn units_of_referred_types_are_kept_when_their_comments_are_not() {
        let text = shown("geometry_msgs/msg/PoseStamped", Comments::OfTheType);
        assert!(text.contains("\t\tfloat64 x  # @unit m\n"), "{text}");
    }

    #[test]
    fn both_parts_of_a_service_are_expanded() {
        let text = shown("std_srvs/srv/SetBool", Comments::None);
        assert_eq!(text, "bool data\n---\nbool success\nstring message\n");
    }
}
