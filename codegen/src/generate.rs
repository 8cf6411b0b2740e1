//! A ready crate from folders of ROS packages: the back end of `nuncio interface generate`.
//!
//! The crate holds copies of the schemas and three lines that compile them; its types are made when it is built.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::compile::{Interfaces, compile};
use crate::diagnostic::Diagnostics;
use crate::emit::{Target, emit, is_keyword};
use crate::model::{Message, TypeName};
use crate::source::{SourceFile, read_folder};
use crate::type_hash::type_hash;

/// Where the generated crate finds Nuncio.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Dependency {
    /// A version in a registry, such as `0.1`.
    Version(String),
    /// The folder of Nuncio's workspace, which the manifest names relative to the new crate.
    Workspace(PathBuf),
}

/// How [`generate_crate`] makes a crate.
#[derive(Clone, Debug)]
pub struct CrateOptions {
    /// The name of the crate; the name of its folder when there is none.
    pub name: Option<String>,
    /// Where Nuncio is.
    pub nuncio: Dependency,
    /// The schemas that the crate `nuncio-msgs` has. Their packages are referred to and not copied.
    pub upstream: Vec<SourceFile>,
    /// The packages wanted, with what they refer to; all that are found when the list is empty.
    pub packages: Vec<String>,
}

/// What [`generate_crate`] has made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Generated {
    /// The name of the crate.
    pub crate_name: String,
    /// The packages that it has types of, by name.
    pub packages: Vec<String>,
    /// The packages of `nuncio-msgs` that they refer to, which are the features that the manifest turns on.
    pub features: Vec<String>,
    /// The types that differ between the folders and `nuncio-msgs`, of which the latter are used.
    pub differing: Vec<TypeName>,
    /// The files written, relative to the crate's folder.
    pub files: Vec<PathBuf>,
}

/// Writes a crate with the types of the ROS packages in `sources` into the folder `output`.
///
/// Each source is what [`read_folder`] takes, for example a part of `AMENT_PREFIX_PATH`; where several have the same
/// package, the first one counts, as it does in ROS 2.
///
/// # Errors
///
/// Everything that is wrong with the schemas, a wanted package that is in no source, a folder that is not empty, and
/// files that cannot be written. Nothing is written unless the crate will compile.
pub fn generate_crate(sources: &[PathBuf], output: &Path, options: &CrateOptions) -> Result<Generated, Diagnostics> {
    refuse_occupied(output)?;
    let crate_name = crate_name(output, options)?;
    let mut found = find(sources)?;
    let upstream: BTreeSet<&str> = options
        .upstream
        .iter()
        .map(|file| file.type_name.package.as_str())
        .collect();
    let shadowed: Vec<SourceFile> = found
        .extract_if(.., |package, _| upstream.contains(package.as_str()))
        .flat_map(|(_, files)| files)
        .collect();
    restrict(&mut found, &upstream, &options.packages)?;
    if found.is_empty() {
        let message = "the crate nuncio-msgs has every package that was found";
        let help = "depend on nuncio-msgs, and turn on the features with the packages' names";
        return Err(Diagnostics::about(output.display().to_string(), message, help));
    }

    let own: Vec<&SourceFile> = found.values().flatten().collect();
    let all: Vec<SourceFile> = options.upstream.iter().chain(own.iter().copied()).cloned().collect();
    let interfaces = compile(&all)?;
    let target = Target {
        crate_path: "::nuncio_msgs".to_owned(),
        module: String::new(),
        upstream: upstream
            .iter()
            .map(|package| ((*package).to_owned(), "::nuncio_msgs".to_owned()))
            .collect(),
        off: BTreeMap::new(),
        service_events: false,
    };
    emit(&interfaces, &target)?;

    let mut generated = Generated {
        crate_name,
        packages: found.keys().cloned().collect(),
        features: features(&interfaces, &upstream),
        differing: differing(&interfaces, &shadowed),
        files: Vec::new(),
    };
    let mut texts: Vec<(PathBuf, Vec<u8>)> = own.iter().map(|file| (place(file), file.bytes.clone())).collect();
    fs::create_dir_all(output).map_err(|error| unwritable(output, &error))?;
    texts.push((
        "Cargo.toml".into(),
        manifest(&generated, output, &options.nuncio).into_bytes(),
    ));
    texts.push(("build.rs".into(), BUILD.into()));
    texts.push(("src/lib.rs".into(), library(&generated).into_bytes()));
    texts.push(("README.md".into(), readme(&generated).into_bytes()));
    for (path, text) in texts {
        let full = output.join(&path);
        let written = full
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&full, text));
        written.map_err(|error| unwritable(&full, &error))?;
        generated.files.push(path);
    }
    generated.files.sort();
    Ok(generated)
}

const BUILD: &str = "//! Compiles the schemas in `interfaces` into this crate's types.\n\n\
    fn main() {\n    nuncio_codegen::build(\"interfaces\");\n}\n";

fn refuse_occupied(output: &Path) -> Result<(), Diagnostics> {
    let path = output.display().to_string();
    let mut entries = match fs::read_dir(output) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let message = format!("cannot list the folder: {error}");
            return Err(Diagnostics::about(
                path,
                message,
                "give a folder that is empty, or a new one",
            ));
        }
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Diagnostics::about(
            path,
            "the folder is not empty",
            "give a folder that is empty, or a new one; nothing is ever overwritten",
        )),
    }
}

fn crate_name(output: &Path, options: &CrateOptions) -> Result<String, Diagnostics> {
    let from_folder = || match output.file_name().and_then(|name| name.to_str()).unwrap_or_default() {
        // `crate::robo` could not be written of another crate.
        word if is_keyword(word) => format!("{word}-interfaces"),
        name => name.to_owned(),
    };
    let name = options.name.clone().unwrap_or_else(from_folder);
    let valid = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
    if valid && !is_keyword(&name) && name.replace('-', "_") != "nuncio_msgs" {
        return Ok(name);
    }
    Err(Diagnostics::about(
        output.display().to_string(),
        format!("`{name}` cannot be the name of the crate"),
        "give a name of small letters, digits and `-`, such as `my-robot-msgs`",
    ))
}

/// The files of all sources by package; the first source that has a package counts.
fn find(sources: &[PathBuf]) -> Result<BTreeMap<String, Vec<SourceFile>>, Diagnostics> {
    let mut found: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
    for source in sources {
        let folder = read_folder(source)?;
        let mut here: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
        for file in folder.files {
            here.entry(file.type_name.package.clone()).or_default().push(file);
        }
        for (package, files) in here {
            found.entry(package).or_insert(files);
        }
    }
    Ok(found)
}

/// Keeps the wanted packages and those that they refer to.
fn restrict(
    found: &mut BTreeMap<String, Vec<SourceFile>>,
    upstream: &BTreeSet<&str>,
    wanted: &[String],
) -> Result<(), Diagnostics> {
    if wanted.is_empty() {
        return Ok(());
    }
    let (mut kept, mut open) = (BTreeSet::new(), wanted.to_vec());
    while let Some(package) = open.pop() {
        let Some(files) = found.get(&package) else {
            if wanted.contains(&package) && !upstream.contains(package.as_str()) {
                let help = "name a package that is in one of the folders";
                return Err(Diagnostics::about(&package, "no folder has this package", help));
            }
            continue;
        };
        if kept.insert(package) {
            open.extend(files.iter().flat_map(mentioned_packages));
        }
    }
    found.retain(|package, _| kept.contains(package));
    Ok(())
}

/// The words before `/Name` and `::msg::Name` in a file: its packages, and perhaps words of comments that are none.
fn mentioned_packages(file: &SourceFile) -> Vec<String> {
    let text = String::from_utf8_lossy(&file.bytes);
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_/:".contains(letter)));
    words
        .filter_map(|word| word.split_once('/').or_else(|| word.split_once("::")))
        .map(|(package, _)| package.to_owned())
        .collect()
}

/// The packages of nuncio-msgs that the other packages' messages refer to.
fn features(interfaces: &Interfaces, upstream: &BTreeSet<&str>) -> Vec<String> {
    // Events of services are hashed and never sent: nobody needs their types.
    let has_type = |message: &&Message| {
        let name = &message.type_name;
        !upstream.contains(name.package.as_str()) && !name.name.ends_with("_Event") && interfaces.path(name).is_some()
    };
    let references = interfaces
        .messages()
        .iter()
        .filter(has_type)
        .flat_map(Message::references);
    let packages: BTreeSet<&String> = references.map(|name| &name.package).collect();
    packages
        .into_iter()
        .filter(|package| upstream.contains(package.as_str()))
        .cloned()
        .collect()
}

/// The types that the folders have in another form than nuncio-msgs, or that it does not have.
fn differing(interfaces: &Interfaces, shadowed: &[SourceFile]) -> Vec<TypeName> {
    // Wrong schemas of packages that are not used are no reason to stop.
    let theirs = compile(shadowed).unwrap_or_default();
    let hash = |interfaces: &Interfaces, name: &TypeName| Some(type_hash(&interfaces.describe(name)?));
    let differs = |name: &&TypeName| hash(&theirs, name) != hash(interfaces, name);
    theirs.files().map(|(name, _)| name).filter(differs).cloned().collect()
}

/// `interfaces/my_msgs/msg/Status.msg`
fn place(file: &SourceFile) -> PathBuf {
    let TypeName { package, kind, name } = &file.type_name;
    let extension = if file.is_idl() { "idl" } else { kind.as_str() };
    format!("interfaces/{package}/{kind}/{name}.{extension}").into()
}

fn manifest(generated: &Generated, output: &Path, nuncio: &Dependency) -> String {
    let dependency = |folder: &str| match nuncio {
        Dependency::Version(version) => format!("version = {version:?}"),
        Dependency::Workspace(root) => {
            format!(
                "path = {:?}",
                relative(output, &root.join(folder)).display().to_string()
            )
        }
    };
    let features: Vec<String> = generated
        .features
        .iter()
        .map(|feature| format!("{feature:?}"))
        .collect();
    let name = &generated.crate_name;
    format!(
        "[package]\nname = \"{name}\"\ndescription = \"Interfaces of ROS 2 packages as Rust types\"\nversion = \"0.1.0\"\n\
         edition = \"2024\"\npublish = false\n\
         # With `links`, crates that depend on this one can refer to its messages in theirs.\n\
         links = \"{links}\"\n\n[dependencies]\nnuncio-msgs = {{ {msgs}, default-features = false, features = [{features}] }}\n\n\
         [build-dependencies]\nnuncio-codegen = {{ {codegen} }}\n",
        links = name.replace('-', "_"),
        msgs = dependency("msgs"),
        features = features.join(", "),
        codegen = dependency("codegen"),
    )
}

/// `to` as seen from the folder `from`, which exists; absolute where there is no way.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let full = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (from, to) = (full(from), full(to));
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    if common == 0 {
        return to;
    }
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

fn library(generated: &Generated) -> String {
    format!(
        "//! Rust types of ROS 2 packages: {}.\n\nnuncio_msgs::include_interfaces!();\n",
        quoted(&generated.packages)
    )
}

fn quoted(packages: &[String]) -> String {
    packages
        .iter()
        .map(|package| format!("`{package}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn readme(generated: &Generated) -> String {
    let Generated {
        crate_name, packages, ..
    } = generated;
    let mut text = format!("# {crate_name}\n\nRust types of these ROS 2 packages, with the type hashes of ROS 2:\n\n");
    for package in packages {
        _ = writeln!(text, "- `{package}`");
    }
    _ = write!(
        text,
        "\nThe schemas in `interfaces` are copies, and the types are made from them when the crate is built: change a\n\
         schema and build again. `nuncio interface generate` made this crate and never overwrites one; to take over\n\
         newer schemas, copy them, or generate a new crate.\n\n\
         ```rust\nuse {}::{}::msg;\n```\n",
        crate_name.replace('-', "_"),
        packages.first().map_or("", String::as_str),
    );
    text
}

fn unwritable(path: &Path, error: &std::io::Error) -> Diagnostics {
    Diagnostics::about(
        path.display().to_string(),
        format!("cannot write: {error}"),
        "give a folder that can be written",
    )
}

#[cfg(test)]
mod tests;
