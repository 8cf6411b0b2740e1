//! No diagnostic of the language without a test: whatever the parser and the resolver can say stands in a snapshot.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(path.to_str().unwrap())),
            false => found.push(path),
        }
    }
    found
}

/// The texts in double quotes of a file's production code, without those of comments and attributes.
fn texts(source: &str) -> Vec<String> {
    let production = source.split("#[cfg(test)]").next().unwrap();
    let code: String = production
        .lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.contains("reason = "))
        .map(|line| line.replace("'\"'", "").replace("'\\''", ""))
        .map(|line| match line.trim_start().strip_suffix('\\') {
            Some(continued) => continued.to_owned(),
            None => line.trim_start().to_owned() + "\n",
        })
        .collect();
    let mut found = Vec::new();
    let mut letters = code.chars();
    while letters.by_ref().any(|letter| letter == '"') {
        let mut text = String::new();
        while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
            match letter {
                '\\' => text.extend(letters.next()),
                letter => text.push(letter),
            }
        }
        found.push(text);
    }
    found
}

/// What is left of a text when the `{…}` in it are taken out.
fn fixed_parts(text: &str) -> Vec<String> {
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut parts = Vec::new();
    for part in text.split('{') {
        let fixed = part.split_once('}').map_or(part, |(_, after)| after);
        parts.push(fixed.replace('\u{1}', "{").replace('\u{2}', "}"));
    }
    parts
}

#[test]
fn everything_that_can_be_said_about_a_schema_is_said_in_a_test() {
    let said: String = files("tests/integration/snapshots")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let sources = files("src").into_iter().filter(|path| {
        let path = path.to_str().unwrap();
        ["/src/parse", "/src/resolve", "/src/source.rs", "/src/compile.rs"]
            .iter()
            .any(|place| path.contains(place))
    });
    let mut checked = 0;
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        // A text with a blank in it is a sentence.
        for text in texts(&source).iter().filter(|text| text.contains(' ')) {
            for part in fixed_parts(text).iter().filter(|part| part.len() > 2) {
                assert!(
                    said.contains(part.as_str()),
                    "{}: no test provokes `{text}`",
                    path.display()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "only {checked} texts were found");
}
