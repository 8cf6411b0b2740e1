//! Whether a filter fits a type: its fields are there, and what is compared can be.

use nuncio::run_time_type::RunTimeType;
use nuncio_codegen::model::{Count, Element, Message, Primitive, Scalar};
use nuncio_codegen::near_names;

use super::{Expression, Fact, Number, Operand, Operator, Step, What, Wrong};

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
    /// The same with what the type says: which fields are numbers, and what the constants are.
    pub(super) fn settled(&self, of: &RunTimeType) -> Self {
        let all = |parts: &[Self]| parts.iter().map(|part| part.settled(of)).collect();
        match self {
            Self::Any(parts) => Self::Any(all(parts)),
            Self::All(parts) => Self::All(all(parts)),
            Self::Not(inner) => Self::Not(Box::new(inner.settled(of))),
            Self::Is(operand) => Self::Is(operand.clone()),
            Self::Compare {
                left,
                operator,
                right,
                column,
            } => Self::Compare {
                left: left.settled_beside(right, of),
                operator: *operator,
                right: right.settled_beside(left, of),
                column: *column,
            },
        }
    }

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
                if *operator == Operator::Contains && left_kind != Kind::Text {
                    let problem = format!("`contains` is for texts, and this is {}", left_kind.as_str());
                    return Err((*column, problem));
                }
                let unordered = left_kind == Kind::Truth || left.is_signer() || right.is_signer();
                if unordered && !operator.is_equality() {
                    let operator = operator.as_str();
                    return Err((
                        *column,
                        format!("only `==` and `!=` are for what is compared here, not `{operator}`"),
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
            What::Fact(Fact::Number | Fact::Stamp | Fact::Age) | What::Number(_) | What::NumberField(_) => {
                Ok(Kind::Number)
            }
            What::Fact(_) | What::Text(_) => Ok(Kind::Text),
            What::Truth(_) => Ok(Kind::Truth),
            What::Field(steps) => self.field_kind(steps, of),
            What::Length(steps) => match self.locate(steps, of)? {
                (_, Element::Text { .. }, _) | (_, _, Count::Array(_) | Count::Sequence { .. }) => Ok(Kind::Number),
                (path, ..) => Err((
                    self.column,
                    format!("{path} has no length; only lists and texts have one"),
                )),
            },
        }
    }

    /// A number's field as such, and a constant as its value; anything else as it is.
    fn settled_beside(&self, other: &Self, of: &RunTimeType) -> Self {
        let what = match (&self.what, self.kind(of)) {
            (What::Field(steps), Ok(Kind::Number)) => Some(What::NumberField(steps.clone())),
            (What::Field(_), Err(_)) => self.constant_beside(other, of),
            _ => None,
        };
        Self {
            what: what.unwrap_or_else(|| self.what.clone()),
            column: self.column,
        }
    }

    /// The value of the constant that this names, where no field is called so; it is compared with `other`.
    fn constant_beside(&self, other: &Self, of: &RunTimeType) -> Option<What> {
        let What::Field(steps) = &self.what else { return None };
        let [Step::Field(name)] = steps.as_slice() else {
            return None;
        };
        let description = of.description();
        if description.root.fields.iter().any(|field| field.name == *name) {
            return None;
        }
        let beside = other.owner(of);
        let owners = beside.into_iter().chain([&description.root]);
        let constant = owners
            .flat_map(|owner| &owner.constants)
            .find(|constant| constant.name == *name)?;
        Some(match &constant.value {
            Scalar::Bool(truth) => What::Truth(*truth),
            Scalar::Integer(whole) => What::Number(Number::Whole(*whole)),
            Scalar::Float(float) => What::Number(Number::Float(*float)),
            Scalar::Text(text) => What::Text(text.clone()),
        })
    }

    /// The message that holds this field.
    fn owner<'a>(&self, of: &'a RunTimeType) -> Option<&'a Message> {
        let (What::Field(steps) | What::Length(steps)) = &self.what else {
            return None;
        };
        let names: Vec<&String> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Field(name) => Some(name),
                Step::Index(_) => None,
            })
            .collect();
        let (_, parents) = names.split_last()?;
        let description = of.description();
        parents.iter().try_fold(&description.root, |message, name| {
            let field = message.fields.iter().find(|field| field.name == **name)?;
            match &field.field_type.element {
                Element::Message(name) => description.find(name),
                Element::Primitive(_) | Element::Text { .. } => None,
            }
        })
    }

    fn field_kind(&self, steps: &[Step], of: &RunTimeType) -> Result<Kind, Wrong> {
        let problem = match self.locate(steps, of)? {
            (_, Element::Text { .. }, Count::One) => return Ok(Kind::Text),
            (_, Element::Primitive(Primitive::Bool), Count::One) => return Ok(Kind::Truth),
            (_, Element::Primitive(_), Count::One) => return Ok(Kind::Number),
            (path, Element::Message(name), Count::One) => {
                format!("{path} is a {name}, which cannot be compared; name one of its fields")
            }
            (path, ..) => {
                format!(
                    "{path} is a list, which cannot be compared; give an index, as in `{path}[0]`, or its length, `len({path})`"
                )
            }
        };
        Err((self.column, problem))
    }

    /// What the schema says of a field: its path as it is written, and what it holds.
    fn locate<'a>(&self, steps: &[Step], of: &'a RunTimeType) -> Result<(String, &'a Element, Count), Wrong> {
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
            Some((element, count)) => Ok((path, element, count)),
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
