//! The style that is a test: sizes, names, first lines and layers of every crate's sources.
//!
//! It reads text, not syntax, and stays that simple: where it is wrong about a line, write the line differently.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file before its tests.
const FILE_LINES_MAX: usize = 400;

/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

const CRATES: [&str; 5] = ["codegen", "msgs", "runtime", "bridge", "tools"];

/// Names that say nothing about what a file is for.
const FORBIDDEN_NAMES: [&str; 16] = [
    "base", "common", "core", "errors", "helper", "helpers", "impl", "manager", "misc", "mod", "prelude", "shared",
    "traits", "types", "util", "utils",
];

/// What may stand in one file only, and in which.
const ONE_FILE: [(&str, &str); 9] = [
    ("zenoh::", "runtime/src/link.rs"),
    ("zenoh_ext::", "bridge/src/ros2/session.rs"),
    ("ed25519_dalek::", "runtime/src/security/key.rs"),
    ("curve25519_dalek::", "runtime/src/security/key_table.rs"),
    ("postcard::", "runtime/src/payload.rs"),
    ("SystemTime::now", "runtime/src/clock.rs"),
    ("println!", "tools/src/render.rs"),
    ("print!", "tools/src/render.rs"),
    ("dbg!", "nowhere"),
];

/// Files that may be longer: how long, and why.
const LONGER_FILES: [(&str, usize, &str); 2] = [
    ("runtime/src/link.rs", 600, "one file names zenoh, so all of it is here"),
    (
        "runtime/src/security/verifier.rs",
        550,
        "the order of the checks is read as one text, and only it builds a `Verified`",
    ),
];

/// Folders that may lie two below `src`, and why.
const DEEPER_FOLDERS: [(&str, &str); 1] = [(
    "codegen/src/parse/idl/",
    "the second grammar of the same stage, which shares the parser's private parts",
)];

/// What stands in a second file: the word, the file, and why.
const SECOND_FILES: [(&str, &str, &str); 3] = [
    (
        "println!",
        "codegen/src/build_script.rs",
        "Cargo reads what build scripts print",
    ),
    ("zenoh::", "runtime/src/link/declared.rs", "the link's own second room"),
    (
        "zenoh::",
        "bridge/src/ros2/session.rs",
        "the network of ROS 2 is another one, with a session of its own",
    ),
];

struct Source {
    /// The path from the workspace's root, with `/` between the parts.
    path: String,
    text: String,
}

#[test]
fn the_sources_are_tidy() {
    let mut problems = Vec::new();
    let sources = sources();
    assert!(sources.len() > 50, "the sources were not found");
    for source in &sources {
        check(source, &mut problems);
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn check(source: &Source, problems: &mut Vec<String>) {
    let Source { path, text } = source;
    let mut problem = |what: String| problems.push(format!("{path}: {what}"));
    if !text.starts_with("//! ") {
        problem("the first line begins with `//! ` and says what the file is for".to_owned());
    }
    let stem = path
        .rsplit('/')
        .next()
        .and_then(|name| name.split('.').next())
        .unwrap_or_default();
    if FORBIDDEN_NAMES.contains(&stem) {
        problem(format!("`{stem}` says nothing about what is in it; name the thing"));
    }
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let depth = path.split('/').count() - 2;
    let deeper = DEEPER_FOLDERS.iter().any(|(folder, _)| path.starts_with(folder));
    if depth > 2 && !is_test && !deeper {
        problem(format!("{} folders below src, one is allowed", depth - 1));
    }
    let production = before_tests(text);
    let lines = production.lines().count();
    let longer = LONGER_FILES.iter().find(|(file, ..)| file == path);
    let allowed = longer.map_or(FILE_LINES_MAX, |(_, allowed, _)| *allowed);
    if lines > allowed && !is_test {
        problem(format!("{lines} lines before the tests, at most {allowed} are allowed"));
    }
    for (line, length) in long_functions(production) {
        problem(format!(
            "line {line}: a function of {length} lines, at most {FUNCTION_LINES_MAX} are allowed"
        ));
    }
    for (number, line) in production.lines().enumerate().filter(|_| !is_test) {
        let code = line.split("//").next().unwrap_or_default();
        for (word, file) in ONE_FILE {
            let allowed = path == file
                || SECOND_FILES
                    .iter()
                    .any(|(second, file, _)| *second == word && file == path);
            if has_word(code, word) && !allowed {
                problem(format!("line {}: `{word}` stands in {file} only", number + 1));
            }
        }
    }
}

/// The text before the unit tests, which stand last.
fn before_tests(text: &str) -> &str {
    match text.find("#[cfg(test)]\nmod tests") {
        Some(end) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// Whether the word stands there, and not as the end of a longer one.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })
}

/// The first line and the length of every function that is too long. Formatted code closes a function with a brace
/// as far to the right as its `fn` line.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let is_function =
            has_word(line.split("//").next().unwrap_or_default(), "fn ") && !line.trim_end().ends_with(';');
        if !is_function || line.trim_start().starts_with("//") || line.contains('"') {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let body = lines.get(start..).unwrap_or_default();
        let length = body.iter().position(|line| *line == close).map_or(0, |at| at + 1);
        if length > FUNCTION_LINES_MAX {
            found.push((start + 1, length));
        }
    }
    found
}

/// Every Rust file below the crates' `src`.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut files: Vec<PathBuf> = Vec::new();
    for name in CRATES {
        collect(&root.join(name).join("src"), &mut files);
    }
    files.sort();
    let read = |file: PathBuf| {
        let relative = file.strip_prefix(root).expect("below the root");
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        Source {
            path: parts.join("/"),
            text: fs::read_to_string(&file).expect("UTF-8"),
        }
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn the_checks_find_what_they_look_for() {
    let long = format!("    fn long() {{\n{}    }}\n", "        work();\n".repeat(69));
    let source = Source {
        path: "runtime/src/a/b/util.rs".to_owned(),
        text: format!("use zenoh::Session;\n{long}{}", "// filler\n".repeat(400)),
    };
    let mut problems = Vec::new();
    check(&source, &mut problems);
    for expected in [
        "first line",
        "`util`",
        "folders",
        "lines before the tests",
        "function of 71",
        "`zenoh::`",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
    assert!(!has_word("my_zenoh::x", "zenoh::") && !has_word("eprintln!()", "println!"));
}
