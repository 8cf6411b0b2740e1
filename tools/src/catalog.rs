//! The interfaces that this program was built with, and those of the user's own that it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use nuncio::msgs::SCHEMAS;
use nuncio::{TypeHash, TypeSupport};
use nuncio_codegen::model::{InterfaceKind, TypeName};
use nuncio_codegen::{Diagnostics, Folder, Interfaces, SourceFile, near_names};

/// How many near names are offered for one that is unknown.
const NEAR_NAMES: usize = 3;

/// The interfaces that are known without asking anybody: the shipped ones, and those in folders that the user names.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    /// One in a folder stands for a shipped one of the same name.
    files: BTreeMap<TypeName, SourceFile>,
    /// The folder of each package that is in one.
    folders: BTreeMap<String, PathBuf>,
    /// Those that are in a folder that the command is about, where it is about folders.
    asked: Option<BTreeSet<TypeName>>,
}

impl Catalog {
    /// The shipped interfaces.
    pub(crate) fn shipped() -> Self {
        let files = shipped_files().map(|file| (file.type_name.clone(), file)).collect();
        Self {
            files,
            folders: BTreeMap::new(),
            asked: None,
        }
    }

    /// The shipped interfaces and those below `folders`; where several have the same package, the first one counts.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] when a folder cannot be read or holds none. Whether the texts are right shows when they are used.
    pub(crate) fn open(folders: &[PathBuf]) -> Result<Self, Diagnostics> {
        Self::about(&[], folders)
    }

    /// As [`open`](Self::open) with both, and the command is about those below `asked`, unless that is empty.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn about(asked: &[PathBuf], folders: &[PathBuf]) -> Result<Self, Diagnostics> {
        let mut catalog = Self::shipped();
        for folder in asked {
            catalog.add(nuncio_codegen::read_folder(folder)?, true);
        }
        for folder in folders {
            catalog.add(nuncio_codegen::read_folder(folder)?, false);
        }
        Ok(catalog)
    }

    /// Takes over what is in a folder, except packages that an earlier folder has; returns those, each with its place
    /// there.
    pub(crate) fn add(&mut self, found: Folder, is_asked: bool) -> Vec<(String, PathBuf)> {
        let taken: BTreeMap<String, PathBuf> = found
            .packages
            .keys()
            .filter_map(|package| self.folders.get_key_value(package))
            .map(|(package, folder)| (package.clone(), folder.clone()))
            .collect();
        let asked = is_asked.then(|| self.asked.get_or_insert_default());
        let new = found
            .files
            .into_iter()
            .filter(|file| !taken.contains_key(&file.type_name.package));
        let new: Vec<SourceFile> = new.collect();
        if let Some(asked) = asked {
            asked.extend(new.iter().map(|file| file.type_name.clone()));
        }
        self.files
            .extend(new.into_iter().map(|file| (file.type_name.clone(), file)));
        for (package, folder) in found.packages {
            self.folders.entry(package).or_insert(folder);
        }
        taken.into_iter().collect()
    }

    /// Takes over one file, whatever had its name before, and the command is about it.
    pub(crate) fn replace(&mut self, file: SourceFile) {
        self.asked.get_or_insert_default().insert(file.type_name.clone());
        self.files.insert(file.type_name.clone(), file);
    }

    /// All interfaces, compiled.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] with everything that is wrong with the texts in the user's folders.
    pub(crate) fn compiled(&self) -> Result<Interfaces, Diagnostics> {
        let files: Vec<SourceFile> = self.files.values().cloned().collect();
        nuncio_codegen::compile(&files)
    }

    /// The names of all interfaces, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &TypeName> {
        self.files.keys()
    }

    /// The names of the interfaces that the command is about, in order: all, unless it is about folders.
    pub(crate) fn asked_names(&self) -> impl Iterator<Item = &TypeName> {
        self.names().filter(|name| self.is_asked(name))
    }

    /// Whether the command is about this type, or what it is derived from.
    pub(crate) fn is_asked(&self, name: &TypeName) -> bool {
        self.asked
            .as_ref()
            .is_none_or(|asked| asked.contains(&name.file_type()))
    }

    /// Whether the command is about folders.
    pub(crate) fn is_about_folders(&self) -> bool {
        self.asked.is_some()
    }

    /// The interface that a user names, in the long form or the short one (`std_msgs/String`).
    ///
    /// # Errors
    ///
    /// [`UnknownInterface`] with near names.
    pub(crate) fn find(&self, text: &str) -> Result<&TypeName, UnknownInterface> {
        if let Ok(name) = TypeName::parse(text)
            && let Some((name, _)) = self.files.get_key_value(&name)
        {
            return Ok(name);
        }
        // The short form of a service or an action; a message of that name was found above.
        let short = |name: &&TypeName| text.split_once('/') == Some((&name.package, &name.name));
        self.names().find(short).ok_or_else(|| UnknownInterface {
            asked: text.to_owned(),
            near: self.near(text),
        })
    }

    /// The message that a user wants to publish.
    ///
    /// # Errors
    ///
    /// [`UnknownInterface`] for names that are unknown, or of a service or an action.
    pub(crate) fn find_message(&self, text: &str) -> Result<&TypeName, UnknownInterface> {
        let name = self.find(text)?;
        match name.kind {
            InterfaceKind::Msg => Ok(name),
            InterfaceKind::Srv | InterfaceKind::Action => Err(UnknownInterface::new(text)),
        }
    }

    /// A message, or a part of a service or an action, such as `std_srvs/srv/SetBool_Request`.
    ///
    /// # Errors
    ///
    /// [`UnknownInterface`] for names that are unknown, or of a whole service or action.
    pub(crate) fn find_message_or_part(
        &self,
        interfaces: &Interfaces,
        text: &str,
    ) -> Result<TypeName, UnknownInterface> {
        let found = self.find_any(interfaces, text)?;
        match interfaces.message(&found) {
            Some(_) => Ok(found),
            None => Err(UnknownInterface::new(text)),
        }
    }

    /// An interface, or what ROS 2 derives from one, such as `std_srvs/srv/SetBool_Event`.
    ///
    /// # Errors
    ///
    /// [`UnknownInterface`] with near names.
    pub(crate) fn find_any(&self, interfaces: &Interfaces, text: &str) -> Result<TypeName, UnknownInterface> {
        let unknown = match self.find(text) {
            Ok(name) => return Ok(name.clone()),
            Err(unknown) => unknown,
        };
        match TypeName::parse(text) {
            Ok(part) if interfaces.describe(&part).is_some() => Ok(part),
            _ => Err(unknown),
        }
    }

    /// What it takes to publish or read a message.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] when the name is none of a message, or a text in the user's folders is wrong.
    pub(crate) fn support(&self, name: &TypeName) -> Result<TypeSupport, Diagnostics> {
        let interfaces = self.compiled()?;
        let definitions = interfaces.definitions(name).unwrap_or_default();
        let named: Vec<(String, &str)> = definitions
            .iter()
            .map(|(name, text)| (name.to_string(), *text))
            .collect();
        let sources: Vec<(&str, &str)> = named.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        TypeSupport::compile(&name.to_string(), &sources)
    }

    /// The known type of this name, if its hash is the same: then it is the same type.
    pub(crate) fn with_hash(&self, name: &str, hash: TypeHash) -> Option<TypeSupport> {
        let name = TypeName::parse(name).ok()?;
        self.files.get(&name)?;
        self.support(&name).ok().filter(|support| support.type_hash() == hash)
    }

    /// The names nearest to what was asked, nearest first.
    fn near(&self, asked: &str) -> Vec<String> {
        let full: Vec<String> = self.names().map(ToString::to_string).collect();
        let short: Vec<String> = self
            .names()
            .map(|name| format!("{}/{}", name.package, name.name))
            .collect();
        let named = |list: &[String], text: &str| -> Vec<String> {
            let near = near_names(text, list.iter().map(String::as_str));
            let found = |candidate: &str| list.iter().position(|name| name == candidate);
            near.into_iter()
                .filter_map(|name| full.get(found(name)?).cloned())
                .collect()
        };
        let mut near = named(&full, asked);
        near.extend(named(&short, asked));
        if near.is_empty() {
            // `String` or `geometry/Twist`: the last part may be right where the rest is not.
            let base = asked.rsplit('/').next().unwrap_or(asked);
            let bases = near_names(base, self.names().map(|name| name.name.as_str()));
            let called = self.names().filter(|name| bases.contains(&name.name.as_str()));
            near = called.map(ToString::to_string).collect();
        }
        let mut seen = BTreeSet::new();
        near.retain(|name| seen.insert(name.clone()));
        near.truncate(NEAR_NAMES);
        near
    }
}

/// Whether a type has the name that a user typed: the full one, or `std_srvs/SetBool` for `std_srvs/srv/SetBool`.
pub(crate) fn is_named(full: &str, asked: &str) -> bool {
    let parts: Vec<&str> = full.split('/').collect();
    let short = match parts.as_slice() {
        [package, _, name] => asked.split_once('/') == Some((package, name)),
        _ => false,
    };
    full == asked || short
}

/// The schemas that this program was built with.
pub(crate) fn shipped_files() -> impl Iterator<Item = SourceFile> {
    SCHEMAS.iter().filter_map(|schema| {
        let name = TypeName::parse(schema.type_name).ok()?;
        Some(SourceFile::new(schema.type_name, name, schema.text))
    })
}

/// A name that no known interface of the wanted kind has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct UnknownInterface {
    asked: String,
    near: Vec<String>,
}

impl UnknownInterface {
    /// A name that is known, but of no interface that fits.
    pub(crate) fn new(asked: &str) -> Self {
        Self {
            asked: asked.to_owned(),
            near: Vec::new(),
        }
    }
}

impl fmt::Display for UnknownInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no interface that fits here is called {:?}", self.asked)?;
        match self.near.as_slice() {
            [] => f.write_str("; `nuncio interface list` shows all, --interfaces DIR adds your own"),
            near => write!(f, "; did you mean {}?", near.join(" or ")),
        }
    }
}

impl Error for UnknownInterface {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Catalog {
        Catalog::shipped()
    }

    #[test]
    fn both_forms_of_a_name_are_found() {
        for text in ["geometry_msgs/msg/Twist", "geometry_msgs/Twist"] {
            assert_eq!(shipped().find(text).unwrap().to_string(), "geometry_msgs/msg/Twist");
        }
        assert_eq!(
            shipped().find("std_srvs/SetBool").unwrap().to_string(),
            "std_srvs/srv/SetBool"
        );
    }

    #[test]
    fn near_names_are_offered_for_a_typo() {
        let near = |text: &str| shipped().find(text).unwrap_err().near;
        assert_eq!(
            near("geometry_msgs/msg/Twits").first().unwrap(),
            "geometry_msgs/msg/Twist"
        );
        assert_eq!(near("std_msg/String").first().unwrap(), "std_msgs/msg/String");
        assert!(near("MotionCommand").contains(&"nuncio_msgs/msg/MotionCommand".to_owned()));
        assert_eq!(near("nothing_like/it"), Vec::<String>::new());
        assert_eq!(near(&"x".repeat(1 << 20)), Vec::<String>::new());
    }

    #[test]
    fn a_service_cannot_be_published() {
        assert!(shipped().find_message("std_srvs/srv/SetBool").is_err());
    }

    #[test]
    fn every_shipped_message_has_a_codec() {
        let catalog = shipped();
        let interfaces = catalog.compiled().unwrap();
        assert_eq!(interfaces.files().count(), SCHEMAS.len());
        let support = catalog
            .support(catalog.find("nuncio_msgs/msg/MotionCommand").unwrap())
            .unwrap();
        assert!(support.is_exclusive() && support.run_time_type().is_ok());
    }

    #[test]
    fn a_folder_adds_interfaces_that_refer_to_shipped_ones() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("zoo_msgs/msg");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("Gait.msg"), "geometry_msgs/Point[] feet\n").unwrap();
        let catalog = Catalog::open(&[folder.path().to_owned()]).unwrap();
        let name = catalog.find_message("zoo_msgs/Gait").unwrap();
        assert!(catalog.support(name).unwrap().run_time_type().is_ok());
        assert_eq!(catalog.compiled().unwrap().files().count(), SCHEMAS.len() + 1);
    }

    #[test]
    fn the_first_folder_that_has_a_package_counts() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, text) in [(&first, "bool x\n"), (&second, "string x\n")] {
            let place = folder.path().join("zoo_msgs/msg");
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("Gait.msg"), text).unwrap();
        }
        std::fs::write(second.path().join("zoo_msgs/msg/Other.msg"), "").unwrap();
        let mut catalog = Catalog::about(&[first.path().to_owned()], &[second.path().to_owned()]).unwrap();
        let asked: Vec<String> = catalog.asked_names().map(ToString::to_string).collect();
        assert_eq!(asked, ["zoo_msgs/msg/Gait"]);
        assert!(catalog.find("zoo_msgs/Other").is_err());
        let again = nuncio_codegen::read_folder(second.path()).unwrap();
        let taken = catalog.add(again, true);
        assert_eq!(taken, [("zoo_msgs".to_owned(), first.path().join("zoo_msgs"))]);
    }

    #[test]
    fn a_folder_without_interfaces_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Catalog::open(&[folder.path().to_owned()]).is_err());
    }
}
