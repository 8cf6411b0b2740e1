//! Filters: a condition on messages, such as `percentage < 0.2 && signer == "alice"`, typed against the messages' schema.
//!
//! A filter is read once, checked against each type that it meets, and then asked of each message's JSON. What the schema does
//! not have is an error that points at the column, never a condition that silently fails.
//!
//! ```text
//! condition:  a || b   a && b   !a   (a)   a == b   a != b   a < b   a <= b   a > b   a >= b   or a field that is true or false
//! operand:    a field: pose.position.x, cells[0].voltage     a number: -1.5e3     a text: "alice" or 'alice'     true, false
//!             what is known of the message: signer (key or nickname), node, name
//! ```
//!
//! `signer`, `node` and `name` are what was verified. A field of the message that is called so too is `.signer`, with a dot, so
//! that no sender can pass a field off as its signature.

mod compare;
mod parse;
mod typing;

use std::error::Error;
use std::fmt;

use nuncio::run_time_type::RunTimeType;
use serde_json::Value;

use self::compare::{Comparable, Number};

/// What is known of a message beside its fields.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The signer's key and its names.
    pub signer: Vec<String>,
    /// The node.
    pub node: String,
    /// The name of the document or topic.
    pub name: String,
}

/// A filter as it was read; no type is known yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: String,
    root: Expression,
}

/// A filter that fits a type.
#[derive(Clone, Copy, Debug)]
pub struct TypedFilter<'a>(&'a Expression);

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
        /// The column of the operator, from 1.
        column: usize,
    },
    /// An operand that is a condition by itself.
    Is(Operand),
}

#[derive(Clone, Debug, PartialEq)]
struct Operand {
    what: What,
    /// Its first column, from 1.
    column: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Field(Vec<Step>),
    Fact(Fact),
    Number(Number),
    Text(String),
    Truth(bool),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Field(String),
    Index(usize),
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fact {
    Signer,
    Node,
    Name,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Fact {
    const ALL: [(&'static str, Self); 3] = [("signer", Self::Signer), ("node", Self::Node), ("name", Self::Name)];
}

impl Operator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether values that stand so to each other satisfy it; what cannot be compared, such as not-a-number, is unequal.
    fn holds(self, order: Option<std::cmp::Ordering>) -> bool {
        match self {
            Self::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Self::NotEqual => order.is_none_or(std::cmp::Ordering::is_ne),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with the column of the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let root = parse::parse(text)?;
        let text = text.to_owned();
        Ok(Self { text, root })
    }

    /// Checks that the type has the fields, and that they can be compared so.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with the column of the first thing that does not fit.
    pub fn for_type(&self, of: &RunTimeType) -> Result<TypedFilter<'_>, FilterError> {
        let checked = self.root.check(of);
        checked.map_err(|(column, problem)| FilterError::new(&self.text, column, problem))?;
        Ok(TypedFilter(&self.root))
    }
}

impl TypedFilter<'_> {
    /// Whether a message of the type satisfies the filter.
    pub fn matches(&self, message: &Value, known: &Known) -> bool {
        self.0.holds(message, known)
    }
}

/// A column, and what is wrong there.
type Wrong = (usize, String);

impl Expression {
    fn holds(&self, message: &Value, known: &Known) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(message, known)),
            Self::All(parts) => parts.iter().all(|part| part.holds(message, known)),
            Self::Not(inner) => !inner.holds(message, known),
            Self::Is(operand) => operand.values(message, known).contains(&Comparable::Truth(true)),
            Self::Compare {
                left, operator, right, ..
            } => {
                let (left, right) = (left.values(message, known), right.values(message, known));
                if left.is_empty() || right.is_empty() {
                    // A list is shorter than the index: there is nothing that could be so.
                    return false;
                }
                // A signer has several names; it is whoever one of them says.
                let any = |operator: Operator| {
                    left.iter()
                        .any(|left| right.iter().any(|right| operator.holds(left.order(right))))
                };
                match operator {
                    Operator::NotEqual => !any(Operator::Equal),
                    other => any(*other),
                }
            }
        }
    }
}

impl Operand {
    /// What it stands for in a message: nothing where a list is too short, several things for a signer.
    fn values<'a>(&'a self, message: &'a Value, known: &'a Known) -> Vec<Comparable<'a>> {
        match &self.what {
            What::Fact(Fact::Signer) => known.signer.iter().map(|name| Comparable::Text(name)).collect(),
            What::Fact(Fact::Node) => vec![Comparable::Text(&known.node)],
            What::Fact(Fact::Name) => vec![Comparable::Text(&known.name)],
            What::Number(number) => vec![Comparable::Number(*number)],
            What::Text(text) => vec![Comparable::Text(text)],
            What::Truth(truth) => vec![Comparable::Truth(*truth)],
            What::Field(steps) => {
                let step = |value: &'a Value, step: &Step| match step {
                    Step::Field(name) => value.get(name),
                    Step::Index(index) => value.get(*index),
                };
                let value = steps.iter().try_fold(message, step);
                value.and_then(Comparable::of).into_iter().collect()
            }
        }
    }
}

/// A filter that cannot be read, or does not fit a type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilterError {
    text: String,
    /// From 1, in characters.
    column: usize,
    problem: String,
}

impl FilterError {
    fn new(text: &str, column: usize, problem: String) -> Self {
        let text = text.to_owned();
        Self { text, column, problem }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, column, problem } = self;
        let indent = " ".repeat(column.saturating_sub(1));
        write!(f, "filter, column {column}: {problem}\n  {text}\n  {indent}^")
    }
}

impl Error for FilterError {}

#[cfg(test)]
mod tests;
