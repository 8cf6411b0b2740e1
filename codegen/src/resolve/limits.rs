//! Annotations become limits, when they fit the field that they stand on.

use super::Resolver;
use crate::ast::{Annotation, ConstantAst, FieldAst, Span};
use crate::model::derived::{header, time};
use crate::model::{Constant, Count, DefaultValue, Element, FieldType, Limits, Primitive, Scalar};
use crate::parse::{Annotations, joined};

/// Why an annotation does not fit.
type Wrong = (String, String);

impl Resolver<'_, '_> {
    fn annotation_problem(&mut self, file: usize, at: Span, (message, help): Wrong) {
        if self.annotations == Annotations::Strict {
            self.problems.add(file, at, message, help);
        }
    }

    /// The limits and the unit of a field.
    pub(super) fn limits(
        &mut self,
        file: usize,
        field: &FieldAst,
        field_type: &FieldType,
        constants: &[Constant],
    ) -> (Limits, Option<String>) {
        let (mut limits, mut unit) = (Limits::default(), None);
        for node in &field.remarks.annotations {
            let fresh = match &node.value {
                Annotation::Range { .. } => limits.range.is_none(),
                Annotation::Unit(_) => unit.is_none(),
                Annotation::Enum(_) => limits.enumeration.is_none(),
                Annotation::MaxAge(_) => limits.max_age.is_none(),
                Annotation::Finite => !limits.finite,
                Annotation::Exclusive => true,
            };
            let word = node.value.word();
            let applied = if fresh {
                apply(&node.value, field_type, constants, &mut limits, &mut unit)
            } else {
                Err((
                    format!("`{word}` stands twice on `{}`", field.name.value),
                    "keep one of them".to_owned(),
                ))
            };
            if let Err(wrong) = applied {
                self.annotation_problem(file, node.at, wrong);
            }
        }
        if let Some(default) = &field.default {
            let values = match &default.value {
                DefaultValue::One(value) => std::slice::from_ref(value),
                DefaultValue::List(values) => values.as_slice(),
            };
            if let Some(wrong) = values
                .iter()
                .find_map(|value| breaks(value, &limits, field_type, constants))
            {
                self.annotation_problem(file, default.at, wrong);
            }
        }
        (limits, unit)
    }

    /// Constants take a unit and nothing else.
    pub(super) fn constant_comment(&mut self, file: usize, constant: &ConstantAst) -> String {
        let mut lines = constant.remarks.lines.clone();
        for node in &constant.remarks.annotations {
            if let Annotation::Unit(unit) = &node.value {
                lines.push(format!("Unit: {unit}"));
                continue;
            }
            let message = format!("`{}` has no meaning on a constant", node.value.word());
            self.annotation_problem(file, node.at, (message, "put it on a field".to_owned()));
        }
        joined(&lines)
    }
}

fn apply(
    annotation: &Annotation,
    field_type: &FieldType,
    constants: &[Constant],
    limits: &mut Limits,
    unit: &mut Option<String>,
) -> Result<(), Wrong> {
    let refused = |help: &str| {
        Err((
            format!("`{}` does not fit a field of type `{field_type}`", annotation.word()),
            help.to_owned(),
        ))
    };
    match (annotation, &field_type.element) {
        (Annotation::Exclusive, _) => {
            let help = "it belongs to the whole message: put it into the comment at the top of the file";
            return Err(("`@exclusive` stands on a field".to_owned(), help.to_owned()));
        }
        (Annotation::Unit(text), _) => *unit = Some(text.clone()),
        (Annotation::Finite, Element::Primitive(primitive)) if primitive.is_float() => limits.finite = true,
        (Annotation::Finite, _) => return refused("only float32 and float64 have values that are not finite"),
        (Annotation::Range { .. }, Element::Primitive(Primitive::Bool)) => return refused("a range is for numbers"),
        (Annotation::Range { low, high }, Element::Primitive(primitive)) => {
            check_range(*primitive, *low, *high)?;
            limits.range = Some((*low, *high));
        }
        (Annotation::Range { .. }, _) => return refused("a range is for numbers; a text has a bound, `string<=16`"),
        (Annotation::Enum(prefix), Element::Primitive(primitive)) if primitive.integer_range().is_some() => {
            check_enumeration(prefix, constants, "an integer", |value| {
                matches!(value, Scalar::Integer(_))
            })?;
            limits.enumeration = Some(prefix.clone());
        }
        (Annotation::Enum(prefix), Element::Text { .. }) => {
            check_enumeration(prefix, constants, "a text", |value| matches!(value, Scalar::Text(_)))?;
            limits.enumeration = Some(prefix.clone());
        }
        (Annotation::Enum(_), _) => return refused("only integers and texts can be enumerations"),
        (Annotation::MaxAge(age), Element::Message(name))
            if field_type.count == Count::One && (*name == time() || *name == header()) =>
        {
            limits.max_age = Some(*age);
        }
        (Annotation::MaxAge(_), _) => return refused("only a builtin_interfaces/Time or std_msgs/Header has an age"),
    }
    Ok(())
}

fn check_range(primitive: Primitive, low: f64, high: f64) -> Result<(), Wrong> {
    if low > high {
        let message = format!("the range begins at {low} and ends below, at {high}");
        return Err((message, "write the lower end first".to_owned()));
    }
    if primitive.integer_range().is_some() && integer_bounds(primitive, low, high).is_none() {
        let message = format!("no {} lies between {low} and {high}", primitive.as_str());
        return Err((message, "choose a range with at least one value of the type".to_owned()));
    }
    Ok(())
}

fn check_enumeration(
    prefix: &str,
    constants: &[Constant],
    what: &str,
    fits: impl Fn(&Scalar) -> bool,
) -> Result<(), Wrong> {
    let mut matching = constants
        .iter()
        .filter(|constant| constant.name.starts_with(prefix))
        .peekable();
    if matching.peek().is_none() {
        let help = "define the values as constants in the same file, such as `uint8 MODE_STOP=0` for `@enum MODE_`";
        return Err((format!("no constant begins with `{prefix}`"), help.to_owned()));
    }
    match matching.find(|constant| !fits(&constant.value)) {
        Some(constant) => {
            let help = "all constants of an enumeration are of the field's kind".to_owned();
            Err((format!("the constant `{}` is not {what}", constant.name), help))
        }
        None => Ok(()),
    }
}

/// The least and the greatest value of an integer type inside a range; `None` when there is none.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond i128 becomes its end, which clamping brings back"
)]
pub(crate) fn integer_bounds(primitive: Primitive, low: f64, high: f64) -> Option<(i128, i128)> {
    let (least, greatest) = primitive.integer_range()?;
    let (low, high) = ((low.ceil() as i128).max(least), (high.floor() as i128).min(greatest));
    (low <= high).then_some((low, high))
}

/// Why a default value breaks the limits of its own field.
fn breaks(value: &Scalar, limits: &Limits, field_type: &FieldType, constants: &[Constant]) -> Option<Wrong> {
    let help = "change the default value or the annotation".to_owned();
    if let Some(prefix) = &limits.enumeration {
        let mut allowed = constants
            .iter()
            .filter(|constant| constant.name.starts_with(prefix.as_str()));
        if !allowed.any(|constant| constant.value == *value) {
            return Some((format!("the default value is none of the constants `{prefix}…`"), help));
        }
    }
    let inside = match (value, limits.range) {
        (Scalar::Integer(value), Some((low, high))) => {
            let Element::Primitive(primitive) = field_type.element else {
                return None;
            };
            integer_bounds(primitive, low, high).is_none_or(|(low, high)| (low..=high).contains(value))
        }
        (Scalar::Float(value), Some((low, high))) => (low..=high).contains(value),
        _ => true,
    };
    if !inside {
        return Some(("the default value lies outside of the field's range".to_owned(), help));
    }
    let infinite = limits.finite && matches!(value, Scalar::Float(value) if !value.is_finite());
    infinite.then(|| ("the default value is not finite".to_owned(), help))
}
