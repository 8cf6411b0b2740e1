//! From the text of a filter to its expression.

use super::{Expression, Fact, FilterError, Number, Operand, Operator, Step, What, Wrong};

/// The longest filter that is read, in bytes.
const TEXT_LEN_MAX: usize = 4096;

/// How deep conditions may lie inside each other.
const DEPTH_MAX: usize = 32;

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    if text.len() > TEXT_LEN_MAX {
        let problem = format!("it has {} bytes; a filter has at most {TEXT_LEN_MAX}", text.len());
        return Err(FilterError::new("", 1, problem));
    }
    let mut parser = Parser {
        characters: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let parsed = parser.whole();
    parsed.map_err(|(column, problem)| FilterError::new(text, column, problem))
}

struct Parser {
    characters: Vec<char>,
    /// The next one to be read.
    at: usize,
    depth: usize,
}

impl Parser {
    fn whole(&mut self) -> Result<Expression, Wrong> {
        let expression = self.any()?;
        match self.peek() {
            None => Ok(expression),
            Some('=') => self.wrong("write `==` to compare"),
            Some('&') => self.wrong("write `&&` for: both"),
            Some('|') => self.wrong("write `||` for: at least one"),
            Some(')') => self.wrong("there is no `(` for this `)`"),
            Some(_) => self.wrong("`&&`, `||` or the end is expected here"),
        }
    }

    fn any(&mut self) -> Result<Expression, Wrong> {
        let mut parts = vec![self.all()?];
        while self.takes("||") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, Wrong> {
        let mut parts = vec![self.negated()?];
        while self.takes("&&") {
            parts.push(self.negated()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn negated(&mut self) -> Result<Expression, Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.wrong(&format!("conditions lie more than {DEPTH_MAX} deep in each other"));
        }
        let expression = if self.peek() == Some('!') && self.characters.get(self.at + 1) != Some(&'=') {
            self.at += 1;
            Expression::Not(Box::new(self.negated()?))
        } else if self.peek() == Some('(') {
            let opened = self.column();
            self.at += 1;
            let inner = self.any()?;
            if !self.takes(")") {
                return match self.peek() {
                    None => Err((opened, "this `(` has no `)`".to_owned())),
                    Some(_) => self.wrong("`)`, `&&` or `||` is expected here"),
                };
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn comparison(&mut self) -> Result<Expression, Wrong> {
        let left = self.operand()?;
        self.skip_space();
        let column = self.column();
        let Some(operator) = self.operator() else {
            return Ok(Expression::Is(left));
        };
        let right = self.operand()?;
        Ok(Expression::Compare {
            left,
            operator,
            right,
            column,
        })
    }

    fn operator(&mut self) -> Option<Operator> {
        // The longer ones first.
        let operators = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        if let Some((_, operator)) = operators.into_iter().find(|(text, _)| self.takes(text)) {
            return Some(operator);
        }
        let before = self.at;
        match self.takes(Operator::Contains.as_str()) && !self.goes_on_as_word() {
            true => Some(Operator::Contains),
            false => {
                self.at = before;
                None
            }
        }
    }

    fn goes_on_as_word(&self) -> bool {
        let next = self.characters.get(self.at);
        next.is_some_and(|next| is_word(*next) || next.is_ascii_digit())
    }

    fn operand(&mut self) -> Result<Operand, Wrong> {
        let next = self.peek();
        let column = self.column();
        let what = match next {
            None => return self.wrong("a field, a number or a text is expected here"),
            Some(quote @ ('"' | '\'')) => What::Text(self.text(quote)?),
            Some('0'..='9' | '-' | '+') => What::Number(self.number()?),
            Some('.') => {
                self.at += 1;
                What::Field(self.path()?)
            }
            Some(first) if is_word(first) => self.word()?,
            Some(_) => return self.wrong("a field, a number or a text is expected here"),
        };
        Ok(Operand { what, column })
    }

    fn word(&mut self) -> Result<What, Wrong> {
        let path = self.path()?;
        let [Step::Field(word)] = path.as_slice() else {
            return Ok(What::Field(path));
        };
        if word == "len" && self.characters.get(self.at) == Some(&'(') {
            return self.length();
        }
        let fact = Fact::ALL.iter().find(|(name, _)| name == word);
        Ok(match (word.as_str(), fact) {
            ("true", _) => What::Truth(true),
            ("false", _) => What::Truth(false),
            (_, Some((_, fact))) => What::Fact(*fact),
            _ => What::Field(path),
        })
    }

    /// What stands behind `len`.
    fn length(&mut self) -> Result<What, Wrong> {
        self.at += 1;
        self.takes(".");
        self.skip_space();
        let path = self.path()?;
        match self.takes(")") {
            true => Ok(What::Length(path)),
            false => self.wrong("`)` is expected here, as in len(ranges)"),
        }
    }

    fn path(&mut self) -> Result<Vec<Step>, Wrong> {
        let mut steps = vec![Step::Field(self.name()?)];
        loop {
            match self.characters.get(self.at) {
                Some('.') => {
                    self.at += 1;
                    steps.push(Step::Field(self.name()?));
                }
                Some('[') => {
                    self.at += 1;
                    let digits = self.while_so(|character| character.is_ascii_digit());
                    let Ok(index) = digits.parse() else {
                        return self.wrong("an index is expected here, such as [0]");
                    };
                    if self.characters.get(self.at) != Some(&']') {
                        return self.wrong("`]` is expected here");
                    }
                    self.at += 1;
                    steps.push(Step::Index(index));
                }
                _ => return Ok(steps),
            }
        }
    }

    fn name(&mut self) -> Result<String, Wrong> {
        let name = self.while_so(|character| is_word(character) || character.is_ascii_digit());
        match name.is_empty() {
            true => self.wrong("the name of a field is expected here"),
            false => Ok(name),
        }
    }

    fn number(&mut self) -> Result<Number, Wrong> {
        let column = self.column();
        let mut text = String::new();
        while let Some(next) = self.characters.get(self.at) {
            let is_sign = matches!(next, '+' | '-') && (text.is_empty() || text.ends_with(['e', 'E']));
            if !(next.is_ascii_alphanumeric() || *next == '.' || is_sign) {
                break;
            }
            text.push(*next);
            self.at += 1;
        }
        if let Ok(whole) = text.parse::<i128>() {
            return Ok(Number::Whole(whole));
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() && text.contains(|c: char| c.is_ascii_digit()) => Ok(Number::Float(float)),
            _ => Err((column, format!("{text:?} is no number"))),
        }
    }

    fn text(&mut self, quote: char) -> Result<String, Wrong> {
        let opened = self.column();
        self.at += 1;
        let mut text = String::new();
        loop {
            let next = self.characters.get(self.at).copied();
            self.at += 1;
            match next {
                None => return Err((opened, format!("this text has no {quote} at its end"))),
                Some(end) if end == quote => return Ok(text),
                Some('\\') => match self.characters.get(self.at).copied() {
                    Some(escaped @ ('\\' | '"' | '\'')) => {
                        self.at += 1;
                        text.push(escaped);
                    }
                    Some('n') => {
                        self.at += 1;
                        text.push('\n');
                    }
                    _ => return Err((self.at, "after `\\` stands `\\`, a quote or `n`".to_owned())),
                },
                Some(other) => text.push(other),
            }
        }
    }

    fn while_so(&mut self, so: impl Fn(char) -> bool) -> String {
        let found: String = self
            .characters
            .iter()
            .skip(self.at)
            .copied()
            .take_while(|next| so(*next))
            .collect();
        self.at += found.chars().count();
        found
    }

    /// Takes this text, if it comes next.
    fn takes(&mut self, text: &str) -> bool {
        self.skip_space();
        let comes = text
            .chars()
            .enumerate()
            .all(|(index, character)| self.characters.get(self.at + index) == Some(&character));
        if comes {
            self.at += text.chars().count();
        }
        comes
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.characters.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.characters.get(self.at).is_some_and(|next| next.is_whitespace()) {
            self.at += 1;
        }
    }

    /// The column of the next character, from 1.
    fn column(&self) -> usize {
        self.at + 1
    }

    fn wrong<T>(&self, problem: &str) -> Result<T, Wrong> {
        Err((self.column(), problem.to_owned()))
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

fn one_or(mut parts: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            several(parts)
        }
    }
}
