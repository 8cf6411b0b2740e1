//! Contexts: domain, endpoints and keystore under one name, so that `nuncio context use robot7` says them once.
//!
//! They are in `contexts.toml` in the keystore's usual place, which a context may not move: otherwise nobody would find it
//! again. What stands on the command line or in the environment goes before what a context says.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nuncio::{Discovery, Domain, Keystore, TrustMode};
use nuncio_codegen::near_names;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::cli::GlobalArgs;

/// The file's name.
pub(crate) const FILE: &str = "contexts.toml";
/// The longest file that is read.
const FILE_LEN_MAX: u64 = 1 << 20;
/// The longest name.
const NAME_LEN_MAX: usize = 64;

/// The name of a context: letters, digits, `_`, `-` and `.`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ContextName(String);

impl FromStr for ContextName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        match !text.is_empty() && text.len() <= NAME_LEN_MAX && text.chars().all(fits) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "expected a name of 1 to {NAME_LEN_MAX} letters, digits, `_`, `-` and `.`"
            )),
        }
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one context says; what it does not say is as without it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Context {
    pub(crate) domain: Option<Domain>,
    pub(crate) connect: Vec<String>,
    pub(crate) listen: Vec<String>,
    pub(crate) discovery: Option<Discovery>,
    pub(crate) tls: Option<PathBuf>,
    pub(crate) trust_mode: Option<TrustMode>,
    pub(crate) keystore: Option<PathBuf>,
}

impl Context {
    /// Fills in what neither the command line nor the environment says.
    pub(crate) fn fill_in(self, global: &mut GlobalArgs, domain_is_given: bool) {
        if let Some(domain) = self.domain.filter(|_| !domain_is_given) {
            global.domain = domain;
        }
        // Endpoints and how to find others belong together: who names an endpoint means another place.
        if global.connect.is_empty() && global.listen.is_empty() {
            (global.connect, global.listen) = (self.connect, self.listen);
            global.discovery = global.discovery.or(self.discovery);
        }
        global.tls = global.tls.take().or(self.tls);
        global.trust_mode = global.trust_mode.or(self.trust_mode);
        global.keystore = global.keystore.take().or(self.keystore);
    }
}

/// The file, read. Comments and the order of what is in it stay as they are.
#[derive(Debug)]
pub(crate) struct Contexts {
    path: PathBuf,
    document: DocumentMut,
    contexts: BTreeMap<ContextName, Context>,
    current: Option<ContextName>,
}

impl Contexts {
    /// Reads the file of this user; none is as an empty one.
    ///
    /// # Errors
    ///
    /// [`ContextError`] when there is no place for it, or it is not right.
    pub(crate) fn open() -> Result<Self, ContextError> {
        let dir = Keystore::default_dir().map_err(|error| ContextError::NoHome(Box::new(error)))?;
        Self::read(dir.join(FILE))
    }

    fn read(path: PathBuf) -> Result<Self, ContextError> {
        let mut text = String::new();
        match fs::File::open(&path) {
            Ok(file) => {
                let read = file.take(FILE_LEN_MAX + 1).read_to_string(&mut text);
                read.map_err(|error| ContextError::file(&path, error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ContextError::file(&path, error)),
        }
        if text.len() as u64 > FILE_LEN_MAX {
            let problem = format!("it is longer than {FILE_LEN_MAX} bytes");
            return Err(ContextError::Malformed { path, problem });
        }
        Self::parse(path, &text)
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self, ContextError> {
        let malformed = |problem: String| ContextError::Malformed {
            path: path.clone(),
            problem,
        };
        let document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| malformed(error.to_string()))?;
        let (mut contexts, mut current) = (BTreeMap::new(), None);
        for (key, item) in document.iter() {
            match key {
                "current" => current = Some(parsed(key, item).map_err(malformed)?),
                "context" => {
                    let table = item.as_table_like();
                    let table = table.ok_or_else(|| malformed("expected tables `[context.NAME]`".to_owned()))?;
                    for (name, item) in table.iter() {
                        let told = |problem| malformed(format!("[context.{name}]: {problem}"));
                        let name: ContextName = name.parse().map_err(told)?;
                        let told = |problem| malformed(format!("[context.{name}]: {problem}"));
                        let context = context(item).map_err(told)?;
                        contexts.insert(name, context);
                    }
                }
                key => {
                    let problem = format!("{key:?} is unknown; expected `current` and tables `[context.NAME]`");
                    return Err(malformed(problem));
                }
            }
        }
        Ok(Self {
            path,
            document,
            contexts,
            current,
        })
    }

    /// Where the file is, or would be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ContextName, &Context)> {
        self.contexts.iter()
    }

    /// The one that is in use.
    pub(crate) fn current(&self) -> Option<&ContextName> {
        self.current.as_ref()
    }

    /// The one with this name.
    ///
    /// # Errors
    ///
    /// [`ContextError::Unknown`] when there is none.
    pub(crate) fn get(&self, name: &ContextName) -> Result<&Context, ContextError> {
        self.contexts.get(name).ok_or_else(|| {
            let known = self.contexts.keys().map(|name| name.0.as_str());
            ContextError::Unknown {
                near: near_names(&name.0, known).into_iter().map(str::to_owned).collect(),
                name: name.clone(),
            }
        })
    }

    /// Makes `name` the one in use, or none.
    ///
    /// # Errors
    ///
    /// [`ContextError::Unknown`] when there is none of that name.
    pub(crate) fn select(&mut self, name: Option<ContextName>) -> Result<(), ContextError> {
        match &name {
            Some(name) => {
                self.get(name)?;
                self.document.insert("current", value(name.to_string()));
            }
            None => {
                self.document.remove("current");
            }
        }
        self.current = name;
        Ok(())
    }

    /// Adds one, or replaces the one of that name.
    pub(crate) fn set(&mut self, name: ContextName, context: Context) {
        let mut table = Table::new();
        let mut texts = |key: &str, text: Option<String>| {
            if let Some(text) = text {
                table.insert(key, value(text));
            }
        };
        texts("domain", context.domain.as_ref().map(ToString::to_string));
        texts("discovery", context.discovery.map(|how| how.as_str().to_owned()));
        texts("tls", context.tls.as_ref().map(|dir| dir.display().to_string()));
        texts("trust-mode", context.trust_mode.map(|mode| mode.to_string()));
        texts(
            "keystore",
            context.keystore.as_ref().map(|dir| dir.display().to_string()),
        );
        for (key, endpoints) in [("connect", &context.connect), ("listen", &context.listen)] {
            if !endpoints.is_empty() {
                table.insert(key, value(endpoints.iter().collect::<Array>()));
            }
        }
        let all = self.document.entry("context").or_insert_with(|| {
            let mut all = Table::new();
            all.set_implicit(true);
            Item::Table(all)
        });
        if let Some(all) = all.as_table_like_mut() {
            all.insert(&name.0, Item::Table(table));
        }
        self.contexts.insert(name, context);
    }

    /// Takes one away; where it was in use, none is.
    ///
    /// # Errors
    ///
    /// [`ContextError::Unknown`] when there is none of that name.
    pub(crate) fn remove(&mut self, name: &ContextName) -> Result<(), ContextError> {
        self.get(name)?;
        self.contexts.remove(name);
        if let Some(all) = self.document.get_mut("context").and_then(Item::as_table_like_mut) {
            all.remove(&name.0);
        }
        match self.current.as_ref() == Some(name) {
            true => self.select(None),
            false => Ok(()),
        }
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ContextError::File`] when it cannot be written.
    pub(crate) fn store(&self) -> Result<(), ContextError> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let write = || {
            fs::create_dir_all(dir)?;
            let mut file = tempfile::NamedTempFile::new_in(dir)?;
            file.write_all(self.document.to_string().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        write().map_err(|error: io::Error| ContextError::file(&self.path, error))
    }
}

fn context(item: &Item) -> Result<Context, String> {
    let table = item.as_table_like().ok_or("expected a table")?;
    let mut context = Context::default();
    for (key, item) in table.iter() {
        match key {
            "domain" => context.domain = Some(parsed(key, item)?),
            "connect" => context.connect = endpoints(key, item)?,
            "listen" => context.listen = endpoints(key, item)?,
            "discovery" => context.discovery = Some(parsed(key, item)?),
            "tls" => context.tls = Some(PathBuf::from(text(key, item)?)),
            "trust-mode" => context.trust_mode = Some(parsed(key, item)?),
            "keystore" => context.keystore = Some(PathBuf::from(text(key, item)?)),
            key => {
                let keys = "domain, connect, listen, discovery, tls, trust-mode and keystore";
                return Err(format!("{key:?} is unknown; expected some of {keys}"));
            }
        }
    }
    Ok(context)
}

fn text<'a>(key: &str, item: &'a Item) -> Result<&'a str, String> {
    item.as_str().ok_or_else(|| format!("{key}: expected a text"))
}

fn parsed<T: FromStr<Err: fmt::Display>>(key: &str, item: &Item) -> Result<T, String> {
    let text = text(key, item)?;
    text.parse()
        .map_err(|error: T::Err| format!("{key} = {text:?}: {error}"))
}

fn endpoints(key: &str, item: &Item) -> Result<Vec<String>, String> {
    let texts = item
        .as_array()
        .map(|array| array.iter().map(|value| value.as_str().map(str::to_owned)).collect());
    texts
        .flatten()
        .ok_or_else(|| format!("{key}: expected a list of texts, such as [\"tcp/192.168.1.5:7447\"]"))
}

/// Why there is no such context, or its file cannot be used.
#[derive(Debug)]
pub(crate) enum ContextError {
    /// The environment names no place for it.
    NoHome(Box<dyn Error + Send + Sync>),
    /// The file cannot be read or written.
    File { path: PathBuf, error: io::Error },
    /// The file is not what it should be.
    Malformed { path: PathBuf, problem: String },
    /// There is no context of that name.
    Unknown { name: ContextName, near: Vec<String> },
}

impl ContextError {
    fn file(path: &Path, error: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            error,
        }
    }
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome(error) => error.fmt(f),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Malformed { path, problem } => {
                write!(
                    f,
                    "{} is not right: {problem}; mend it, or remove the file",
                    path.display()
                )
            }
            Self::Unknown { name, near } => {
                write!(f, "there is no context {name}; ")?;
                match near.is_empty() {
                    true => f.write_str("`nuncio context list` shows them,")?,
                    false => write!(f, "did you mean {}?", near.join(" or "))?,
                }
                write!(f, " `nuncio context set {name} --connect ENDPOINT` makes one")
            }
        }
    }
}

impl Error for ContextError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Contexts, String> {
        Contexts::parse(PathBuf::from("contexts.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_set_is_read_again_and_comments_stay() {
        let mut contexts = parse("# mine\n[context.lab] # the lab\ndomain = \"7\"\n").unwrap();
        let robot = Context {
            domain: Some(Domain::parse("robots").unwrap()),
            connect: vec!["tls/robot7:7447".to_owned()],
            discovery: Some(Discovery::Off),
            trust_mode: Some(TrustMode::Enforce),
            keystore: Some(PathBuf::from("/keys/robot7")),
            ..Context::default()
        };
        let name: ContextName = "robot7".parse().unwrap();
        contexts.set(name.clone(), robot.clone());
        contexts.select(Some(name.clone())).unwrap();
        let text = contexts.document.to_string();
        let again = parse(&text).unwrap();
        assert_eq!(
            (again.get(&name).unwrap(), again.current()),
            (&robot, Some(&name)),
            "{text}"
        );
        assert!(text.contains("# mine") && text.contains("# the lab"), "{text}");

        let mut again = again;
        again.remove(&name).unwrap();
        let gone = parse(&again.document.to_string()).unwrap();
        assert_eq!((gone.iter().count(), gone.current()), (1, None));
    }

    #[test]
    fn what_is_wrong_in_the_file_is_named() {
        for (text, told) in [
            ("current = 3", "current: expected a text"),
            ("context = 3", "expected tables"),
            ("[context.lab]\ndomian = \"7\"", "[context.lab]: \"domian\" is unknown"),
            (
                "[context.lab]\nconnect = \"tcp/x:1\"",
                "connect: expected a list of texts",
            ),
            ("[context.lab]\ndiscovery = \"loud\"", "discovery = \"loud\""),
            ("[context.\"a b\"]", "expected a name"),
            ("[contexts.lab]", "\"contexts\" is unknown"),
            ("current = ", "is not right"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn an_unknown_context_is_told_with_those_that_are_near() {
        let contexts = parse("[context.robot7]").unwrap();
        let error = contexts.get(&"robot8".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("did you mean robot7?"), "{error}");
    }
}
