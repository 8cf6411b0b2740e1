//! `interface diff`: what has changed between two versions of interfaces, one line per change, graded for scripts.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use nuncio_codegen::model::{InterfaceKind, TypeName};
use nuncio_codegen::{Grade, SourceFile, TypeDiff, diff, diff_interfaces, read_folder};

use super::{CommandError, Outcome};
use crate::answers::interface::InterfaceChange;
use crate::catalog::{Catalog, UnknownInterface};
use crate::cli::{GlobalArgs, InterfaceDiff};
use crate::render::{Render, count};

/// What a schema file is called that is in no package's folder.
const PACKAGE_OF_LONE_FILES: &str = "compared_msgs";

pub(super) fn run(render: &Render, global: &GlobalArgs, args: InterfaceDiff) -> Result<Outcome, CommandError> {
    let known = [args.path.as_slice(), &global.interfaces].concat();
    let (old, new) = (Side::of(&args.old)?, Side::of(&args.new)?);
    let diffs = match (&old, &new) {
        (Side::Folder(old), Side::Folder(new)) => folders(old, new, &known, &args.type_names)?,
        _ if !args.type_names.is_empty() => return Err(DiffError::TypesOfNoFolders.into()),
        (Side::Type(old), Side::Type(new)) => types(&Catalog::open(&known)?, old, new)?,
        _ => files(&old, &new, &known)?,
    };
    print(render, &diffs)
}

/// One of the two versions.
#[derive(Debug)]
enum Side {
    Folder(PathBuf),
    File(PathBuf),
    Type(String),
}

impl Side {
    /// What is on disk counts first: nobody has a folder that is called as a type.
    fn of(text: &str) -> Result<Self, DiffError> {
        let path = PathBuf::from(text);
        if path.is_dir() {
            return Ok(Self::Folder(path));
        }
        if path.is_file() {
            return Ok(Self::File(path));
        }
        match TypeName::parse(text) {
            Ok(_) => Ok(Self::Type(text.to_owned())),
            Err(_) => Err(DiffError::NothingThere { asked: text.to_owned() }),
        }
    }
}

fn folders(old: &Path, new: &Path, known: &[PathBuf], type_names: &[String]) -> Result<Vec<TypeDiff>, CommandError> {
    let old = Catalog::about(&[old.to_owned()], known)?;
    let new = Catalog::about(&[new.to_owned()], known)?;
    let named = |text: &String| new.find(text).or_else(|unknown| old.find(text).map_err(|_| unknown));
    let wanted: Vec<&TypeName> = type_names.iter().map(named).collect::<Result<_, UnknownInterface>>()?;
    let mut diffs = diff_interfaces(&old.compiled()?, &new.compiled()?);
    diffs.retain(|diff| {
        let name = &diff.type_name;
        match wanted.is_empty() {
            true => old.is_asked(name) || new.is_asked(name),
            false => wanted.contains(&&name.file_type()),
        }
    });
    Ok(diffs)
}

fn types(catalog: &Catalog, old: &str, new: &str) -> Result<Vec<TypeDiff>, CommandError> {
    let interfaces = catalog.compiled()?;
    let describe = |text: &str| {
        let name = catalog.find_any(&interfaces, text)?;
        let unknown = || UnknownInterface::new(text);
        interfaces.describe(&name).ok_or_else(unknown)
    };
    Ok(diff(&describe(old)?, &describe(new)?))
}

/// Two files, or a file and a type. Both versions get the same name.
fn files(old: &Side, new: &Side, known: &[PathBuf]) -> Result<Vec<TypeDiff>, CommandError> {
    let name = match (old, new) {
        (Side::Folder(_), _) | (_, Side::Folder(_)) => return Err(DiffError::FolderAndOther.into()),
        (Side::Type(text), _) | (_, Side::Type(text)) => Catalog::open(known)?.find(text)?.clone(),
        (Side::File(old), Side::File(new)) => name_of(old, new),
    };
    let neighbours = [old, new].map(package_folder);
    let version = |side: &Side, own: Option<&PathBuf>, other: Option<&PathBuf>| {
        let mut catalog = Catalog::open(known)?;
        if let Side::File(path) = side {
            // A file alone, as `git difftool` gives one, refers to the neighbours that the other one has.
            if let Some(folder) = own.or(other) {
                catalog.add(read_folder(folder)?, false);
            }
            catalog.replace(SourceFile::read(path, name.clone())?);
        }
        catalog.compiled()
    };
    let [of_old, of_new] = neighbours.each_ref().map(Option::as_ref);
    let mut diffs = diff_interfaces(&version(old, of_old, of_new)?, &version(new, of_new, of_old)?);
    diffs.retain(|diff| diff.type_name.file_type() == name);
    Ok(diffs)
}

/// The name that one of the files has by its place, the newer one first; else one made of the file's own name.
fn name_of(old: &Path, new: &Path) -> TypeName {
    let lone = |path: &Path| {
        let kind = path.extension()?.to_str().and_then(InterfaceKind::from_word);
        let kind = kind.unwrap_or(InterfaceKind::Msg);
        let stem = path.file_stem()?.to_str()?;
        TypeName::parse(&format!("{PACKAGE_OF_LONE_FILES}/{kind}/{stem}")).ok()
    };
    let found = name_by_place(new).or_else(|| name_by_place(old));
    let found = found.or_else(|| lone(new)).or_else(|| lone(old));
    found.unwrap_or_else(|| TypeName {
        package: PACKAGE_OF_LONE_FILES.to_owned(),
        kind: InterfaceKind::Msg,
        name: "Compared".to_owned(),
    })
}

/// `my_msgs/msg/Status` for `…/my_msgs/msg/Status.msg`.
fn name_by_place(path: &Path) -> Option<TypeName> {
    let path = path.canonicalize().ok()?;
    let kind = path.parent()?;
    let package = kind.parent()?.file_name()?.to_str()?;
    let name = path.file_stem()?.to_str()?;
    TypeName::parse(&format!("{package}/{}/{name}", kind.file_name()?.to_str()?)).ok()
}

/// The folder of the package that a file is in.
fn package_folder(side: &Side) -> Option<PathBuf> {
    let Side::File(path) = side else { return None };
    name_by_place(path)?;
    Some(path.canonicalize().ok()?.parent()?.parent()?.to_owned())
}

fn print(render: &Render, diffs: &[TypeDiff]) -> Result<Outcome, CommandError> {
    let mut changes = 0;
    for diff in diffs {
        for change in &diff.changes {
            changes += 1;
            let (type_name, grade) = (diff.type_name.to_string(), change.kind.grade().as_str());
            match render.is_json() {
                true => render.answer(&InterfaceChange {
                    type_name,
                    grade,
                    change: change.kind.as_str(),
                    place: &change.place,
                    text: change.kind.to_string(),
                })?,
                false => render.line(None, &format!("{grade:<8}  {type_name}: {change}"))?,
            }
        }
    }
    let grade = diffs.iter().map(|diff| diff.grade).max().unwrap_or(Grade::Identical);
    let compared = count(diffs.len(), "type");
    match grade {
        Grade::Identical => render.note(format!("identical: {compared}")),
        Grade::Additive | Grade::Breaking => {
            render.note(format!("{grade}: {} in {compared}", count(changes, "change")));
        }
    }
    Ok(match grade {
        Grade::Identical => Outcome::Found,
        Grade::Additive => Outcome::Additive,
        Grade::Breaking => Outcome::Breaking,
    })
}

/// Why there is nothing to compare.
#[derive(Debug)]
enum DiffError {
    NothingThere { asked: String },
    FolderAndOther,
    TypesOfNoFolders,
}

impl fmt::Display for DiffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingThere { asked } => write!(
                f,
                "expected a folder, a schema file or a type such as std_msgs/msg/String, found {asked:?}, which is none"
            ),
            Self::FolderAndOther => f.write_str(
                "a folder can be compared with a folder only; to compare one type of two folders, name it behind them",
            ),
            Self::TypesOfNoFolders => f.write_str("types can be named behind two folders only"),
        }
    }
}

impl Error for DiffError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_a_package_has_the_name_that_ros_gives_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("zoo_msgs/srv");
        std::fs::create_dir_all(&folder).unwrap();
        let placed = folder.join("Feed.srv");
        std::fs::write(&placed, "---\n").unwrap();
        let lone = root.path().join("Other.msg");
        assert_eq!(name_of(&placed, &lone).to_string(), "zoo_msgs/srv/Feed");
        assert_eq!(
            name_of(Path::new("a.old"), &lone).to_string(),
            "compared_msgs/msg/Other"
        );
        assert_eq!(
            name_of(Path::new("a"), Path::new("b.srv")).to_string(),
            "compared_msgs/msg/Compared"
        );
    }
}
