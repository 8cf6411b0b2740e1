//! The fuzzers' corpus as a test: whatever they have found once is right for good.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/entries.rs"]
mod entries;

fn run(target: &str, entry: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        entry(&fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 5, "the corpus of {target} has {count} files");
}

#[test]
fn the_corpus_of_frames_has_answers() {
    run("frame", entries::frame);
}

#[test]
fn the_corpus_of_cards_has_answers() {
    run("card", entries::card);
}

#[test]
fn the_corpus_of_pin_files_has_answers() {
    run("known_toml", entries::known_toml);
}

#[test]
fn the_corpus_of_values_has_answers() {
    run("run_time_type", entries::run_time_type);
}

#[test]
fn the_corpus_of_described_types_has_answers() {
    run("described", entries::described);
}
