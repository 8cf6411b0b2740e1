//! `log`: what nodes say on `/rosout`, and who really says it.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use nuncio::msgs::rcl_interfaces::msg::Log as Line;
use nuncio::{NodeName, QosProfile, Received, rosout};

use super::{CommandError, Outcome};
use crate::answers::parameter::LogLine;
use crate::cli::{Log, LogLevel};
use crate::refusal_talk::{RefusalTalk, summary};
use crate::render::{OutputError, Render, Tone, utc};
use crate::session::Session;

/// How many lines wait while others are shown.
const QUEUE_DEPTH: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");

/// Longer than anybody waits, shorter than what timers cannot count.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

pub(super) async fn run(session: &mut Session<'_>, args: Log) -> Result<Outcome, CommandError> {
    let qos = QosProfile {
        depth: QUEUE_DEPTH,
        ..QosProfile::best_available()
    };
    let lines = session.node.subscriber_with::<Line>(rosout::TOPIC, qos)?;
    let (render, patience) = (session.render, session.timeout.unwrap_or(FOREVER));
    let (mut talk, mut shown) = (RefusalTalk::default(), 0);
    while args.times.is_none_or(|times| shown < times) {
        tokio::select! {
            line = tokio::time::timeout(patience, lines.recv()) => match line {
                Err(_) => break,
                Ok(line) => {
                    let line = line?;
                    let is_from = args.node.as_ref().is_none_or(|node| line.info.node == *node);
                    if is_from && line.message.level >= threshold(args.level) {
                        shown += 1;
                        show(render, &line)?;
                        render.flush()?;
                    }
                }
            },
            event = session.node.next_refusal() => {
                let refusal = event?.refusal;
                if let Some(line) = talk.line(refusal.reason, &refusal.to_string(), Instant::now()) {
                    render.warning(line);
                }
            }
            () = session.interrupt.wished() => break,
        }
    }
    let stats = lines.stats();
    if stats.dropped > 0 {
        render.warning(format!("{} lines came faster than they could be shown", stats.dropped));
    }
    if let Some(line) = summary(&stats.refused) {
        render.warning(line);
        return Ok(Outcome::Refused);
    }
    Ok(match shown {
        0 => {
            render.note("no such line");
            Outcome::Nothing
        }
        _ => Outcome::Found,
    })
}

fn show(render: &Render, line: &Received<Line>) -> Result<(), OutputError> {
    let (said, info) = (&line.message, &line.info);
    let is_own = bears_own_name(&said.name, &info.node);
    if render.is_json() {
        return render.answer(&LogLine {
            stamp_ns: i64::from(said.stamp.sec) * 1_000_000_000 + i64::from(said.stamp.nanosec),
            level: word(said.level),
            node: info.node.as_str(),
            signer: info.signer.to_string(),
            verdict: info.verdict.as_str(),
            provenance: info.provenance.as_str(),
            name: &said.name,
            name_is_own: is_own,
            msg: &said.msg,
            file: &said.file,
            function: &said.function,
            line: said.line,
        });
    }
    let name = match is_own {
        true => said.name.clone(),
        false => format!("{} (which says that it is {:?})", info.node, said.name),
    };
    let level = word(said.level).to_uppercase();
    let text = format!("{} {level:5} {name}: {}", utc(info.source_time_ns), said.msg);
    let tone = match said.level {
        _ if !is_own => Some(Tone::Warning),
        Line::WARN.. => Some(Tone::Warning),
        0..Line::INFO => Some(Tone::Quiet),
        _ => None,
    };
    render.line(tone, &text)
}

/// Whether a logger's name is that of the node, as ROS 2 writes it, or of a child of it.
fn bears_own_name(name: &str, node: &NodeName) -> bool {
    let own = rosout::logger(node);
    let name = name.trim_start_matches('/');
    // Some write the node's name itself.
    [own.as_str(), node.as_str().trim_start_matches('/')].iter().any(|own| {
        name.strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

const fn threshold(level: LogLevel) -> u8 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Info => Line::INFO,
        LogLevel::Warn => Line::WARN,
        LogLevel::Error => Line::ERROR,
        LogLevel::Fatal => Line::FATAL,
    }
}

/// The word for a level; those between two have that of the lower one.
const fn word(level: u8) -> &'static str {
    match level {
        Line::FATAL.. => "fatal",
        Line::ERROR.. => "error",
        Line::WARN.. => "warn",
        Line::INFO.. => "info",
        _ => "debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logger_is_the_node_itself_or_a_child_of_it() {
        let node = NodeName::parse("/robot_1/planner").unwrap();
        for own in [
            "robot_1.planner",
            "robot_1.planner.path",
            "/robot_1/planner",
            "robot_1/planner",
        ] {
            assert!(bears_own_name(own, &node), "{own}");
        }
        for other in ["planner", "robot_1.plannerx", "robot_2.planner", "robot_1", ""] {
            assert!(!bears_own_name(other, &node), "{other}");
        }
    }

    #[test]
    fn levels_between_two_have_the_word_of_the_lower_one() {
        let words = [0, 10, 19, 20, 35, 40, 50, 255].map(word);
        assert_eq!(
            words,
            ["debug", "debug", "debug", "info", "warn", "error", "fatal", "fatal"]
        );
    }
}
