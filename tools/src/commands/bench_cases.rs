//! The measurements of `bench` that are made only when they are asked for; see `crate::bench`.

use schemars::JsonSchema;
use serde::Serialize;

use super::CommandError;
use super::bench::{lost, show};
use crate::bench::rate::AtRate;
use crate::bench::robot::Robot;
use crate::bench::service::ServiceCalls;
use crate::bench::{Costs, NearEnd, Settings, late_joiners, memory, rate, robot, service};
use crate::cli::BenchCase;
use crate::render::{Render, Table, grouped};

/// Those that are measured only when they are asked for.
pub(super) async fn run(
    render: &Render,
    settings: Settings,
    near: &mut NearEnd,
    case: BenchCase,
    costs: Costs,
) -> Result<(), CommandError> {
    match case {
        BenchCase::Rate => {
            let at_rate = rate::measure(near, settings);
            show_at_rate(render, &render.progress("measuring a steady stream", at_rate).await?)
        }
        BenchCase::Robot => {
            let robot = robot::measure(near, settings, costs);
            show_robot(render, &render.progress("measuring a robot", robot).await?)
        }
        BenchCase::Service => {
            let calls = service::measure(near, settings);
            show_service(render, &render.progress("measuring calls of a service", calls).await?)
        }
        BenchCase::LateJoiners => {
            let joiners = late_joiners::measure(near);
            let joiners = render.progress("letting a thousand subscribers join", joiners).await?;
            show_words(render, &joiners.answer(), &joiners.words())
        }
        BenchCase::Memory => {
            let memory = memory::measure(near);
            let memory = render.progress("measuring memory", memory).await?;
            show_words(render, &memory.answer(), &memory.words())
        }
        BenchCase::All
        | BenchCase::Throughput
        | BenchCase::Latency
        | BenchCase::Cost
        | BenchCase::Fleet
        | BenchCase::Outbox => Ok(()),
    }
}

fn show_at_rate(render: &Render, measured: &[AtRate]) -> Result<(), CommandError> {
    if render.is_json() {
        measured
            .iter()
            .try_for_each(|at_rate| render.answer(&at_rate.answer()))?;
        return Ok(render.flush()?);
    }
    let mut table = Table::new([
        "LINK",
        "",
        "P50 µs",
        "P99 µs",
        "ADDED P99 µs",
        "SIGNING % OF A CORE",
        "LOST",
    ]);
    let raw = measured.first().map(|first| ("raw", first, &first.raw));
    let signed = measured.iter().map(|one| (one.qos, one, &one.signed));
    for (name, at_rate, stream) in raw.into_iter().chain(signed) {
        let is_signed = name != "raw";
        let if_signed = |number: f64| {
            if is_signed {
                format!("{number:.1}")
            } else {
                "-".to_owned()
            }
        };
        table.row([
            at_rate.link.clone(),
            name.to_owned(),
            format!("{:.1}", stream.p50_us()),
            format!("{:.1}", stream.p99_us()),
            if_signed(at_rate.added_p99_us()),
            if_signed(stream.signing_percent()),
            lost(stream.sent, stream.received),
        ]);
    }
    show(
        render,
        "One way of a Twist at 10,000 a second on one topic, from when it was due; by QoS profile",
        &table,
    )
}

fn show_robot(render: &Render, measured: &[Robot]) -> Result<(), CommandError> {
    if render.is_json() {
        measured.iter().try_for_each(|robot| render.answer(&robot.answer()))?;
        return Ok(render.flush()?);
    }
    let mut table = Table::new(["SPREAD", "SIGNING", "TALKER", "VERIFYING", "OTHER CHECKS", "LISTENER"]);
    for robot in measured {
        let percent = |percent: f64| format!("{percent:.1}");
        table.row([
            robot.spread().to_owned(),
            percent(robot.signing_percent()),
            percent(robot.talker_percent()),
            percent(robot.verifying_percent()),
            percent(robot.checks_percent()),
            percent(robot.listener_percent()),
        ]);
    }
    show(
        render,
        "A robot of 200 topics at 50 Hz and whoever hears them all, in % of a core",
        &table,
    )
}

fn show_service(render: &Render, calls: &ServiceCalls) -> Result<(), CommandError> {
    if render.is_json() {
        render.answer(&calls.answer())?;
        return Ok(render.flush()?);
    }
    let mut table = Table::new(["LINK", "", "P50 µs", "P99 µs", "CALLS/S", "UNANSWERED"]);
    for (name, side) in [("raw", &calls.raw), ("signed", &calls.signed)] {
        table.row([
            calls.link.clone(),
            name.to_owned(),
            format!("{:.1}", side.percentile(50)),
            format!("{:.1}", side.percentile(99)),
            grouped(side.rate()),
            side.unanswered.to_string(),
        ]);
    }
    let title = format!(
        "Calls of a service, one after the other, and a second with {} callers; signed takes {:.2} times as long",
        calls.callers(),
        calls.ratio()
    );
    show(render, &title, &table)
}

fn show_words(render: &Render, answer: &(impl Serialize + JsonSchema), words: &str) -> Result<(), CommandError> {
    match render.is_json() {
        true => render.answer(answer)?,
        false => render.line(None, words)?,
    }
    Ok(render.flush()?)
}
