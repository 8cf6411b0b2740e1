//! `prove`: attacks on this very build, each with its verdict; see [`prove`].

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::{CommandError, Outcome};
use crate::answers::program::AttackListed;
use crate::cli::{Attack, Prove, Selection};
use crate::prove::{self, Settings};
use crate::render::{Render, Table, Tone};

/// Runs the attacks. They use keys and links of their own and touch no keystore of the user's.
pub(super) async fn run(render: &Render, args: Prove) -> Result<Outcome, CommandError> {
    let attacks = match &args.selection {
        Selection::List => return list(render),
        Selection::All => Attack::value_variants(),
        Selection::One(attack) => std::slice::from_ref(attack),
    };
    let mut failed = Vec::new();
    for attack in attacks {
        let settings = Settings {
            n: args.n.unwrap_or(prove::attempts(*attack)),
            seed: match args.seed {
                Some(seed) => seed,
                None => prove::fresh_seed()?,
            },
        };
        let name = prove::name(*attack);
        if !render.is_json() {
            render.note(format!("{name}: {}", prove::what(*attack)));
        }
        let since = Instant::now();
        let attacked = render.progress(&name, prove::run(*attack, settings)).await;
        let report = match attacked {
            Ok(report) => report,
            Err(error) => prove::Report::failed(*attack, &error),
        };
        show(render, &report, since.elapsed(), settings.seed)?;
        if !report.is_ok() {
            failed.push(name);
        }
    }
    match failed.is_empty() {
        true => Ok(Outcome::Found),
        false => Err(NotAsPromised { attacks: failed }.into()),
    }
}

fn show(render: &Render, report: &prove::Report, elapsed: Duration, seed: u64) -> Result<(), CommandError> {
    if render.is_json() {
        render.answer(&report.answer(elapsed, seed))?;
    } else {
        let tone = if report.is_ok() { Tone::Strong } else { Tone::Warning };
        render.line(Some(tone), &report.line(elapsed))?;
        for problem in report.problems() {
            render.line(Some(Tone::Warning), &format!("  {problem}"))?;
        }
        if !report.is_ok() {
            render.line(None, &format!("  again with the same choices: --seed {seed}"))?;
        }
    }
    Ok(render.flush()?)
}

fn list(render: &Render) -> Result<Outcome, CommandError> {
    let mut table = Table::new(["ATTACK", "ATTEMPTS", "WHAT IT DOES"]);
    for attack in Attack::value_variants() {
        let (name, attempts, what) = (prove::name(*attack), prove::attempts(*attack), prove::what(*attack));
        if render.is_json() {
            render.answer(&AttackListed {
                attack: name,
                attempts,
                what,
            })?;
        } else {
            table.row([name, attempts.to_string(), what]);
        }
    }
    if !render.is_json() {
        for line in table.lines(0) {
            render.line(None, &line)?;
        }
    }
    Ok(Outcome::Found)
}

/// Some attacks did not end as promised.
#[derive(Debug)]
struct NotAsPromised {
    attacks: Vec<String>,
}

impl fmt::Display for NotAsPromised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not as promised: {}; the summary of each says what went wrong",
            self.attacks.join(", ")
        )
    }
}

impl Error for NotAsPromised {}
