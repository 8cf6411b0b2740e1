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
    assert!(count > 10, "the corpus of {target} has {count} files");
}

#[test]
fn the_corpus_of_msg_files_has_answers() {
    run("msg", entries::msg);
}

#[test]
fn the_corpus_of_action_files_has_answers() {
    run("action", entries::action);
}

#[test]
fn the_corpus_of_idl_files_has_answers() {
    run("idl", entries::idl);
}

#[test]
fn the_corpus_of_served_definitions_has_answers() {
    run("served", entries::served);
}
