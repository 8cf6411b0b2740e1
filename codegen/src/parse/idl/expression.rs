//! Arithmetic of constants: `2 * (N + 1)`, `1 << 4`, `-SIZE`. ROS 2's own parser has none of it; IDL 4.2 has.
//!
//! Whole numbers are computed exactly and have to fit into 64 bits after every step. A float on either side makes the
//! step one of floats, and so does a constant that is a float: `1 / 2` is 0.5 there. Nothing overflows in silence.
//!
//! Parentheses are kept on a stack of our own: their depth is bounded by the length of the file alone.

use super::Idl;
use super::token::Kind;
use super::value::{Value, octal};
use crate::ast::{ElementAst, Node, Span};
use crate::model::{Primitive, Scalar};
use crate::parse::literal;

/// Where an expression stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// The type of what the value is for, where it is known already.
    pub(super) primitive: Option<Primitive>,
    /// Between `<` and `>`, where `>>` closes two lists.
    pub(super) in_angles: bool,
}

#[derive(Clone, Copy, Debug)]
enum Number {
    Whole(i128),
    Float(f64),
}

/// What waits for its right side.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    Parenthesis,
    Prefix(&'static str, Span),
    Infix(&'static str, Span),
}

/// Why a step cannot be computed.
type Wrong = (String, &'static str);

/// How tightly an operator of two sides binds; `None` for other symbols.
fn binding(symbol: &str) -> Option<u8> {
    Some(match symbol {
        "|" => 1,
        "^" => 2,
        "&" => 3,
        "<<" | ">>" => 4,
        "+" | "-" => 5,
        "*" | "/" | "%" => 6,
        _ => return None,
    })
}

impl Idl<'_, '_, '_, '_> {
    /// A number, a truth value, a named constant, or what is computed from them.
    pub(super) fn expression(&mut self, place: Place) -> Option<Value> {
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut values: Vec<Node<Value>> = Vec::new();
        let mut open = 0_usize;
        loop {
            match self.ahead.kind {
                Kind::Symbol("(") => {
                    self.take();
                    open += 1;
                    waiting.push(Waiting::Parenthesis);
                    continue;
                }
                Kind::Symbol(sign @ ("-" | "+" | "~")) if !matches!(waiting.last(), Some(Waiting::Prefix(..))) => {
                    waiting.push(Waiting::Prefix(sign, self.take().at));
                    continue;
                }
                _ => values.push(self.operand()?),
            }
            while open > 0 && self.is(")") {
                self.compute(place, &mut waiting, &mut values, 0)?;
                waiting.pop();
                self.take();
                open -= 1;
            }
            let infix = match self.ahead.kind {
                Kind::Symbol(">>") if place.in_angles && open == 0 => None,
                Kind::Symbol(symbol) => binding(symbol).map(|binding| (symbol, binding)),
                _ => None,
            };
            let Some((symbol, binding)) = infix else { break };
            self.compute(place, &mut waiting, &mut values, binding)?;
            waiting.push(Waiting::Infix(symbol, self.take().at));
        }
        if open > 0 {
            return self.expect(")", "close what `(` has opened").and(None);
        }
        self.compute(place, &mut waiting, &mut values, 0)?;
        values.pop().map(|node| node.value)
    }

    /// Computes what waits and binds at least as tightly as `binding`, back to the last open parenthesis.
    fn compute(
        &mut self,
        place: Place,
        waiting: &mut Vec<Waiting>,
        values: &mut Vec<Node<Value>>,
        binding: u8,
    ) -> Option<()> {
        while let Some(next) = waiting.last().copied() {
            let (at, result) = match next {
                Waiting::Prefix(symbol, at) => {
                    let operand = self.number(place, &values.pop()?)?;
                    (at, prefix(place, symbol, operand))
                }
                Waiting::Infix(symbol, at) if self::binding(symbol).is_some_and(|its| its >= binding) => {
                    let (right, left) = (values.pop()?, values.pop()?);
                    let (left, right) = (self.number(place, &left)?, self.number(place, &right)?);
                    (at, infix(symbol, left, right))
                }
                Waiting::Infix(..) | Waiting::Parenthesis => return Some(()),
            };
            waiting.pop();
            match result {
                Ok(number) => values.push(Node {
                    value: Value::Plain(number.text()),
                    at,
                }),
                Err((message, help)) => {
                    self.parser.problem(at, message, help);
                    return None;
                }
            }
        }
        Some(())
    }

    fn operand(&mut self) -> Option<Node<Value>> {
        let at = self.ahead.at;
        let value = match self.ahead.kind {
            Kind::Number(number) => {
                self.take();
                Value::Plain(number.to_owned())
            }
            Kind::Word(word @ ("TRUE" | "FALSE")) => {
                self.take();
                Value::Plain(word.to_ascii_lowercase())
            }
            Kind::Word(_) => return self.named_value(),
            _ => {
                let help = "write a number, a text in quotes, TRUE or FALSE, or the name of a constant above";
                self.unexpected("a value", help);
                return None;
            }
        };
        Some(Node { value, at })
    }

    fn number(&mut self, place: Place, node: &Node<Value>) -> Option<Number> {
        let number = match &node.value {
            Value::Plain(text) => number(text),
            Value::Text(_) => None,
        };
        match number {
            Some(Number::Whole(whole)) if place.primitive.is_some_and(Primitive::is_float) => {
                Some(Number::Float(whole as f64))
            }
            Some(number) => Some(number),
            None => {
                let message = match &node.value {
                    Value::Plain(text) => format!("`{text}` is not a number of 64 bits"),
                    Value::Text(text) => format!("the text {text:?} is not a number"),
                };
                self.parser
                    .problem(node.at, message, "only numbers can be computed with");
                None
            }
        }
    }
}

impl Number {
    /// As a literal would say it.
    fn text(self) -> String {
        match self {
            Self::Whole(whole) => whole.to_string(),
            Self::Float(float) => format!("{float:?}"),
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(whole) = literal::whole(&octal(text)) {
        return fits(whole).then_some(Number::Whole(whole));
    }
    match literal::scalar(&ElementAst::Primitive(Primitive::Float64), text) {
        Ok(Scalar::Float(float)) if !text.starts_with('0') || text.contains('.') => Some(Number::Float(float)),
        _ => None,
    }
}

fn fits(whole: i128) -> bool {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&whole)
}

fn prefix(place: Place, symbol: &str, operand: Number) -> Result<Number, Wrong> {
    match (symbol, operand) {
        ("-", Number::Whole(whole)) => result(symbol, whole.checked_neg()),
        ("-", Number::Float(float)) => Ok(Number::Float(-float)),
        ("~", Number::Whole(whole)) => match place.primitive.and_then(Primitive::integer_range) {
            // All bits of an unsigned type, and those of the number taken away.
            Some((0, greatest)) => result(symbol, greatest.checked_sub(whole)),
            _ => result(symbol, (-1_i128).checked_sub(whole)),
        },
        ("~", Number::Float(float)) => Err(not_whole(symbol, float)),
        _ => Ok(operand),
    }
}

fn infix(symbol: &str, left: Number, right: Number) -> Result<Number, Wrong> {
    if let (Number::Whole(left), Number::Whole(right)) = (left, right) {
        return result(symbol, whole_step(symbol, left, right)?);
    }
    let (a, b) = (left.float(), right.float());
    let float = match symbol {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" if b == 0.0 => return Err(divided_by_zero(symbol)),
        "/" => a / b,
        _ => {
            let float = if matches!(left, Number::Float(_)) { a } else { b };
            return Err(not_whole(symbol, float));
        }
    };
    if float.is_finite() {
        return Ok(Number::Float(float));
    }
    Err((
        format!("the result of `{symbol}` is not finite"),
        "choose numbers whose result a double can hold",
    ))
}

/// One step of whole numbers; `None` when it overflows whatever there is.
fn whole_step(symbol: &str, left: i128, right: i128) -> Result<Option<i128>, Wrong> {
    Ok(match symbol {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" | "%" if right == 0 => return Err(divided_by_zero(symbol)),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        "<<" | ">>" => match u32::try_from(right) {
            Ok(bits @ 0..64) if symbol == "<<" => left.checked_mul(1_i128 << bits),
            Ok(bits @ 0..64) => Some(left >> bits),
            _ => {
                let message = format!("`{symbol}` shifts by {right} bits");
                return Err((message, "a shift is by 0 to 63 bits"));
            }
        },
        "&" => Some(left & right),
        "|" => Some(left | right),
        _ => Some(left ^ right),
    })
}

fn result(symbol: &str, whole: Option<i128>) -> Result<Number, Wrong> {
    match whole.filter(|whole| fits(*whole)) {
        Some(whole) => Ok(Number::Whole(whole)),
        None => Err((
            format!("the result of `{symbol}` does not fit into 64 bits"),
            "choose numbers whose result does; no type of ROS 2 is larger",
        )),
    }
}

fn divided_by_zero(symbol: &str) -> Wrong {
    (format!("`{symbol}` divides by zero"), "divide by another number")
}

fn not_whole(symbol: &str, float: f64) -> Wrong {
    let message = format!("`{symbol}` is for whole numbers, found {float:?}");
    (message, "write whole numbers, or compute with `+`, `-`, `*` and `/`")
}
