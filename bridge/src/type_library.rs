//! The types that the bridge knows: shipped ones, those in the user's folders, and those that publishers have told of.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use nuncio::msgs::SCHEMAS;
use nuncio::{ActionSupport, ServiceSupport, TypeHash, TypeSupport};
use nuncio_codegen::{Diagnostics, read_folder};

use crate::action_ends::BridgeActionType;
use crate::border_error::BorderError;
use crate::bridge_type::{BridgeServiceType, BridgeType};

/// How many types are remembered that are not in the library's own texts: they come from whoever publishes.
const LEARNED_MAX: usize = 4096;

/// Types by name and hash, each compiled once.
pub struct TypeLibrary {
    /// Name and text of each schema file.
    sources: Vec<(String, String)>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    messages: HashMap<String, Arc<BridgeType>>,
    services: HashMap<String, Arc<BridgeServiceType>>,
    actions: HashMap<String, Arc<BridgeActionType>>,
    learned: HashMap<(String, TypeHash), Arc<BridgeType>>,
    learned_services: HashMap<(String, TypeHash), Arc<BridgeServiceType>>,
}

impl fmt::Debug for TypeLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeLibrary({} files)", self.sources.len())
    }
}

impl TypeLibrary {
    /// The shipped types and those below `folders`, which count before shipped ones of the same package.
    ///
    /// # Errors
    ///
    /// [`Diagnostics`] when a folder cannot be read or holds no types.
    pub fn open(folders: &[PathBuf]) -> Result<Self, Diagnostics> {
        let mut sources: Vec<(String, String)> = Vec::new();
        for folder in folders {
            let found = read_folder(folder)?;
            let texts = found.files.iter().map(|file| {
                let text = String::from_utf8_lossy(&file.bytes).into_owned();
                (file.type_name.to_string(), text)
            });
            let new: Vec<_> = texts
                .filter(|(name, _)| sources.iter().all(|known| known.0 != *name))
                .collect();
            sources.extend(new);
        }
        let shipped = SCHEMAS
            .iter()
            .filter(|schema| sources.iter().all(|known| known.0 != schema.type_name));
        let shipped: Vec<_> = shipped
            .map(|schema| (schema.type_name.to_owned(), schema.text.to_owned()))
            .collect();
        sources.extend(shipped);
        Ok(Self {
            sources,
            known: Mutex::default(),
        })
    }

    /// The names of all types that have a text here: messages, services and actions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|(name, _)| name.as_str())
    }

    /// A message type, as `std_msgs/msg/String` or `std_msgs/String`; parts of services and actions have names, too.
    ///
    /// # Errors
    ///
    /// [`BorderError::UnknownType`] when there is none, or its text is wrong.
    pub fn message(&self, name: &str) -> Result<Arc<BridgeType>, BorderError> {
        let name = full_name(name, "msg");
        if let Some(known) = self.lock().messages.get(&name) {
            return Ok(Arc::clone(known));
        }
        let support = TypeSupport::compile(&name, &self.texts()).map_err(|error| unknown(&name, &error))?;
        let made = Arc::new(BridgeType::new(support)?);
        self.lock().messages.insert(name, Arc::clone(&made));
        Ok(made)
    }

    /// The version of a message type that has this hash, when it is known.
    pub fn message_with_hash(&self, name: &str, hash: &TypeHash) -> Option<Arc<BridgeType>> {
        let id = (full_name(name, "msg"), *hash);
        if let Some(known) = self.lock().learned.get(&id) {
            return Some(Arc::clone(known));
        }
        self.message(&id.0).ok().filter(|found| found.hash() == *hash)
    }

    /// A service type, as `std_srvs/srv/SetBool` or `std_srvs/SetBool`.
    ///
    /// # Errors
    ///
    /// As [`message`](Self::message).
    pub fn service(&self, name: &str) -> Result<Arc<BridgeServiceType>, BorderError> {
        let name = full_name(name, "srv");
        if let Some(known) = self.lock().services.get(&name) {
            return Ok(Arc::clone(known));
        }
        let support = ServiceSupport::compile(&name, &self.texts()).map_err(|error| unknown(&name, &error))?;
        let made = Arc::new(BridgeServiceType::new(support)?);
        self.lock().services.insert(name, Arc::clone(&made));
        Ok(made)
    }

    /// An action type, as `example_interfaces/action/Fibonacci` or `example_interfaces/Fibonacci`.
    ///
    /// # Errors
    ///
    /// As [`message`](Self::message).
    pub fn action(&self, name: &str) -> Result<Arc<BridgeActionType>, BorderError> {
        let name = full_name(name, "action");
        if let Some(known) = self.lock().actions.get(&name) {
            return Ok(Arc::clone(known));
        }
        let support = ActionSupport::compile(&name, &self.texts()).map_err(|error| unknown(&name, &error))?;
        let made = Arc::new(BridgeActionType::new(support)?);
        self.lock().actions.insert(name, Arc::clone(&made));
        Ok(made)
    }

    /// The version of a service type that has this hash, when it is known.
    pub fn service_with_hash(&self, name: &str, hash: &TypeHash) -> Option<Arc<BridgeServiceType>> {
        let id = (full_name(name, "srv"), *hash);
        if let Some(known) = self.lock().learned_services.get(&id) {
            return Some(Arc::clone(known));
        }
        self.service(&id.0).ok().filter(|found| found.hash() == *hash)
    }

    /// Remembers a type that somebody told of.
    ///
    /// # Errors
    ///
    /// As [`BridgeType::new`].
    pub fn learn(&self, support: TypeSupport) -> Result<Arc<BridgeType>, BorderError> {
        let made = Arc::new(BridgeType::new(support)?);
        let mut known = self.lock();
        if known.learned.len() >= LEARNED_MAX {
            known.learned.clear();
        }
        known
            .learned
            .insert((made.name().to_owned(), made.hash()), Arc::clone(&made));
        Ok(made)
    }

    /// Remembers a service type that somebody told of.
    ///
    /// # Errors
    ///
    /// As [`BridgeType::new`].
    pub fn learn_service(&self, support: ServiceSupport) -> Result<Arc<BridgeServiceType>, BorderError> {
        let made = Arc::new(BridgeServiceType::new(support)?);
        let mut known = self.lock();
        if known.learned_services.len() >= LEARNED_MAX {
            known.learned_services.clear();
        }
        let id = (made.name().to_owned(), made.hash());
        known.learned_services.insert(id, Arc::clone(&made));
        Ok(made)
    }

    /// Name and text of each schema file, for compiling a type along with texts of one's own.
    pub fn texts(&self) -> Vec<(&str, &str)> {
        self.sources
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `std_msgs/String` is `std_msgs/msg/String`.
fn full_name(name: &str, kind: &str) -> String {
    match name.split_once('/') {
        Some((package, rest)) if !rest.contains('/') => format!("{package}/{kind}/{rest}"),
        _ => name.to_owned(),
    }
}

fn unknown(name: &str, error: &Diagnostics) -> BorderError {
    let first = error.to_string();
    BorderError::UnknownType {
        name: name.chars().take(256).collect(),
        problem: first.lines().next().unwrap_or("it has no schema").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use nuncio::Message;
    use nuncio::msgs::geometry_msgs::msg::Twist;
    use serde_json::json;

    use super::*;
    use crate::bridge_type::Body;

    #[test]
    fn a_type_is_found_by_either_name_and_by_its_hash() {
        let library = TypeLibrary::open(&[]).unwrap();
        let long = library.message("geometry_msgs/msg/Twist").unwrap();
        let short = library.message("geometry_msgs/Twist").unwrap();
        assert!(Arc::ptr_eq(&long, &short));
        assert_eq!(long.hash(), Twist::TYPE_HASH);
        assert!(
            library
                .message_with_hash("geometry_msgs/msg/Twist", &Twist::TYPE_HASH)
                .is_some()
        );
        let other = TypeHash::from_bytes([1; 32]);
        assert!(library.message_with_hash("geometry_msgs/msg/Twist", &other).is_none());
        assert!(library.service("std_srvs/SetBool").is_ok());
    }

    #[test]
    fn the_definition_has_every_type_that_is_needed() {
        let library = TypeLibrary::open(&[]).unwrap();
        let twist = library.message("geometry_msgs/msg/Twist").unwrap();
        let text = twist.ros2msg();
        assert!(
            text.contains("Vector3  linear") || text.contains("Vector3 linear"),
            "{text}"
        );
        assert!(
            text.contains(&format!("\n{}\nMSG: geometry_msgs/Vector3\n", "=".repeat(80))),
            "{text}"
        );
        let request = library.service("std_srvs/srv/SetBool").unwrap();
        assert!(request.request().ros2msg().contains("bool data"));
    }

    #[test]
    fn what_is_not_of_its_type_is_refused_with_its_place() {
        let library = TypeLibrary::open(&[]).unwrap();
        let twist = library.message("geometry_msgs/msg/Twist").unwrap();
        let bad = json!({"linear": {"x": "fast"}});
        let error = twist.payload_of(Body::Json(&bad)).unwrap_err().to_string();
        assert!(error.contains("linear.x"), "{error}");
        let error = twist.payload_of(Body::Cdr(&[0, 1, 0, 0, 1])).unwrap_err().to_string();
        assert!(error.contains("linear.x"), "{error}");
        assert!(matches!(
            library.message("no_such/msg/Type"),
            Err(BorderError::UnknownType { .. })
        ));
    }

    #[test]
    fn json_and_cdr_give_the_same_payload() {
        let library = TypeLibrary::open(&[]).unwrap();
        let text = library.message("std_msgs/msg/String").unwrap();
        let payload = text.payload_of(Body::Json(&json!({"data": "hello"}))).unwrap();
        let cdr = text.cdr_of(&payload).unwrap();
        assert_eq!(cdr, b"\0\x01\0\0\x06\0\0\0hello\0");
        assert_eq!(text.payload_of(Body::Cdr(&cdr)).unwrap(), payload);
        assert_eq!(text.json_of(&payload).unwrap(), r#"{"data":"hello"}"#);
    }
}
