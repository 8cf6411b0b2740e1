//! `bench`: raw Zenoh and signed topics side by side on this machine; see `crate::bench`.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bench_cases;
use super::{CommandError, Outcome};
use crate::bench::outbox::Kept;
use crate::bench::{
    self, Costs, Latency, Load, NearEnd, Road, Settings, Side, Throughput, fleet::Fleet, fleet::FleetSize,
};
use crate::cli::{Bench, BenchCase};
use crate::interrupt::Interrupt;
use crate::render::{Render, Table, Tone, bytes, grouped};

/// What was measured so far.
#[derive(Debug, Default)]
struct Measured {
    throughput: Vec<Throughput>,
    latency: Option<Latency>,
    costs: Option<Costs>,
    /// The throughput of these many sizes has been shown to people.
    shown: usize,
}

/// Measures. Keys, links and processes are of its own; the user's keystore is not touched.
pub(super) async fn run(render: &Render, args: Bench) -> Result<Outcome, CommandError> {
    let mut interrupt = Interrupt::listen()?;
    let mut measured = Measured::default();
    let ended = tokio::select! {
        ended = measure(render, &args, &mut measured) => ended,
        () = interrupt.wished() => Ok(()),
    };
    ended?;
    if !render.is_json() {
        show_throughput(render, &mut measured)?;
        closing_words(render, &measured)?;
    }
    if let Some(path) = &args.svg {
        draw(path, &bench::svg(&measured.throughput, measured.latency.as_ref()))?;
    }
    for throughput in &measured.throughput {
        throughput.check_nothing_lost()?;
    }
    Ok(Outcome::Found)
}

async fn measure(render: &Render, args: &Bench, measured: &mut Measured) -> Result<(), CommandError> {
    let mut settings = Settings::new(args.quick);
    if let Some(seconds) = args.seconds {
        settings = settings.in_one_turn_of(Duration::from_secs(seconds));
    }
    if args.case == BenchCase::Fleet {
        let size = FleetSize {
            nodes: args.nodes.into(),
            topics: args.topics.into(),
            has_router: args.router,
        };
        let fleet = render
            .progress("letting all nodes meet", bench::fleet::measure(settings, size))
            .await?;
        show_fleet(render, &fleet)?;
        return Ok(fleet.check_all_met()?);
    }
    if args.case == BenchCase::Outbox {
        let measured = render
            .progress("writing to the disk", bench::outbox::measure(settings))
            .await?;
        return measured.iter().try_for_each(|kept| show_kept(render, kept));
    }
    let wants = |case| args.case == case || args.case == BenchCase::All;
    // Latency needs the costs to say where its time goes.
    let costs = render
        .progress("measuring the steps of a message", bench::cost::measure())
        .await?;
    measured.costs = Some(costs);
    let mut near = None;
    if args.case != BenchCase::Cost {
        let near = near.insert(render.progress("opening both ends", NearEnd::open(Road::Tcp)).await?);
        if wants(BenchCase::Throughput) {
            throughput(render, settings, &args.sizes, near, measured).await?;
        }
        if wants(BenchCase::Latency) {
            latency(render, settings, near, measured, &costs).await?;
        }
        bench_cases::run(render, settings, near, args.case, costs).await?;
    }
    if wants(BenchCase::Throughput) {
        if let Some(near) = near.take() {
            near.close().await;
        }
        let near = near.insert(
            render
                .progress("opening both ends", NearEnd::open(Road::Chosen))
                .await?,
        );
        if measured.throughput.iter().all(|before| before.link != near.link()) {
            throughput(render, settings, &args.sizes, near, measured).await?;
        }
    }
    if let Some(near) = near.take() {
        near.close().await;
    }
    if wants(BenchCase::Cost) {
        show_costs(render, &costs)?;
    }
    Ok(())
}

async fn throughput(
    render: &Render,
    settings: Settings,
    sizes: &[usize],
    near: &mut NearEnd,
    measured: &mut Measured,
) -> Result<(), CommandError> {
    for load in settings.loads(sizes) {
        let what = format!("measuring messages of {}", bytes(load.size() as f64));
        let throughput = render
            .progress(&what, bench::throughput::measure(near, settings, load))
            .await?;
        if render.is_json() {
            render.answer(&throughput.answer())?;
            render.flush()?;
        }
        measured.throughput.push(throughput);
    }
    if render.is_json() {
        return Ok(());
    }
    show_throughput(render, measured)
}

async fn latency(
    render: &Render,
    settings: Settings,
    near: &mut NearEnd,
    measured: &mut Measured,
    costs: &Costs,
) -> Result<(), CommandError> {
    let latency = render
        .progress("measuring round trips", bench::latency::measure(near, settings))
        .await?;
    show_latency(render, &latency, costs)?;
    measured.latency = Some(latency);
    Ok(())
}

fn show_throughput(render: &Render, measured: &mut Measured) -> Result<(), CommandError> {
    let all = measured.throughput.get(measured.shown..).unwrap_or_default();
    if all.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["SIZE", "LINK", "RAW/S", "SIGNED/S", "RATIO", "RAW LOST", "SIGNED LOST"]);
    for throughput in all {
        table.row([
            match throughput.load {
                Load::Twist => "Twist".to_owned(),
                Load::Bytes(size) => bytes(size as f64),
            },
            throughput.link.clone(),
            grouped(throughput.raw.rate()),
            grouped(throughput.signed.rate()),
            format!("{:.2}", throughput.ratio()),
            lost_of(&throughput.raw),
            lost_of(&throughput.signed),
        ]);
    }
    measured.shown = measured.throughput.len();
    show(
        render,
        "Throughput, messages per second from one process to another",
        &table,
    )
}

fn lost_of(side: &Side) -> String {
    lost(side.sent, side.received)
}

pub(super) fn lost(sent: u64, received: u64) -> String {
    format!(
        "{} of {}",
        grouped(sent.saturating_sub(received) as f64),
        grouped(sent as f64)
    )
}

fn show_latency(render: &Render, latency: &Latency, costs: &Costs) -> Result<(), CommandError> {
    if render.is_json() {
        render.answer(&latency.answer())?;
        for step in latency.steps(costs) {
            render.answer(&step.answer())?;
        }
        return Ok(render.flush()?);
    }
    let mut table = Table::new(["LINK", "", "P50 µs", "P90 µs", "P99 µs", "LOST"]);
    for (name, trips) in [("raw", &latency.raw), ("signed", &latency.signed)] {
        table.row([
            latency.link.clone(),
            name.to_owned(),
            format!("{:.1}", trips.percentile(50)),
            format!("{:.1}", trips.percentile(90)),
            format!("{:.1}", trips.percentile(99)),
            trips.lost.to_string(),
        ]);
    }
    show(
        render,
        &format!(
            "Round trip of a Twist, one each millisecond; signed takes {:.2} times as long",
            latency.ratio()
        ),
        &table,
    )?;
    let mut table = Table::new(["STEP", "µs", "IN A LOOP", ""]);
    for step in latency.steps(costs) {
        table.row([
            step.step.to_owned(),
            format!("{:.1}", step.us),
            step.warm_us.map_or_else(|| "-".to_owned(), |us| format!("{us:.1}")),
            step.meaning.to_owned(),
        ]);
    }
    show(render, "Where the median signed round trip goes", &table)
}

fn show_costs(render: &Render, costs: &Costs) -> Result<(), CommandError> {
    let mut table = Table::new(["STEP", "µs", ""]);
    for cost in costs.all() {
        match render.is_json() {
            true => render.answer(&cost.answer())?,
            false => table.row([cost.what.to_owned(), format!("{:.3}", cost.us), cost.meaning.to_owned()]),
        }
    }
    match render.is_json() {
        true => Ok(()),
        false => show(render, "Cost of each step on this machine", &table),
    }
}

fn show_kept(render: &Render, kept: &Kept) -> Result<(), CommandError> {
    if render.is_json() {
        return Ok(render.answer(&kept.answer())?);
    }
    let Kept { tasks, each, group } = kept;
    let words = format!(
        "{tasks:>3} at a time: {each:>7.0} messages/s with a sync for each, {group:>7.0} with shared syncs ({:.1} times as many)",
        kept.ratio()
    );
    Ok(render.line(None, &words)?)
}

fn show_fleet(render: &Render, fleet: &Fleet) -> Result<(), CommandError> {
    if render.is_json() {
        return Ok(render.answer(&fleet.answer())?);
    }
    for words in fleet.words() {
        render.line(None, &words)?;
    }
    Ok(())
}

pub(super) fn show(render: &Render, title: &str, table: &Table) -> Result<(), CommandError> {
    render.line(Some(Tone::Strong), title)?;
    for line in table.lines(2) {
        render.line(None, &line)?;
    }
    render.line(None, "")?;
    Ok(render.flush()?)
}

fn closing_words(render: &Render, measured: &Measured) -> Result<(), CommandError> {
    let all = bench::closing_words(&measured.throughput, measured.latency.as_ref(), measured.costs.as_ref());
    if !all.is_empty() {
        render.line(Some(Tone::Strong), "What to expect on this machine")?;
    }
    for words in all {
        render.line(None, &format!("  {words}"))?;
    }
    Ok(())
}

fn draw(path: &Path, svg: &str) -> Result<(), CommandError> {
    fs::write(path, svg).map_err(|error| {
        let path = path.to_owned();
        CommandError::from(NotDrawn { path, error })
    })
}

/// The file for the plot cannot be written.
#[derive(Debug)]
struct NotDrawn {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for NotDrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the plot could not be written to {}: {}; name a file in a folder that is there",
            self.path.display(),
            self.error
        )
    }
}

impl Error for NotDrawn {}
