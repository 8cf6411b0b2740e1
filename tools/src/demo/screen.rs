//! The screen: the tally as a table that is redrawn in place, as plain lines, or as one line of JSON.

use std::collections::VecDeque;
use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use nuncio::PublicKey;

use super::tally::Tally;
use super::topic::Topic;

/// How often a table is redrawn.
const REDRAW_PERIOD: Duration = Duration::from_millis(200);
/// How often a plain line is written.
const LINE_PERIOD: Duration = Duration::from_secs(1);
/// The time over which rates are measured.
const RATE_WINDOW: Duration = Duration::from_secs(2);

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[1;32m";
const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";

/// How the demonstration is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presentation {
    /// A table, redrawn in place.
    Table {
        /// Whether with colour.
        color: bool,
    },
    /// A line per second and the table at the end.
    Lines,
    /// One line of JSON at the end.
    Json,
}

impl Presentation {
    /// What suits standard output. `NO_COLOR` is honoured, and a dumb terminal gets plain lines.
    pub(crate) fn for_stdout() -> Self {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        if io::stdout().is_terminal() && !is_dumb {
            Self::Table {
                color: !is_set("NO_COLOR"),
            }
        } else {
            Self::Lines
        }
    }
}

/// Where the tally is shown while it grows.
#[derive(Debug)]
pub(super) struct Screen {
    presentation: Presentation,
    planned: Duration,
    rates: Rates,
    /// How many lines of a table stand above the cursor.
    drawn: usize,
}

impl Screen {
    pub(super) fn new(presentation: Presentation, planned: Duration) -> Self {
        Self {
            presentation,
            planned,
            rates: Rates::default(),
            drawn: 0,
        }
    }

    /// The time from one [`show`](Self::show) to the next.
    pub(super) fn period(&self) -> Duration {
        match self.presentation {
            Presentation::Table { .. } => REDRAW_PERIOD,
            Presentation::Lines | Presentation::Json => LINE_PERIOD,
        }
    }

    /// Shows how things stand.
    pub(super) fn show(&mut self, tally: &Tally, elapsed: Duration) -> io::Result<()> {
        self.rates.note(tally, Instant::now());
        match self.presentation {
            Presentation::Table { color } => self.redraw(tally, elapsed, color),
            Presentation::Lines => put(&line(tally, elapsed)),
            Presentation::Json => Ok(()),
        }
    }

    /// Shows how it ended.
    pub(super) fn conclude(&mut self, tally: &Tally, elapsed: Duration) -> io::Result<()> {
        self.rates.note(tally, Instant::now());
        let color = match self.presentation {
            Presentation::Json => {
                let answer = serde_json::to_string(&tally.answer())?;
                return put(&format!("{answer}\n"));
            }
            Presentation::Table { color } => color,
            Presentation::Lines => false,
        };
        self.redraw(tally, elapsed, color)?;
        put(&verdict(tally, color))
    }

    fn redraw(&mut self, tally: &Tally, elapsed: Duration, color: bool) -> io::Result<()> {
        let table = table(tally, &self.rates, elapsed, self.planned, color);
        let mut text = String::new();
        if self.drawn > 0 {
            _ = write!(text, "\x1b[{}A", self.drawn);
        }
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push_str(if self.presentation == Presentation::Lines {
                "\n"
            } else {
                "\x1b[K\n"
            });
        }
        if self.presentation != Presentation::Lines {
            self.drawn = table.lines().count();
        }
        put(&text)
    }
}

/// How many messages per second each topic delivered lately.
#[derive(Debug, Default)]
struct Rates {
    noted: VecDeque<(Instant, Vec<(Topic, u64)>)>,
}

impl Rates {
    fn note(&mut self, tally: &Tally, now: Instant) {
        let delivered = tally.topics.iter().map(|topic| (topic.topic, topic.reading.delivered));
        self.noted.push_back((now, delivered.collect()));
        while self.noted.len() > 2
            && self
                .noted
                .get(1)
                .is_some_and(|(then, _)| now.duration_since(*then) >= RATE_WINDOW)
        {
            self.noted.pop_front();
        }
    }

    fn of(&self, topic: Topic) -> Option<f64> {
        let ((then, first), (now, last)) = (self.noted.front()?, self.noted.back()?);
        let count = |noted: &[(Topic, u64)]| noted.iter().find(|(of, _)| *of == topic).map(|(_, count)| *count);
        let seconds = now.duration_since(*then).as_secs_f64();
        let more = count(last)?.saturating_sub(count(first)?);
        (seconds > 0.0).then(|| more as f64 / seconds)
    }
}

/// The whole table, at most 79 columns and 24 lines with the verdict.
fn table(tally: &Tally, rates: &Rates, elapsed: Duration, planned: Duration, color: bool) -> String {
    let mut text = String::new();
    let (bold, plain) = if color { (BOLD, PLAIN) } else { ("", "") };
    let clock = format!("{} s of {} s", elapsed.as_secs(), planned.as_secs());
    _ = writeln!(
        text,
        "{bold}{:<60}{clock:>19}{plain}",
        "two robots, an operator and an attacker on one network"
    );
    _ = writeln!(
        text,
        "{bold}{:<19}{:>9}{:>6}{:>8}{:>11}{:>11}  {:<13}{plain}",
        "topic", "delivered", "lost", "per s", "half in", "99 % in", "signed by"
    );
    for topic in &tally.topics {
        let rate = rates
            .of(topic.topic)
            .map_or("-".to_owned(), |rate| format!("{rate:.1}"));
        let (half, most) = topic.reading.delays_ns.unzip();
        _ = writeln!(
            text,
            "{:<19}{:>9}{:>6}{rate:>8}{:>11}{:>11}  {:<13}",
            topic.topic,
            topic.reading.delivered,
            topic.reading.missing,
            milliseconds(half),
            milliseconds(most),
            short(&topic.signer),
        );
    }
    match &tally.causation {
        Some(tale) => {
            _ = writeln!(
                text,
                "command {} follows from answer {}: {:?}",
                tale.command, tale.answer, tale.words
            )
        }
        None => text.push('\n'),
    }
    _ = writeln!(
        text,
        "{bold}{:<26}{:<19}{:>6}{:>8}  {:<18}{plain}",
        "attack", "tried on", "sent", "refused", "as"
    );
    for tally in &tally.attacks {
        let attack = tally.attack;
        let fate = if tally.refused > 0 {
            attack.fate().to_string()
        } else {
            String::new()
        };
        let (name, topic, sent, refused) = (attack.name(), attack.topic(), tally.sent, tally.refused);
        _ = writeln!(text, "{name:<26}{topic:<19}{sent:>6}{refused:>8}  {fate:<18}");
    }
    for ((topic, fate), count) in &tally.unexpected {
        _ = writeln!(
            text,
            "{:<26}{topic:<19}{:>6}{count:>8}  {fate:<18}",
            "(something else)", ""
        );
    }
    text
}

/// How things stand, in one line.
fn line(tally: &Tally, elapsed: Duration) -> String {
    format!(
        "{:>3} s: genuine {} delivered, {} lost; forged {} sent, {} refused, {} delivered\n",
        elapsed.as_secs(),
        tally.delivered(),
        tally.missing(),
        tally.forged_sent(),
        tally.refused(),
        tally.forged_delivered(),
    )
}

fn verdict(tally: &Tally, color: bool) -> String {
    let paint = |text: &str, with: &str| {
        if color {
            format!("{with}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    };
    let problems = tally.problems();
    if problems.is_empty() {
        let (delivered, forged) = (tally.delivered(), tally.forged_sent());
        format!(
            "{}: all {delivered} genuine messages arrived, none of {forged} forged ones did\n",
            paint("passed", GREEN)
        )
    } else {
        format!("{}: {}\n", paint("FAILED", RED), problems.join("; "))
    }
}

fn milliseconds(ns: Option<i64>) -> String {
    ns.map_or("-".to_owned(), |ns| format!("{:.2} ms", ns as f64 / 1e6))
}

/// The first characters of a key, which are enough to tell a few keys apart.
fn short(key: &PublicKey) -> String {
    let text = key.to_string();
    let base58 = text.strip_prefix("did:key:").unwrap_or(&text);
    format!("{}..", base58.chars().take(11).collect::<String>())
}

fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(color: bool) -> String {
        let (elapsed, planned) = (Duration::from_secs(3), Duration::from_secs(86_400));
        table(&Tally::good(), &Rates::default(), elapsed, planned, color)
    }

    #[test]
    fn the_table_and_the_verdict_fit_a_small_terminal() {
        let text = sample(false);
        assert!(text.lines().all(|line| line.chars().count() <= 79), "{text}");
        let lines = text.lines().count() + verdict(&Tally::good(), false).lines().count();
        assert!(lines <= 23, "{lines} lines, and one for the prompt");
    }

    #[test]
    fn without_colour_there_is_no_escape_sequence() {
        assert!(!sample(false).contains('\x1b') && !verdict(&Tally::good(), false).contains('\x1b'));
        assert!(sample(true).contains(BOLD) && verdict(&Tally::good(), true).contains(GREEN));
    }

    #[test]
    fn a_bad_end_is_said_in_words() {
        let mut tally = Tally::good();
        tally.topics[0].sent += 3;
        assert_eq!(verdict(&tally, false), "FAILED: 3 genuine messages were lost\n");
    }

    #[test]
    fn rates_are_those_of_the_last_two_seconds() {
        let (mut rates, mut tally, start) = (Rates::default(), Tally::good(), Instant::now());
        assert_eq!(rates.of(Topic::Commands), None);
        for (second, delivered) in [(0, 0), (1, 1000), (2, 2000), (3, 2100), (4, 2200)] {
            tally.topics[0].reading.delivered = delivered;
            rates.note(&tally, start + Duration::from_secs(second));
        }
        assert_eq!(rates.of(Topic::Commands), Some(100.0));
        assert!(rates.noted.len() <= 3, "{:?}", rates.noted);
    }
}
