//! The text of a query as a value.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// Deepest nesting of a condition.
const MAX_DEPTH: usize = 64;
/// Longest query, in bytes.
const MAX_LENGTH: usize = 16 << 10;

/// What cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct QueryError {
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Contains,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Exists(String),
    In(String, Vec<Value>),
    Compare(String, Op, Value),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Parsed {
    pub condition: Option<Condition>,
    /// Fields, and whether they fall.
    pub sort: Vec<(String, bool)>,
    pub show: Vec<String>,
    pub limit: Option<usize>,
}

impl Parsed {
    /// The fields to show: those asked for, else those that are spoken of.
    pub(super) fn columns(&self) -> Vec<String> {
        if !self.show.is_empty() {
            return self.show.clone();
        }
        let mut fields = Vec::new();
        if let Some(condition) = &self.condition {
            spoken_of(condition, &mut fields);
        }
        fields.extend(self.sort.iter().map(|(field, _)| field.clone()));
        let mut columns: Vec<String> = Vec::new();
        for field in fields {
            let shown =
                matches!(field.to_lowercase().as_str(), "path" | "file" | "folder" | "name");
            if !shown && !columns.contains(&field) {
                columns.push(field);
            }
        }
        columns
    }
}

fn spoken_of(condition: &Condition, fields: &mut Vec<String>) {
    match condition {
        Condition::Not(inner) => spoken_of(inner, fields),
        Condition::All(all) | Condition::Any(all) => {
            all.iter().for_each(|one| spoken_of(one, fields));
        }
        Condition::Exists(field) | Condition::In(field, _) | Condition::Compare(field, ..) => {
            fields.push(field.clone());
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(&'static str),
}

/// Reads a query; `today` is what the word means.
pub(super) fn parse(text: &str, today: Date) -> Result<Parsed, QueryError> {
    if text.len() > MAX_LENGTH {
        let message = format!("a query has at most {MAX_LENGTH} bytes");
        return Err(QueryError { column: 1, message });
    }
    let tokens = tokens(text)?;
    let end = text.chars().count() + 1;
    let mut parser = Parser { tokens: &tokens, at: 0, end, today };
    parser.query()
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, QueryError> {
    const MARKS: [&str; 9] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ","];
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        let c = chars[at];
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let two: String = chars[at..].iter().take(2).collect();
        if let Some(mark) = MARKS.iter().find(|mark| two.starts_with(**mark)) {
            at += mark.len();
            tokens.push((start + 1, Token::Mark(mark)));
        } else if matches!(c, '"' | '\'') {
            let mut inner = String::new();
            at += 1;
            loop {
                match chars.get(at) {
                    None => {
                        let message = "this text has no end".to_owned();
                        return Err(QueryError { column: start + 1, message });
                    }
                    Some('\\') if chars.get(at + 1).is_some() => {
                        inner.push(chars[at + 1]);
                        at += 2;
                    }
                    Some(end) if *end == c => break,
                    Some(other) => {
                        inner.push(*other);
                        at += 1;
                    }
                }
            }
            at += 1;
            tokens.push((start + 1, Token::Text(inner)));
        } else {
            let ends = |c: &char| c.is_whitespace() || "=<>(),\"".contains(*c) || *c == '!';
            let length = chars[at..].iter().position(ends).unwrap_or(chars.len() - at).max(1);
            at += length;
            tokens.push((start + 1, Token::Word(chars[start..at].iter().collect())));
        }
    }
    Ok(tokens)
}

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    at: usize,
    end: usize,
    today: Date,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Parsed, QueryError> {
        let mut parsed = Parsed::default();
        let tail = ["sort", "order", "show", "limit"];
        if self.word(0).is_some_and(|word| word == "where") {
            self.at += 1;
        }
        // A field may have such a name; then something is compared with it.
        let begins_tail = self.word(0).is_none_or(|word| tail.contains(&word.as_str()))
            && !matches!(self.tokens.get(self.at), Some((_, Token::Text(_) | Token::Mark(_))));
        if !begins_tail || self.is_compared() {
            parsed.condition = Some(self.any(0)?);
        }
        while self.at < self.tokens.len() {
            if self.take("sort") || self.take("order") {
                self.expect("by")?;
                self.sort(&mut parsed)?;
            } else if self.take("show") {
                parsed.show.push(self.name("a field to show")?);
                while self.mark(",") {
                    parsed.show.push(self.name("a field to show")?);
                }
            } else if self.take("limit") {
                let column = self.column();
                let number = self.name("a number")?;
                let limit = number.parse().map_err(|_| QueryError {
                    column,
                    message: format!("`{number}` is no number of notes"),
                })?;
                parsed.limit = Some(limit);
            } else {
                return Err(self.wrong("`and`, `or`, `sort by`, `show` or `limit`"));
            }
        }
        Ok(parsed)
    }

    fn is_compared(&self) -> bool {
        let next = self.tokens.get(self.at + 1).map(|(_, token)| token);
        matches!(next, Some(Token::Mark("=" | "!=" | "<" | "<=" | ">" | ">=")))
    }

    fn sort(&mut self, parsed: &mut Parsed) -> Result<(), QueryError> {
        loop {
            let field = self.name("a field to sort by")?;
            let falling = self.take("desc") || self.take("descending");
            let _rising = !falling && (self.take("asc") || self.take("ascending"));
            parsed.sort.push((field, falling));
            if !self.mark(",") {
                return Ok(());
            }
        }
    }

    fn any(&mut self, depth: usize) -> Result<Condition, QueryError> {
        let mut all = vec![self.all(depth)?];
        while self.take("or") {
            all.push(self.all(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::Any(all) })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, QueryError> {
        let mut all = vec![self.one(depth)?];
        while self.take("and") {
            all.push(self.one(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
    }

    fn one(&mut self, depth: usize) -> Result<Condition, QueryError> {
        if depth > MAX_DEPTH {
            let message = "this is nested too deeply".to_owned();
            return Err(QueryError { column: self.column(), message });
        }
        if self.mark("(") {
            let inner = self.any(depth + 1)?;
            return if self.mark(")") { Ok(inner) } else { Err(self.wrong("`)`")) };
        }
        if self.word(0).is_some_and(|word| word == "not") && !self.is_compared() {
            self.at += 1;
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        let field = self.name("a field")?;
        self.comparison(field)
    }

    fn comparison(&mut self, field: String) -> Result<Condition, QueryError> {
        const OPS: [(&str, Op); 6] = [
            ("=", Op::Equal),
            ("!=", Op::Unequal),
            ("<", Op::Less),
            ("<=", Op::LessEqual),
            (">", Op::Greater),
            (">=", Op::GreaterEqual),
        ];
        for (mark, op) in OPS {
            if self.mark(mark) {
                return Ok(Condition::Compare(field, op, self.value()?));
            }
        }
        if self.take("exists") {
            return Ok(Condition::Exists(field));
        }
        if self.take("contains") {
            return Ok(Condition::Compare(field, Op::Contains, self.value()?));
        }
        let negated = self.take("not");
        if self.take("in") {
            let inside = Condition::In(field, self.values()?);
            return Ok(if negated { Condition::Not(Box::new(inside)) } else { inside });
        }
        if negated && self.take("contains") {
            let inner = Condition::Compare(field, Op::Contains, self.value()?);
            return Ok(Condition::Not(Box::new(inner)));
        }
        Err(self.wrong("`=`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `in` or `exists`"))
    }

    fn values(&mut self) -> Result<Vec<Value>, QueryError> {
        if !self.mark("(") {
            return Err(self.wrong("`(` and values"));
        }
        let mut values = vec![self.value()?];
        while self.mark(",") {
            values.push(self.value()?);
        }
        if self.mark(")") { Ok(values) } else { Err(self.wrong("`)`")) }
    }

    fn value(&mut self) -> Result<Value, QueryError> {
        let column = self.column();
        let Some((_, token)) = self.tokens.get(self.at) else { return Err(self.wrong("a value")) };
        let value = match token {
            Token::Text(text) => Value::from(text.clone()),
            Token::Word(word) => self.meaning(word, column)?,
            Token::Mark(_) => return Err(self.wrong("a value")),
        };
        self.at += 1;
        Ok(value)
    }

    fn meaning(&self, word: &str, column: usize) -> Result<Value, QueryError> {
        let lower = word.to_lowercase();
        Ok(match lower.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            "null" | "none" => Value::Null,
            _ if lower.starts_with("today") => {
                let rest = &lower["today".len()..];
                let shift = shift(rest).ok_or_else(|| QueryError {
                    column,
                    message: format!("`{word}` is no day; write `today`, `today-7d`, `today+2w`"),
                })?;
                let day = self.today.checked_add(shift).map_err(|_| QueryError {
                    column,
                    message: format!("`{word}` is out of all calendars"),
                })?;
                day.to_string().into()
            }
            _ => match word.parse::<f64>().ok().and_then(Number::from_f64) {
                Some(number) => word.parse::<i64>().map_or(Value::Number(number), Value::from),
                None => word.into(),
            },
        })
    }

    fn name(&mut self, what: &str) -> Result<String, QueryError> {
        match self.tokens.get(self.at) {
            Some((_, Token::Word(name) | Token::Text(name))) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => Err(self.wrong(what)),
        }
    }

    /// The word `ahead` of here, in lower case.
    fn word(&self, ahead: usize) -> Option<String> {
        match self.tokens.get(self.at + ahead) {
            Some((_, Token::Word(word))) => Some(word.to_lowercase()),
            _ => None,
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.word(0).is_some_and(|next| next == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), QueryError> {
        if self.take(word) { Ok(()) } else { Err(self.wrong(&format!("`{word}`"))) }
    }

    fn mark(&mut self, mark: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some((_, Token::Mark(m))) if *m == mark);
        self.at += usize::from(found);
        found
    }

    fn column(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(column, _)| *column)
    }

    fn wrong(&self, wanted: &str) -> QueryError {
        let found = match self.tokens.get(self.at) {
            None => "the query ends".to_owned(),
            Some((_, Token::Word(word))) => format!("`{word}` stands there"),
            Some((_, Token::Text(text))) => format!("\"{text}\" stands there"),
            Some((_, Token::Mark(mark))) => format!("`{mark}` stands there"),
        };
        QueryError { column: self.column(), message: format!("{wanted} is expected, {found}") }
    }
}

/// `-7d`, `+2w`, `+1m`, `-1y`, or nothing.
fn shift(text: &str) -> Option<Span> {
    if text.is_empty() {
        return Some(0.days());
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => return None,
    };
    let unit = rest.chars().last()?;
    let number: i64 = rest.strip_suffix(unit)?.parse().ok().filter(|n| (0..100_000).contains(n))?;
    let number = number * sign;
    match unit {
        'd' => Span::new().try_days(number).ok(),
        'w' => Span::new().try_weeks(number).ok(),
        'm' => Span::new().try_months(number).ok(),
        'y' => Span::new().try_years(number).ok(),
        _ => None,
    }
}
