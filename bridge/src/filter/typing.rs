//! Whether a filter fits a type: its fields are there, and what is compared can be.

use nuncio::run_time_type::RunTimeType;
use nuncio_codegen::model::{Count, Element, Primitive};
use nuncio_codegen::near_names;

use super::{Expression, Fact, Operand, Step, What, Wrong};

/// What an operand is, by the schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Number,
    Text,
    Truth,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Truth => "true or false",
        }
    }
}

impl Expression {
    pub(super) fn check(&self, of: &RunTimeType) -> Result<(), Wrong> {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().try_for_each(|part| part.check(of)),
            Self::Not(inner) => inner.check(of),
            Self::Is(operand) => match operand.kind(of)? {
                Kind::Truth => Ok(()),
                other => Err((
                    operand.column,
                    format!(
                        "this is {}, which is no condition; compare it, as in `x == 1`",
                        other.as_str()
                    ),
                )),
            },
            Self::Compare {
                left,
                operator,
                right,
                column,
            } => {
                let (left_kind, right_kind) = (left.kind(of)?, right.kind(of)?);
                if left_kind != right_kind {
                    let problem = format!(
                        "the left side is {} and the right side is {}; they are never equal",
                        left_kind.as_str(),
                        right_kind.as_str()
                    );
                    return Err((*column, problem));
                }
                let unordered = left_kind == Kind::Truth || left.is_signer() || right.is_signer();
                if unordered && operator.is_order() {
                    let operator = operator.as_str();
                    return Err((
                        *column,
                        format!("what is compared here has no order; use `==` or `!=`, not `{operator}`"),
                    ));
                }
                Ok(())
            }
        }
    }
}

impl Operand {
    fn is_signer(&self) -> bool {
        self.what == What::Fact(Fact::Signer)
    }

    fn kind(&self, of: &RunTimeType) -> Result<Kind, Wrong> {
        match &self.what {
            What::Fact(_) | What::Text(_) => Ok(Kind::Text),
            What::Number(_) => Ok(Kind::Number),
            What::Truth(_) => Ok(Kind::Truth),
            What::Field(steps) => self.field_kind(steps, of),
        }
    }

    fn field_kind(&self, steps: &[Step], of: &RunTimeType) -> Result<Kind, Wrong> {
        let wrong = |problem: String| Err((self.column, problem));
        let description = of.description();
        let mut message = Some(&description.root);
        let mut path = String::new();
        let mut at: Option<(&Element, Count)> = None;
        for step in steps {
            at = Some(match (step, at) {
                (Step::Field(_), Some((_, Count::Array(_) | Count::Sequence { .. }))) => {
                    return wrong(format!("{path} is a list; give an index, as in `{path}[0]`"));
                }
                (Step::Index(index), Some((_, Count::Array(len)))) if *index >= len as usize => {
                    return wrong(format!(
                        "{path} has {len} elements, counted from 0; there is no [{index}]"
                    ));
                }
                (Step::Index(_), None | Some((_, Count::One))) => {
                    return wrong(format!("{path} is no list, so it has no index"));
                }
                (Step::Index(index), Some((element, _))) => {
                    path.push_str(&format!("[{index}]"));
                    (element, Count::One)
                }
                (Step::Field(name), _) => {
                    let Some(inside) = message else {
                        return wrong(format!("{path} has no fields"));
                    };
                    let Some(field) = inside.fields.iter().find(|field| field.name == *name) else {
                        let fields = inside.fields.iter().map(|field| field.name.as_str());
                        return wrong(unknown_field(name, &inside.type_name.to_string(), fields));
                    };
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(name);
                    message = match &field.field_type.element {
                        Element::Message(name) => description.find(name),
                        Element::Primitive(_) | Element::Text { .. } => None,
                    };
                    (&field.field_type.element, field.field_type.count)
                }
            });
        }
        match at {
            Some((Element::Text { .. }, Count::One)) => Ok(Kind::Text),
            Some((Element::Primitive(Primitive::Bool), Count::One)) => Ok(Kind::Truth),
            Some((Element::Primitive(_), Count::One)) => Ok(Kind::Number),
            Some((Element::Message(name), Count::One)) => wrong(format!(
                "{path} is a {name}, which cannot be compared; name one of its fields"
            )),
            Some(_) => wrong(format!(
                "{path} is a list, which cannot be compared; give an index, as in `{path}[0]`"
            )),
            None => wrong("a field is expected here".to_owned()),
        }
    }
}

fn unknown_field<'a>(name: &str, of: &str, fields: impl Iterator<Item = &'a str>) -> String {
    let fields: Vec<_> = fields.collect();
    let near = near_names(name, fields.iter().copied());
    match near.first() {
        Some(near) => format!("{of} has no field {name}; did you mean `{near}`?"),
        None => format!("{of} has no field {name}, only {}", fields.join(", ")),
    }
}
