//! The `check` of a message: its own bounds and annotations in field order, then those of what it contains.

use super::default::literal;
use super::writer::Writer;
use super::{Emitter, ident};
use crate::model::derived::header;
use crate::model::{Count, Element, Field, Message, Primitive, Scalar, TextKind};
use crate::resolve::integer_bounds;

impl Emitter<'_> {
    pub(super) fn check(&self, writer: &mut Writer, message: &Message) {
        let root = &self.target.crate_path;
        if !self.facts(&message.type_name).limited {
            writer.line("#[inline]");
        }
        writer.open(&format!(
            "fn check(&self) -> ::std::result::Result<(), {root}::LimitViolation> {{"
        ));
        for field in &message.fields {
            if let Count::Sequence { bound: Some(bound) } = field.field_type.count {
                let place = self.place(field);
                let ident = ident::lower(&field.name);
                writer.line(&format!(
                    "{root}::limit::elements({place}, self.{ident}.len(), {bound})?;"
                ));
            }
            self.for_each_element(writer, field, |writer, place, element| {
                for statement in self.element_checks(message, field, place, element) {
                    writer.line(&statement);
                }
            });
        }
        writer.line("::std::result::Result::Ok(())");
        writer.close("}");
    }

    pub(super) fn check_age(&self, writer: &mut Writer, message: &Message) {
        let root = &self.target.crate_path;
        writer.open(&format!(
            "fn check_age(&self, now_ns: i64) -> ::std::result::Result<(), {root}::LimitViolation> {{"
        ));
        for field in &message.fields {
            let ident = ident::lower(&field.name);
            if let (Some(age), Element::Message(name)) = (field.limits.max_age, &field.field_type.element) {
                let stamp = if *name == header() { ".stamp" } else { "" };
                writer.line(&format!(
                    "{root}::limit::age({root}::limit::Place::Field(\"{}{stamp}\"), \
                     (self.{ident}{stamp}.sec, self.{ident}{stamp}.nanosec), {}, now_ns)?;",
                    field.name,
                    age.as_nanos(),
                ));
            }
            let Element::Message(name) = &field.field_type.element else {
                continue;
            };
            if self.facts(name).aged {
                self.loop_over(writer, field, |writer, place, element| {
                    writer.line(&format!(
                        "{root}::Message::check_age({element}, now_ns).map_err(|violation| violation.inside({place}))?;"
                    ));
                });
            }
        }
        writer.line("::std::result::Result::Ok(())");
        writer.close("}");
    }

    /// Writes the checks of a field's element, in a loop where it has several; nothing when there are none.
    fn for_each_element(&self, writer: &mut Writer, field: &Field, body: impl Fn(&mut Writer, &str, &str)) {
        let limits = &field.limits;
        let limited = match &field.field_type.element {
            Element::Message(name) => self.facts(name).limited,
            Element::Text { bound, .. } => bound.is_some() || limits.enumeration.is_some(),
            Element::Primitive(_) => limits.range.is_some() || limits.finite || limits.enumeration.is_some(),
        };
        if limited {
            self.loop_over(writer, field, body);
        }
    }

    fn loop_over(&self, writer: &mut Writer, field: &Field, body: impl Fn(&mut Writer, &str, &str)) {
        let ident = ident::lower(&field.name);
        match field.field_type.count {
            Count::One => body(writer, &self.place(field), &format!("&self.{ident}")),
            Count::Array(_) | Count::Sequence { .. } => {
                writer.open(&format!("for (index, element) in self.{ident}.iter().enumerate() {{"));
                let place = format!(
                    "{}::limit::Place::Element(\"{}\", index)",
                    self.target.crate_path, field.name
                );
                body(writer, &place, "element");
                writer.close("}");
            }
        }
    }

    fn place(&self, field: &Field) -> String {
        format!("{}::limit::Place::Field(\"{}\")", self.target.crate_path, field.name)
    }

    /// The statements that check one element, which `element` refers to.
    fn element_checks(&self, message: &Message, field: &Field, place: &str, element: &str) -> Vec<String> {
        let root = &self.target.crate_path;
        let mut checks = Vec::new();
        match &field.field_type.element {
            Element::Message(_) => checks.push(format!(
                "{root}::Message::check({element}).map_err(|violation| violation.inside({place}))?;"
            )),
            Element::Text { kind, bound } => {
                if let Some(bound) = bound {
                    let limit = match kind {
                        TextKind::String => "text",
                        TextKind::Wstring => "wide_text",
                    };
                    checks.push(format!("{root}::limit::{limit}({place}, {element}, {bound})?;"));
                }
            }
            Element::Primitive(primitive) => {
                if let Some(range) = field.limits.range {
                    let (low, high) = range_text(*primitive, range);
                    checks.push(format!("{root}::limit::range({place}, {element}, &{low}, &{high})?;"));
                }
                if field.limits.finite {
                    let value = element.trim_start_matches('&');
                    checks.push(format!(
                        "{root}::limit::finite({place}, {element}, {value}.is_finite())?;"
                    ));
                }
            }
        }
        if let Some(prefix) = &field.limits.enumeration {
            let value = match (&field.field_type.element, element.strip_prefix('&')) {
                (Element::Text { .. }, _) => format!("{}.as_str()", element.trim_start_matches('&')),
                (_, Some(place)) => place.to_owned(),
                (_, None) => format!("*{element}"),
            };
            let values = message
                .constants
                .iter()
                .filter(|constant| constant.name.starts_with(prefix.as_str()));
            let values: Vec<String> = values
                .filter(|constant| fits(&field.field_type.element, &constant.value))
                .map(|constant| {
                    format!(
                        "(\"{}\", {})",
                        constant.name,
                        literal(Primitive::Int64, &constant.value)
                    )
                })
                .collect();
            checks.push(format!(
                "{root}::limit::one_of({place}, {value}, &[{}])?;",
                values.join(", ")
            ));
        }
        checks
    }
}

/// Both ends of a range as literals of the field's type, or of `f64` for floats.
fn range_text(primitive: Primitive, (low, high): (f64, f64)) -> (String, String) {
    match integer_bounds(primitive, low, high) {
        Some((low, high)) => (low.to_string(), high.to_string()),
        None => (
            super::default::float(primitive, low),
            super::default::float(primitive, high),
        ),
    }
}

/// Whether the field could hold the constant at all: an enumeration's constants may be of a wider type.
pub(crate) fn fits(element: &Element, value: &Scalar) -> bool {
    match (element, value) {
        (Element::Primitive(primitive), Scalar::Integer(value)) => primitive
            .integer_range()
            .is_some_and(|(low, high)| (low..=high).contains(value)),
        _ => true,
    }
}
