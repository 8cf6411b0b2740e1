//! Finds and reads schema files; the only file of this crate that touches a disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{InterfaceKind, TypeName};

/// How large a schema file may be, in bytes. The largest one in ROS 2 has 20 KB.
pub const MAX_FILE_LEN: usize = 1024 * 1024;

/// One schema file: what it is called, which type its place makes it, and its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// The name that diagnostics show.
    pub path: String,
    /// The type that the file defines; ROS 2 takes it from folder and file name.
    pub type_name: TypeName,
    /// The content, which should be UTF-8.
    pub bytes: Vec<u8>,
}

impl SourceFile {
    /// A schema file from memory.
    pub fn new(path: impl Into<String>, type_name: TypeName, text: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            type_name,
            bytes: text.into(),
        }
    }

    /// Reads a schema file from disk, which makes it `type_name` wherever it is.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] when it cannot be read. Whether its text is right shows when it is compiled.
    pub fn read(path: &Path, type_name: TypeName) -> Result<Self, Diagnostics> {
        let shown = path.display().to_string();
        match read(path) {
            Ok(bytes) => Ok(Self::new(shown, type_name, bytes)),
            Err(error) => {
                let message = format!("cannot read the file: {error}");
                Err(Diagnostics::about(shown, message, "make it readable"))
            }
        }
    }

    /// Whether the name says that the content is IDL. The text of a file without such a name says so itself.
    pub(crate) fn is_idl(&self) -> bool {
        self.path.ends_with(".idl")
    }

    /// The content without a byte order mark.
    pub(crate) fn text(&self) -> Result<&str, Utf8Error> {
        let text = std::str::from_utf8(&self.bytes)?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }
}

/// The lines of a text, whatever ends them: LF, CR LF or CR.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = rest.find(['\n', '\r']) else {
            return Some(std::mem::take(&mut rest));
        };
        let (line, tail) = rest.split_at(end);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..)).unwrap_or_default();
        Some(line)
    })
}

/// Where the packages of a folder are, and every schema file in them.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The folder of each package.
    pub packages: BTreeMap<String, PathBuf>,
    /// The files, sorted by package, kind and name.
    pub files: Vec<SourceFile>,
}

/// Reads every `.msg`, `.srv`, `.action` and `.idl` file below `folder`.
///
/// `folder` holds ROS packages (`folder/<package>/msg/<Name>.msg`), is itself one (`folder/msg/<Name>.msg`), or is a
/// place where ROS packages are installed, such as each of `AMENT_PREFIX_PATH` (`folder/share/<package>/msg/…`).
/// Other files and folders are left alone.
///
/// # Errors
///
/// Everything that cannot be read or has a name that ROS 2 refuses, and a folder without any schema.
pub fn read_folder(folder: &Path) -> Result<Folder, Diagnostics> {
    match scan_folder(folder) {
        (found, problems) if problems.is_empty() => Ok(found),
        (_, problems) => Err(Diagnostics::new(problems, 0)),
    }
}

/// What [`read_folder`] reads, and beside it everything that is wrong: for those who report it and go on.
pub fn scan_folder(folder: &Path) -> (Folder, Vec<Diagnostic>) {
    let mut reading = Reading::default();
    if let Some(problem) = no_folder(folder) {
        return (reading.found, vec![problem]);
    }
    if is_package(folder) {
        reading.package(folder);
    } else {
        let share = folder.join("share");
        let packages = if share.is_dir() { share } else { folder.to_owned() };
        for entry in reading.entries(&packages) {
            if is_package(&entry) {
                reading.package(&entry);
            }
        }
    }
    if reading.problems.is_empty() && reading.found.files.is_empty() {
        reading.problem(folder, "no interface files found", WHAT_A_FOLDER_HOLDS);
    }
    (reading.found, reading.problems)
}

/// Why this is no folder at all.
fn no_folder(folder: &Path) -> Option<Diagnostic> {
    let message = match fs::metadata(folder) {
        Ok(found) if found.is_dir() => return None,
        Ok(_) => "expected a folder, found a file".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        Err(error) => format!("cannot look at the folder: {error}"),
    };
    Some(Diagnostic::about(
        folder.display().to_string(),
        message,
        WHAT_A_FOLDER_HOLDS,
    ))
}

const WHAT_A_FOLDER_HOLDS: &str =
    "give a folder that holds `<package>/msg/<Name>.msg`, or is a package with `msg/<Name>.msg` (or srv, action)";

const KINDS: [InterfaceKind; 3] = [InterfaceKind::Msg, InterfaceKind::Srv, InterfaceKind::Action];

fn is_package(folder: &Path) -> bool {
    KINDS.iter().any(|kind| folder.join(kind.as_str()).is_dir())
}

#[derive(Debug, Default)]
struct Reading {
    found: Folder,
    problems: Vec<Diagnostic>,
}

impl Reading {
    fn problem(&mut self, path: &Path, message: impl Into<String>, help: &str) {
        if self.problems.len() < crate::diagnostic::MAX_PROBLEMS {
            self.problems
                .push(Diagnostic::about(path.display().to_string(), message, help));
        }
    }

    /// What is in `folder`, sorted by name.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let listed = fs::read_dir(folder).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<_>>>()
        });
        match listed {
            Ok(mut paths) => {
                paths.sort();
                paths
            }
            Err(error) => {
                self.problem(folder, format!("cannot list the folder: {error}"), "make it readable");
                Vec::new()
            }
        }
    }

    fn package(&mut self, folder: &Path) {
        // A relative folder such as `.` has no name of its own.
        let full = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let name = full
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        if TypeName::parse(&format!("{name}/A")).is_err() {
            self.problem(
                folder,
                format!("`{name}` cannot be the name of a package"),
                "a package is named by its folder, `[a-z][a-z0-9_]*` without `__` and without `_` at the end",
            );
            return;
        }
        for kind in KINDS {
            let folder = folder.join(kind.as_str());
            if !folder.is_dir() {
                continue;
            }
            for path in self.entries(&folder) {
                let has = |extension: &str| path.extension().is_some_and(|found| found == extension);
                // An installed package has generated IDL beside what it was generated from.
                if has(kind.as_str()) || has("idl") && !path.with_extension(kind.as_str()).exists() {
                    self.file(&name, kind, &path);
                }
            }
        }
        self.found.packages.insert(name, folder.to_owned());
    }

    fn file(&mut self, package: &str, kind: InterfaceKind, path: &Path) {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
            .to_owned();
        let type_name = match TypeName::parse(&format!("{package}/{kind}/{name}")) {
            Ok(type_name) if !name.contains('_') => type_name,
            _ => {
                self.problem(
                    path,
                    format!("`{name}` cannot be the name of an interface"),
                    "an interface is named by its file, a capital letter and then letters and digits",
                );
                return;
            }
        };
        match SourceFile::read(path, type_name) {
            Ok(file) => self.found.files.push(file),
            Err(problems) => self.problems.extend_from_slice(problems.problems()),
        }
    }
}

/// One byte more than allowed is enough for the parser to see that a file is too long.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_LEN as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_end_a_line_ends_a_line() {
        let split: Vec<&str> = lines("a\nb\r\nc\rd\n\n").collect();
        assert_eq!(split, ["a", "b", "c", "d", ""]);
    }

    fn folder_with(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "bool x\n").unwrap();
        }
        root
    }

    #[test]
    fn a_folder_of_packages_and_a_package_are_both_understood() {
        let root = folder_with(&[
            "one/msg/A.msg",
            "one/srv/B.srv",
            "two/action/C.action",
            "three/README.md",
        ]);
        let both = read_folder(root.path()).unwrap();
        let names: Vec<String> = both.files.iter().map(|file| file.type_name.to_string()).collect();
        assert_eq!(names, ["one/msg/A", "one/srv/B", "two/action/C"]);
        let one = read_folder(&root.path().join("one")).unwrap();
        assert_eq!(one.packages.keys().collect::<Vec<_>>(), ["one"]);
        assert_eq!(one.files.len(), 2);
    }

    #[test]
    fn an_installed_package_has_generated_idl_that_is_not_read() {
        let root = folder_with(&[
            "share/one/msg/A.msg",
            "share/one/msg/A.idl",
            "share/one/msg/Own.idl",
            "share/one/package.xml",
            "share/two/cmake/two.cmake",
            "lib/one/msg/B.msg",
        ]);
        let found = read_folder(root.path()).unwrap();
        let names: Vec<&str> = found
            .files
            .iter()
            .filter_map(|file| file.path.rsplit('/').next())
            .collect();
        assert_eq!(names, ["A.msg", "Own.idl"]);
        assert_eq!(found.packages.keys().collect::<Vec<_>>(), ["one"]);
    }

    #[test]
    fn every_name_that_ros_refuses_is_reported() {
        let root = folder_with(&["Bad/msg/A.msg", "good/msg/lower.msg", "good/msg/Under_Score.msg"]);
        let problems = read_folder(root.path()).unwrap_err();
        assert_eq!(problems.problems().len(), 3, "{problems}");
        fs::write(root.path().join("good/msg/Fine.msg"), "bool x\n").unwrap();
        let (found, problems) = scan_folder(root.path());
        assert_eq!((found.files.len(), problems.len()), (1, 3));
    }

    #[test]
    fn a_folder_without_schemas_is_an_error() {
        let root = folder_with(&["src/main.rs"]);
        let wrong = |path: &str| read_folder(&root.path().join(path)).unwrap_err().to_string();
        assert!(wrong("").contains(": no interface files found"), "{}", wrong(""));
        let missing = wrong("missing");
        assert!(missing.contains("missing: there is no such folder"), "{missing}");
        let file = wrong("src/main.rs");
        assert!(file.contains("main.rs: expected a folder, found a file"), "{file}");
    }

    #[test]
    fn a_huge_file_is_not_read_to_its_end() {
        let root = folder_with(&["one/msg/A.msg"]);
        fs::write(root.path().join("one/msg/A.msg"), vec![b'#'; 10 * MAX_FILE_LEN]).unwrap();
        let found = read_folder(root.path()).unwrap();
        assert_eq!(found.files.first().unwrap().bytes.len(), MAX_FILE_LEN + 1);
    }
}
