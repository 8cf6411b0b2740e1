//! Many mutated frames, one after the other, before one subscription. Half of the genuine frames that they are made of
//! were delivered before, the other half is delivered at the end.

use std::collections::HashSet;
use std::time::Instant;

use nuncio::Identity;

use super::mutation::mutated;
use super::random::Random;
use super::report::Report;
use super::specimen::{NOW_NS, NUMBERS, Specimen, Stage};
use super::{ProveError, Settings};
use crate::cli::Attack;

/// How many sets of specimens there are; their numbers fit into one window.
const SETS: u64 = 16;

pub(super) fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut report = Report::new(Attack::Forge);
    let mut random = Random::new(settings.seed);
    // The key is of the seed, too: it is in every frame.
    let stage = Stage::new(&Identity::from_seed(&random.bytes()))?;
    let sets: Vec<Vec<Specimen>> = (0..SETS).map(|set| stage.specimens(1 + set * NUMBERS)).collect();
    let open = |specimen: &Specimen, report: &mut Report| {
        let outcome = stage.ground.open(specimen.bytes.clone(), NOW_NS);
        report.genuine(specimen.count, &outcome);
    };
    let (early, afterwards) = sets.split_at(sets.len() / 2);
    early.iter().flatten().for_each(|specimen| open(specimen, &mut report));

    let pool: Vec<&Specimen> = sets.iter().flatten().collect();
    let genuine: HashSet<&[u8]> = pool.iter().map(|specimen| specimen.bytes.as_slice()).collect();
    let since = Instant::now();
    while report.tried < settings.n {
        let (Some(one), Some(other)) = (random.one_of(&pool), random.one_of(&pool)) else {
            break;
        };
        let forged = mutated(&one.bytes, &other.bytes, &mut random);
        // A splice may come out as what somebody did sign.
        if !genuine.contains(forged.as_slice()) {
            report.hostile(&stage.ground.open(forged, NOW_NS));
        }
    }
    let seconds = since.elapsed().as_secs_f64();
    report.measure("per_second", (settings.n as f64 / seconds.max(1e-9)).round());
    afterwards
        .iter()
        .flatten()
        .for_each(|specimen| open(specimen, &mut report));
    Ok(report)
}
