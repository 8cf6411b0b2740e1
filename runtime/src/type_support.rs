//! Type support: what it takes to publish or read a type that the program was not built with, and how publishers
//! serve it.
//!
//! A definition proves itself as far as the structure goes: it is compiled and has to hash to the type hash that the
//! verified frame names. Its comments, units and limits are not part of the hash; they are the publisher's word, hence
//! the signature on what is served.

use std::fmt;

use nuncio_codegen::Diagnostics;
use nuncio_codegen::model::TypeDescription;
use nuncio_msgs::message::Definition;
use nuncio_msgs::nuncio_msgs::msg::{TypeDefinition, TypeSource};
use nuncio_msgs::{Message, TypeHash};

use crate::name::Domain;
use crate::run_time_type::{RunTimeType, RunTimeTypeError};
use crate::security::context::Context;
use crate::security::frame::Kind;
use crate::security::refusal::Refusal;

/// A type known at run time: its schema, compiled, with name and hash.
#[derive(Clone, Debug)]
pub struct TypeSupport {
    description: TypeDescription,
    definition: TypeDefinition,
}

impl TypeSupport {
    /// Compiles a type from schema texts: its own and, in any order, those of the types that it refers to. Each is a
    /// pair of type name and text; more than needed do no harm.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] with file, line and column of everything that is wrong.
    pub fn compile(type_name: &str, sources: &[(&str, &str)]) -> Result<Self, Diagnostics> {
        let description = nuncio_codegen::describe(type_name, sources)?;
        let root = &description.root.type_name;
        let file = root.file_type();
        // Of a type that is derived from a service or an action, its file is needed, and whatever that refers to.
        let is_derived = file != *root;
        let own = if is_derived {
            file.to_string()
        } else {
            type_name.to_owned()
        };
        let refers_to = |name: &str| description.referenced.iter().any(|m| m.type_name.to_string() == name);
        let needed = |name: &str| is_derived || name == own || refers_to(name);
        let mut kept: Vec<TypeSource> = sources
            .iter()
            .filter(|(name, _)| needed(name))
            .map(|(name, text)| TypeSource {
                type_name: (*name).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        kept.sort_by_key(|source| (source.type_name != own, source.type_name.clone()));
        let definition = TypeDefinition {
            type_name: type_name.to_owned(),
            type_hash: nuncio_codegen::type_hash(&description),
            sources: kept,
            type_description: nuncio_codegen::type_description_json(&description),
        };
        Ok(Self {
            description,
            definition,
        })
    }

    /// The full name, such as `geometry_msgs/msg/Twist`.
    pub fn type_name(&self) -> &str {
        &self.definition.type_name
    }

    /// The RIHS01 hash.
    pub fn type_hash(&self) -> TypeHash {
        TypeHash::from_bytes(self.definition.type_hash)
    }

    /// Whether a topic of this type belongs to one key.
    pub fn is_exclusive(&self) -> bool {
        self.description.root.exclusive
    }

    /// The compiled schema.
    pub fn description(&self) -> &TypeDescription {
        &self.description
    }

    /// The document that publishers of this type serve.
    pub fn definition(&self) -> &TypeDefinition {
        &self.definition
    }

    /// The codec between payload and JSON.
    ///
    /// # Errors
    ///
    /// [`RunTimeTypeError`] when the description is not complete.
    pub fn run_time_type(&self) -> Result<RunTimeType, RunTimeTypeError> {
        RunTimeType::new(&self.description)
    }
}

/// The document that a publisher of `M` serves.
pub(crate) fn definition_of<M: Message>() -> TypeDefinition {
    let sources = M::DEFINITIONS.iter().map(|Definition { type_name, text }| TypeSource {
        type_name: (*type_name).to_owned(),
        text: (*text).to_owned(),
    });
    TypeDefinition {
        type_name: M::TYPE_NAME.to_owned(),
        type_hash: *M::TYPE_HASH.as_bytes(),
        sources: sources.collect(),
        type_description: M::TYPE_DESCRIPTION.to_owned(),
    }
}

/// Whether a type that this program was built with is marked `@exclusive`: known also to those who subscribe untyped.
pub(crate) fn is_exclusive(type_name: &str, type_hash: &TypeHash) -> bool {
    macro_rules! any_exclusive {
        ($($message:path),* $(,)?) => {
            $((<$message as Message>::EXCLUSIVE && <$message as Message>::TYPE_NAME == type_name && <$message as Message>::TYPE_HASH == *type_hash))||*
        };
    }
    nuncio_msgs::for_each_message!(any_exclusive)
}

/// The context under which a definition is signed for a question.
pub(crate) fn context(domain: &Domain, type_hash: &TypeHash, nonce: &[u8]) -> Context {
    Context::new(
        domain,
        &type_hash.to_string(),
        TypeDefinition::TYPE_NAME,
        &TypeDefinition::TYPE_HASH,
        Kind::Response,
        nonce,
    )
}

/// The texts that a definition has, with the names of their types.
pub(crate) fn sources_of(definition: &TypeDefinition) -> Vec<(&str, &str)> {
    let sources = definition.sources.iter();
    sources
        .map(|source| (source.type_name.as_str(), source.text.as_str()))
        .collect()
}

/// Compiles a served definition and sees that it is the one asked for.
///
/// # Errors
///
/// [`TypeError`] when the text does not compile or is of another type.
pub(crate) fn accept(
    definition: &TypeDefinition,
    type_name: &str,
    type_hash: &TypeHash,
) -> Result<TypeSupport, TypeError> {
    let support = TypeSupport::compile(type_name, &sources_of(definition)).map_err(TypeError::Definition)?;
    match support.type_hash() == *type_hash {
        true => Ok(support),
        false => Err(TypeError::OtherType {
            asked: *type_hash,
            found: support.type_hash(),
        }),
    }
}

/// Why a type is not known.
#[derive(Debug)]
#[non_exhaustive]
pub enum TypeError {
    /// No publisher of this key answered in time.
    NoAnswer,
    /// The answer was refused.
    Refused(Refusal),
    /// The definition does not compile.
    Definition(Diagnostics),
    /// The definition is of another type than asked for.
    OtherType {
        /// The hash asked for.
        asked: TypeHash,
        /// The hash of what was served.
        found: TypeHash,
    },
    /// The question could not be put.
    Link(String),
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no publisher served the definition in time; see that its node still runs"),
            Self::Refused(refusal) => write!(f, "the definition served was refused: {refusal}"),
            Self::Definition(problems) => write!(f, "the definition served does not compile:\n{problems}"),
            Self::OtherType { asked, found } => {
                write!(f, "the definition served is of type {found}, asked for {asked}")
            }
            Self::Link(problem) => write!(f, "the definition could not be asked for: {problem}"),
        }
    }
}

impl std::error::Error for TypeError {}
