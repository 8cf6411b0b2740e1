//! What a frame channel says of its frames, written and read: the place for which they are signed, and their type.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use nuncio::security::context::Context;
use nuncio::security::frame::Kind;
use nuncio::{Domain, TopicName, TypeHash, TypeSupport};
use nuncio_codegen::split_definitions;

use crate::bridge_type::BridgeType;

/// The place for which the frames of one channel are signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FramePlace {
    /// The domain.
    pub domain: Domain,
    /// The topic.
    pub topic: TopicName,
    /// The type's full name.
    pub type_name: String,
    /// The type's hash.
    pub type_hash: TypeHash,
    /// Whether the messages are in the bag in CDR, too.
    pub has_cdr: bool,
    /// The schema files of a type that no `.msg` text defines, as a JSON list of pairs.
    pub sources: Option<String>,
}

impl FramePlace {
    /// The channel's metadata.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let cdr = if self.has_cdr { "yes" } else { "no" };
        let fixed = [
            ("domain", self.domain.as_str().to_owned()),
            ("topic", self.topic.as_str().to_owned()),
            ("type_name", self.type_name.clone()),
            ("type_hash", self.type_hash.to_string()),
            ("cdr", cdr.to_owned()),
        ];
        let sources = self.sources.iter().map(|sources| ("sources", sources.clone()));
        let all = fixed.into_iter().chain(sources);
        all.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Reads the metadata of a frame channel.
    ///
    /// # Errors
    ///
    /// What is missing or wrong, in words.
    pub fn read(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = |key: &str| {
            let found = metadata.get(key);
            found
                .map(String::as_str)
                .ok_or_else(|| format!("a frame channel without `{key}`"))
        };
        fn wrong(error: impl Display) -> String {
            format!("a frame channel whose place is none: {error}")
        }
        Ok(Self {
            domain: Domain::parse(text("domain")?).map_err(wrong)?,
            topic: TopicName::parse(text("topic")?).map_err(wrong)?,
            type_name: text("type_name")?.to_owned(),
            type_hash: TypeHash::parse(text("type_hash")?).map_err(wrong)?,
            has_cdr: text("cdr")? == "yes",
            sources: metadata.get("sources").cloned(),
        })
    }

    /// The context in which its frames are signed.
    pub fn context(&self) -> Context {
        let (name, hash) = (&self.type_name, &self.type_hash);
        Context::new(&self.domain, self.topic.as_str(), name, hash, Kind::Message, &[])
    }

    /// The type, made of the schema text that its messages have in the bag, and only if it is the one that was signed.
    ///
    /// # Errors
    ///
    /// Why it is not, in words.
    pub fn bridge_type(&self, schema: &str) -> Result<Arc<BridgeType>, String> {
        let support = match &self.sources {
            Some(sources) => {
                let sources: Vec<(String, String)> =
                    serde_json::from_str(sources).map_err(|error| format!("sources that are no JSON: {error}"))?;
                compile(&self.type_name, &pairs(&sources))?
            }
            None => compile(&self.type_name, &split(&self.type_name, schema))?,
        };
        if support.type_hash() != self.type_hash {
            let (found, due) = (support.type_hash(), self.type_hash);
            return Err(format!(
                "a schema with the hash {found} where frames of {due} are signed"
            ));
        }
        let ty = BridgeType::new(support).map_err(|error| error.to_string())?;
        match self.sources.is_none() || ty.ros2msg() == schema {
            true => Ok(Arc::new(ty)),
            false => Err("a schema that is not what its sources say".to_owned()),
        }
    }
}

/// What has to be kept of a type beside its `ros2msg` text, so that it can be compiled again.
pub(crate) fn sources_of(ty: &BridgeType) -> Option<String> {
    let definition = ty.support().definition();
    if ty.name().split('/').nth(1) == Some("msg") {
        return None;
    }
    let sources = definition.sources.iter();
    let pairs: Vec<_> = sources.map(|source| (&source.type_name, &source.text)).collect();
    serde_json::to_string(&pairs).ok()
}

fn pairs(sources: &[(String, String)]) -> Vec<(&str, &str)> {
    sources
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect()
}

/// The parts of a joined text. The names of its dependencies are short.
fn split<'a>(root: &'a str, schema: &'a str) -> Vec<(String, &'a str)> {
    let parts = split_definitions(root, schema).into_iter();
    let full = |name: &str| match name.split_once('/') {
        Some((package, rest)) if !rest.contains('/') => format!("{package}/msg/{rest}"),
        _ => name.to_owned(),
    };
    parts.map(|(name, text)| (full(name), text)).collect()
}

fn compile(name: &str, sources: &[(impl AsRef<str>, &str)]) -> Result<TypeSupport, String> {
    let sources: Vec<(&str, &str)> = sources.iter().map(|(name, text)| (name.as_ref(), *text)).collect();
    TypeSupport::compile(name, &sources).map_err(|problems| format!("a schema that does not compile: {problems}"))
}

/// The type of a channel of any recording, by its `ros2msg` text.
///
/// # Errors
///
/// Why there is none, in words.
pub fn type_of_schema(name: &str, schema: &str) -> Result<Arc<BridgeType>, String> {
    let name = match name.split_once('/') {
        Some((package, rest)) if !rest.contains('/') => format!("{package}/msg/{rest}"),
        _ => name.to_owned(),
    };
    let support = compile(&name, &split(&name, schema))?;
    BridgeType::new(support)
        .map(Arc::new)
        .map_err(|error| error.to_string())
}
