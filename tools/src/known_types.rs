//! The types of one topic's messages, each found once: in the catalog when the hash is equal, else asked of the
//! publisher.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use nuncio::run_time_type::{RunTimeType, RunTimeTypeError};
use nuncio::{Node, PublicKey, TypeError, TypeHash, TypeSupport, VerifiedMessage};

use crate::catalog::Catalog;

/// How many types are remembered. A topic has one; more come from whoever wants to fill memory.
const TYPES_MAX: usize = 64;

/// How long after a definition was not to be had the same publisher is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The types that were met.
#[derive(Debug)]
pub(crate) struct KnownTypes {
    catalog: Catalog,
    found: HashMap<(String, TypeHash), RunTimeType>,
    failed: HashMap<(PublicKey, TypeHash), (Instant, UnknownType)>,
}

impl KnownTypes {
    /// Looks into `catalog` first.
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            found: HashMap::new(),
            failed: HashMap::new(),
        }
    }

    /// The codec for a message. Asking its publisher takes up to some seconds.
    ///
    /// # Errors
    ///
    /// [`UnknownType`] when the definition is not to be had, or is not what the hash says.
    pub(crate) async fn of(&mut self, node: &Node, message: &VerifiedMessage) -> Result<&RunTimeType, UnknownType> {
        let frame = message.frame();
        let (name, hash) = (frame.type_name(), frame.type_hash());
        let id = (name.to_owned(), hash);
        if !self.found.contains_key(&id) {
            let codec = self.find(node, frame.signer(), name, hash).await?;
            if self.found.len() >= TYPES_MAX {
                self.found.clear();
            }
            self.found.insert(id.clone(), codec);
        }
        self.found
            .get(&id)
            .ok_or_else(|| UnknownType::new(name, hash, "it was just forgotten"))
    }

    /// Takes in a type that was learned elsewhere.
    pub(crate) fn learn(&mut self, support: &TypeSupport, codec: &RunTimeType) {
        let id = (support.type_name().to_owned(), support.type_hash());
        if !self.found.contains_key(&id) {
            if self.found.len() >= TYPES_MAX {
                self.found.clear();
            }
            self.found.insert(id, codec.clone());
        }
    }

    async fn find(
        &mut self,
        node: &Node,
        signer: PublicKey,
        name: &str,
        hash: TypeHash,
    ) -> Result<RunTimeType, UnknownType> {
        if let Some(support) = self.catalog.with_hash(name, hash) {
            return codec(&support).map_err(|error| UnknownType::new(name, hash, error));
        }
        if let Some((when, error)) = self.failed.get(&(signer, hash))
            && when.elapsed() < ASK_AGAIN_AFTER
        {
            return Err(error.clone());
        }
        let fetched: Result<TypeSupport, TypeError> = node.fetch_type(signer, name, &hash).await;
        let found = match fetched {
            Ok(support) => codec(&support).map_err(|error| UnknownType::new(name, hash, error)),
            Err(error) => Err(UnknownType::new(name, hash, error)),
        };
        if let Err(error) = &found {
            if self.failed.len() >= TYPES_MAX {
                self.failed.clear();
            }
            self.failed.insert((signer, hash), (Instant::now(), error.clone()));
        }
        found
    }
}

fn codec(support: &TypeSupport) -> Result<RunTimeType, RunTimeTypeError> {
    support.run_time_type()
}

/// A type whose definition is not to be had.
#[derive(Clone, Debug)]
pub(crate) struct UnknownType {
    name: String,
    hash: TypeHash,
    problem: String,
}

impl UnknownType {
    fn new(name: &str, hash: TypeHash, problem: impl fmt::Display) -> Self {
        Self {
            name: name.to_owned(),
            hash,
            problem: problem.to_string(),
        }
    }
}

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the definition of {} {} is needed: {}",
            self.name, self.hash, self.problem
        )
    }
}

impl Error for UnknownType {}
